"""The lexical rules of primitives: https://hl7.org/fhir/R4/datatypes.html#primitive."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fhirkit import Validator
from fhirkit.validate import Options

GOOD: dict[str, list[Any]] = {
    "boolean": [True, False],
    "integer": [0, -1, 2147483647, -2147483648],
    "positiveInt": [1, 2147483647],
    "unsignedInt": [0],
    "decimal": [0, 1, Decimal("1.00"), Decimal("1E-7"), Decimal("-0.0"), 2**70, 0.5],
    "string": ["x", " x ", "a\tb\r\nc", "ä😀\u2028", "x" * 1048576],
    "markdown": ["# x"],
    "code": ["a", "a b"],
    "id": ["a", "A-1.b", "x" * 64],
    "uri": ["urn:x", "http://x.org/a?b=c", "#a", "urn:uuid:0b0c4b5e-7a52-4f0e-9c80-1d5c8e6a0001"],
    "oid": ["urn:oid:1.2.840.10008"],
    "uuid": ["urn:uuid:0b0c4b5e-7a52-4f0e-9c80-1d5c8e6a0001"],
    "date": ["2020", "2020-02", "2020-02-29", "0001-01-01"],
    "dateTime": ["2020", "2020-02-29", "2020-02-29T23:59:60Z", "2015-02-07T13:28:17.239+02:00"],
    "instant": ["2015-02-07T13:28:17.239-14:00"],
    "time": ["00:00:00", "23:59:59"],
    "base64Binary": ["AAAA", "AAA=", "AA==", "AAAA\r\nAAAA", "AAAA BBBB"],
}
BAD: dict[str, list[Any]] = {
    "boolean": ["true", 1, 0, "", None, []],
    "integer": [True, 1.0, Decimal("1.0"), "1", 2147483648, -2147483649, 10**4000],
    "positiveInt": [0, -1],
    "unsignedInt": [-1],
    "decimal": ["1", True, float("nan"), float("inf"), Decimal("NaN")],
    "string": ["", " ", "\u00a0", "a\x00", "a\x0b", "\ud800", "\ufffe", 1, {}, "x" * 1048577],
    "code": [" a", "a ", "a  b", "a\tb", "a\n", "a\u00a0b", "a\u200b"],
    "id": ["a_b", "x" * 65, "a\n", "a b", "ä", "\u0661"],
    "uri": ["a b", "urn:oid:1.02", "urn:oid:x", "urn:uuid:12", "http://x\u200b.org"],
    "oid": ["1.2.3", "urn:oid:3.1"],
    "uuid": ["urn:uuid:0B0C4B5E-7A52-4F0E-9C80-1D5C8E6A0001"],
    "date": [
        "2020-02-30",
        "2019-02-29",
        "2020-13",
        "20200101",
        "2020-1-1",
        "0000",
        "2020-01-01\n",
        "2020-01-01T00:00:00Z",
        "٢٠٢٠",
    ],
    "dateTime": [
        "2020-02-29T12:00Z",
        "2020-02-29T12:00:00",
        "2020-02-30T12:00:00Z",
        "2020-02-29T",
        "2020-02-29T24:00:00Z",
        "2020-02-29T12:00:00+15:00",
    ],
    "instant": ["2020-02-29", "2020-04-31T00:00:00Z"],
    "time": ["24:00:00", "12:00", "12:00:00Z"],
    "base64Binary": ["A", "AAA", "====", "AA=A", "AAAAA===", "Ä===", "AAAA-_=="],
}


def check(validator: Validator, kind: str, value: Any) -> list[str]:
    name = f"value{kind[0].upper()}{kind[1:]}"
    extension = {"url": "http://example.org/x", name: value}
    return [issue.rule for issue in validator.validate(_patient(extension)) if issue.is_error]


def _patient(extension: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Patient", "extension": [extension]}


@pytest.mark.parametrize(("kind", "value"), [(k, v) for k, values in GOOD.items() for v in values])
def test_good_values_pass(validator: Validator, kind: str, value: Any) -> None:
    assert check(validator, kind, value) == []


@pytest.mark.parametrize(("kind", "value"), [(k, v) for k, values in BAD.items() for v in values])
def test_bad_values_are_found(validator: Validator, kind: str, value: Any) -> None:
    rules = check(validator, kind, value)
    assert rules
    assert all(rule.startswith(("primitive-", "null-", "array-", "constraint-")) for rule in rules)


def test_a_value_found_right_once_is_not_right_elsewhere(validator: Validator) -> None:
    good = {"resourceType": "Patient", "name": [{"given": ["once"]}], "gender": "male"}
    assert validator.validate(good).valid
    for broken in ({"name": [{"given": "once"}]}, {"name": "male"}, {"gender": ["male"]}):
        assert not validator.validate({**good, **broken}).valid


def test_many_digits_are_only_warned_about(validator: Validator) -> None:
    text = (
        '{"resourceType":"Patient","extension":[{"url":"http://example.org/x","valueDecimal":%s}]}'
    )
    outcome = validator.validate(text % "3.1415926535897932384626433832795")
    assert outcome.valid
    assert [issue.rule for issue in outcome] == ["decimal-precision"]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("size", [151, 1_000_000])
def test_base64_takes_linear_time(validator: Validator, size: int) -> None:
    assert check(validator, "base64Binary", "AAAA " * (size // 5) + "!") == ["primitive-format"]


def test_messages_hold_no_values(validator: Validator) -> None:
    secret = "Q7-secret"
    for kind in BAD:
        name = f"value{kind[0].upper()}{kind[1:]}"
        outcome = validator.validate(
            _patient({"url": "http://example.org/x", name: secret + " \t"})
        )
        assert all(secret not in issue.message for issue in outcome)


@pytest.mark.parametrize(
    ("part", "place"),
    [
        ({"photo": [{"url": "http://example.org/a"}]}, "Patient.photo[0].url"),
        ({"identifier": [{"system": "https://a.acme.com"}]}, "Patient.identifier[0].system"),
        ({"meta": {"profile": ["http://example.net/p"]}}, "Patient.meta.profile[0]"),
        ({"identifier": [{"system": "urn:oid:2.999.1"}]}, "Patient.identifier[0].system"),
        ({"identifier": [{"system": "https://notexample.organ"}]}, None),
        ({"identifier": [{"value": "http://example.org/a"}]}, None),
    ],
)
def test_example_urls_pass_unless_they_are_refused(part: dict[str, Any], place: str | None) -> None:
    patient = {"resourceType": "Patient", **part}
    assert Validator().validate(patient).valid
    found = Validator(options=Options(example_urls=False)).validate(patient).errors
    assert [(e.rule, e.expression) for e in found] == ([("url-example", place)] if place else [])


def test_a_definition_may_name_itself_by_an_example_url() -> None:
    value_set = {"resourceType": "ValueSet", "url": "http://example.org/v", "status": "draft"}
    assert Validator(options=Options(example_urls=False)).validate(value_set).valid


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("Ann <b>Sample</b>", True),
        ("<script>x</script>", True),
        ('<a href="x">y</a>', True),
        ("a < b > c <d>", False),
        ("pH <7.4> and <8", False),
        ("<5 mg", False),
        ("plain", False),
    ],
)
def test_markup_in_a_text_is_refused_on_request(text: str, refused: bool) -> None:
    patient = {"resourceType": "Patient", "name": [{"text": text}]}
    assert Validator().validate(patient).valid
    found = Validator(options=Options(security_checks=True)).validate(patient).errors
    expected = [("text-markup", "Patient.name[0].text")] if refused else []
    assert [(e.rule, e.expression) for e in found] == expected
