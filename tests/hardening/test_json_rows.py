"""JSON, rows J1 to J28 of the hardening list: each input gets the expected answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hardening_answers import START, TIMES, Answer, validate
from hypothesis import given
from hypothesis import strategies as st

from fhirkit import InvalidInput, Outcome, Validator, dumps, loads
from fhirkit.fhirpath import Environment, embedded_model
from fhirkit.fhirpath import compile as compile_expression

GOOD = '{"resourceType": "Patient", "active": true}'


def patient(inside: str) -> str:
    return f'{{"resourceType": "Patient", {inside}}}'


def quantity(number: str) -> str:
    return (
        '{"resourceType": "Observation", "status": "final", "code": {"text": "x"}, '
        f'"valueQuantity": {{"value": {number}}}}}'
    )


def errors(text: str | bytes) -> list[tuple[str, str]]:
    """Rule and place of each error in a text."""
    return [(one.rule, one.expression) for one in Validator().validate(text).errors]


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Answer]:
    """Validate files beside a good one, by the command, and hold what every row expects."""

    def answer(**files: bytes | str) -> Answer:
        (tmp_path / "good.json").write_text(GOOD)
        before = {}
        for name, content in files.items():
            data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
            path = tmp_path / name.replace("_", ".")
            path.write_bytes(data)
            before[path] = data
        found = validate(tmp_path)
        longest = max(len(data) for data in before.values())
        assert found.peak <= TIMES * longest + START
        assert "good.json" not in found.issues, "the other file was checked, and is right"
        assert '"good.json"' in found.text or "good.json" in found.text
        assert all(path.read_bytes() == data for path, data in before.items())
        return found

    return answer


def test_J1_a_property_that_occurs_twice_is_named_with_its_place(run: Any) -> None:
    texts = {
        "a_json": patient('"gender": "male",\n "gender": "female"'),
        "b_json": '{"resourceType": "Patient", "resourceType": "Patient", "active": true}',
        "c_json": patient('"birthDate": "2020", "_birthDate": {"id": "a"}, "_birthDate": {}'),
        "d_json": patient('"name": [{"text": "a", "text": "b"}]'),
    }
    found = run(**texts)
    assert found.code == 1
    assert all(found.rules(name.replace("_", ".")) == {"json-duplicate-key"} for name in texts)
    (issue,) = found.issues["a.json"]
    assert (issue["line"], issue["column"]) == (2, 2)
    assert "line 1" in issue["message"]


def test_J2_names_are_equal_after_their_escapes() -> None:
    assert errors('{"resourceType": "Patient", "id": "a", "\\u0069d": "b"}') == [
        ("json-duplicate-key", "Patient")
    ]


@pytest.mark.parametrize("number", ["1.00", "1.0", "1", "1.0E2", "1e-7", "0.00000001", "-0.0"])
def test_J3_J4_numbers_are_written_as_they_were_read(number: str) -> None:
    text = quantity(number)
    assert errors(text) == []
    assert dumps(loads(text), indent=False).replace(" ", "") == text.replace(" ", "")


def test_J3_equal_numbers_of_other_digits_are_equal_but_not_the_same_text() -> None:
    one, two = loads("1.0"), loads("1.00")
    assert one == two
    assert dumps(one, indent=False) != dumps(two, indent=False)


def test_J5_many_digits_are_kept_and_warned_of() -> None:
    text = quantity("1." + "1" * 29)
    found = Validator().validate(text)
    assert [one.rule for one in found] == ["decimal-precision"]
    assert "1." + "1" * 29 in dumps(loads(text))


@pytest.mark.parametrize("power", [2**53 + 1, 2**63, 2**64, 2**70])
def test_J6_large_whole_numbers_are_decimals_but_no_integers(power: int) -> None:
    assert errors(quantity(str(power))) == []
    assert str(power) in dumps(loads(quantity(str(power))))
    found = errors(patient(f'"multipleBirthInteger": {power}'))
    assert found == [("primitive-range", "Patient.multipleBirth.ofType(integer)")]


@pytest.mark.parametrize("digits", [4_300, 4_301, 5_000, 1_000_000])
def test_J7_numbers_of_thousands_of_digits_are_an_error_and_no_crash(run: Any, digits: int) -> None:
    found = run(a_json=patient(f'"multipleBirthInteger": {"9" * digits}'))
    assert found.code == 1
    assert found.rules("a.json") <= {"primitive-range", "json-number"} != set()


@pytest.mark.parametrize("number", ["1e400", "1e-400", "1e999999999"])
def test_J8_an_exponent_is_neither_infinite_nor_nothing_nor_worked_out(number: str) -> None:
    value = loads(number)
    assert isinstance(value, Decimal)
    assert value.is_finite()
    assert value != 0
    assert dumps(value, indent=False) == number
    assert all(rule.startswith(("primitive-", "decimal-")) for rule, _ in errors(quantity(number)))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_J9_what_is_no_number_is_an_error(number: str) -> None:
    with pytest.raises(InvalidInput):
        loads(number)
    place = "Observation.value.ofType(Quantity).value"
    assert errors(quantity(number)) == [("json-number", place)]


@pytest.mark.parametrize("number", ["01", "+1", ".5", "1.", "0x1F"])
def test_J10_numbers_that_json_does_not_write_are_an_error(number: str) -> None:
    with pytest.raises(InvalidInput):
        loads(number)
    assert ("json-number", "Observation.value.ofType(Quantity).value") in errors(quantity(number))


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (patient('"active": true,'), "json-comma"),
        (patient('"active": true // c\n'), "json-comment"),
        (patient('/* c */ "active": true'), "json-comment"),
        (patient("'active': true"), "json-quotes"),
        (patient("active: true"), "json-quotes"),
    ],
)
def test_J11_the_dialect_is_named(text: str, rule: str) -> None:
    found = Validator().validate(text).errors
    assert {one.rule for one in found} == {rule}
    assert all("JSON5" in one.message for one in found)


def test_J12_what_follows_the_document_is_an_error_and_ndjson_is_recognised(run: Any) -> None:
    found = run(a_json=f"{GOOD}{GOOD}", b_json=f"{GOOD} x", c_json=f"{GOOD}\n{GOOD}\n")
    assert found.code == 1
    assert all(found.rules(name) == {"json-syntax"} for name in ("a.json", "b.json", "c.json"))
    assert "NDJSON" in found.issues["c.json"][0]["advice"]


def test_J13_a_byte_order_mark_is_let_through_and_told() -> None:
    for text in (GOOD, GOOD.replace("}", "\n}")):
        found = Validator().validate(b"\xef\xbb\xbf" + text.encode())
        assert found.valid
        (issue,) = found
        assert (issue.rule, issue.severity.value) == ("json-byte-order-mark", "information")
        assert (issue.line, issue.column) == (1, 1)
    bad = Validator().validate(b"\xef\xbb\xbf" + patient('"gender": "x"').encode())
    assert "binding-required" in {issue.rule for issue in bad.errors}


@pytest.mark.parametrize(
    ("encoding", "guess"),
    [("utf-16", "UTF-16"), ("utf-16-le", "UTF-16"), ("utf-32", "UTF-32"), ("latin-1", "Latin-1")],
)
def test_J14_another_encoding_is_an_error_that_guesses_which(encoding: str, guess: str) -> None:
    (issue,) = Validator().validate(patient('"name": [{"text": "Zoë"}]').encode(encoding))
    assert issue.rule == "json-encoding"
    assert guess in issue.message


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        (b"\\ud800", "json-string"),
        (b"\xed\xa0\x80", "json-encoding"),
        (b"\xc0\x80", "json-encoding"),
    ],
)
def test_J15_half_characters_are_an_error_with_their_place(raw: bytes, rule: str) -> None:
    text = b'{"resourceType": "Patient",\n "name": [{"text": "a' + raw + b'"}]}'
    (issue,) = Validator().validate(text).errors
    assert issue.rule == rule
    assert issue.line == 2


@pytest.mark.parametrize("raw", ["\\u0000", "\x01", "\ufffe"])
def test_J16_characters_that_no_text_has_are_an_error(raw: str) -> None:
    found = errors(patient(f'"name": [{{"text": "a{raw}b"}}]'))
    assert found in (
        [("primitive-characters", "Patient.name[0].text")],
        [("json-string", "Patient.name[0].text")],
    )


def nested(levels: int) -> str:
    extension = '{"url": "http://example.org/x", "extension": ['
    return patient('"extension": [' + extension * levels + "]}" * levels + "]")


def test_J17_nesting_has_an_end(run: Any) -> None:
    assert not any(rule == "too-deep" for rule, _ in errors(nested(49)))
    brackets = {
        f"b{n}_json": '{"resourceType":"Patient","name":' + "[" * n for n in (1_100, 100_000)
    }
    found = run(**brackets, c_json="[" * 10_000_000, d_json=nested(550))
    assert found.code == 1
    for name in ("b1100.json", "b100000.json", "c.json", "d.json"):
        assert found.rules(name) == {"too-deep"}


def test_J18_nesting_is_an_error_in_memory_and_when_written() -> None:
    value: dict[str, Any] = {"url": "http://example.org/x", "valueString": "x"}
    for _ in range(100_000):
        value = {"url": "http://example.org/x", "extension": [value]}
    resource = {"resourceType": "Patient", "extension": [value]}
    assert "too-deep" in {one.rule for one in Validator().validate(resource)}
    with pytest.raises((InvalidInput, TypeError, ValueError)):
        dumps(resource)


@pytest.mark.parametrize("text", ["", " \n", "null", "1", '"x"', "[]", "{}"])
def test_J19_what_is_no_resource_is_an_error(run: Any, text: str) -> None:
    found = run(a_json=text)
    assert found.code == 1
    assert found.rules("a.json") <= {"json-syntax", "resource-missing", "resource-type-missing"}
    assert found.rules("a.json")


WHOLE = (
    '{"resourceType": "Patient", "name": [{"given": ["Ann", "Béa"], "family": "O\\u00dfe"}], '
    '"multipleBirthInteger": 2, "active": false, "birthDate": "2020-02-29"}'
).encode()


@given(st.integers(0, len(WHOLE) - 1))
def test_J20_a_truncated_text_is_an_error_at_every_byte(length: int) -> None:
    found = Validator().validate(WHOLE[:length])
    assert not found.valid
    assert {one.rule for one in found} <= {"json-syntax", "json-encoding"}
    with pytest.raises(InvalidInput):
        loads(WHOLE[:length])


@pytest.mark.parametrize(
    ("inside", "rules"),
    [
        ('"gender": null', {"null-value"}),
        ('"name": []', {"array-empty"}),
        ('"name": [{}]', {"element-empty"}),
        ('"name": [null]', {"null-value"}),
        ('"name": [{"text": ""}]', {"primitive-empty", "constraint-broken"}),
        ('"name": [{"text": " \\t"}]', {"primitive-whitespace"}),
        ('"maritalStatus": {}', {"element-empty"}),
    ],
)
def test_J21_emptiness_of_every_kind_is_an_error(inside: str, rules: set[str]) -> None:
    assert {rule for rule, _ in errors(patient(inside))} == rules


def test_J22_a_list_and_the_list_of_its_extensions_run_in_step() -> None:
    names = '"name": [{"given": ["a"], "_given": [{"id": "b"}, {"id": "c"}]}]'
    assert ("array-alignment", "Patient.name[0].given") in errors(patient(names))


def test_J23_a_text_may_be_one_mebibyte_long() -> None:
    assert errors(patient(f'"name": [{{"text": "{"a" * 1_048_576}"}}]')) == []
    found = errors(patient(f'"name": [{{"text": "{"a" * 1_048_577}"}}]'))
    assert found == [("primitive-length", "Patient.name[0].text")]


def test_J24_base64_of_many_megabytes_is_bounded(run: Any) -> None:
    data = "QUJD" * 10_000_000
    text = '{"resourceType": "Binary", "contentType": "image/png", "data": "%s"}'
    found = run(a_json=text % data, b_json=text % (data[:-1] + "!"))
    assert "a.json" not in found.issues
    assert found.rules("b.json") == {"primitive-format"}


def test_J25_time_and_memory_are_linear_in_keys_and_entries(run: Any) -> None:
    keys = ", ".join(f'"k{n}": 1' for n in range(200_000))
    entry = '{"fullUrl": "http://example.org/Patient/%d", "resource": {"resourceType": "Patient", '
    entry += '"id": "%d"}}'
    entries = ", ".join(entry % (n, n) for n in range(100_000))
    bundle = f'{{"resourceType": "Bundle", "type": "collection", "entry": [{entries}]}}'
    found = run(a_json=patient(keys), b_json=bundle)
    assert found.rules("a.json") == {"element-unknown"}
    assert "b.json" not in found.issues


@pytest.mark.parametrize(
    ("inside", "place"),
    [
        ('"id": "a\\u00a0b"', "Patient.id"),
        ('"id": "\\u0430"', "Patient.id"),
        ('"birthDate": "\\u0662\\u0660\\u0662\\u0660"', "Patient.birthDate"),
        ('"language": "en\\u200b"', "Patient.language"),
        ('"language": "\\u202een"', "Patient.language"),
        ('"implicitRules": "http://example.org/\\u200bx"', "Patient.implicitRules"),
    ],
)
def test_J26_look_alikes_and_the_invisible_are_an_error_in_codes_ids_and_dates(
    inside: str, place: str
) -> None:
    found = Validator().validate(patient(inside)).errors
    assert place in {one.expression for one in found}
    assert all(char.isascii() for one in found for char in one.message)


@pytest.mark.parametrize("name", ["Zoe\u0308", "Zo\u00eb", "\U0001f600", "a\u2028b"])
def test_J27_names_are_kept_as_they_are(name: str) -> None:
    text = json.dumps({"resourceType": "Patient", "name": [{"text": name}]}, ensure_ascii=False)
    assert errors(text) == []
    assert loads(dumps(loads(text)))["name"][0]["text"] == name
    assert name in dumps(loads(text))


@pytest.mark.parametrize(
    ("inside", "place"),
    [
        ('"birthDate": "2020-02-29\\n"', "Patient.birthDate"),
        ('"id": "a\\n"', "Patient.id"),
        ('"gender": "male\\n"', "Patient.gender"),
        ('"implicitRules": "http://example.org\\n"', "Patient.implicitRules"),
    ],
)
def test_J28_a_line_break_at_the_end_is_part_of_the_value(inside: str, place: str) -> None:
    assert place in {one for _, one in errors(patient(inside))}


def test_no_value_of_a_record_is_in_a_message(run: Any) -> None:
    secret = "Wilhelmina"
    found = run(
        a_json=patient(f'"gender": "{secret}", "birthDate": "{secret}", "active": "{secret}"'),
        b_json=patient(f'"name": [{{"text": {secret}}}]'),
    )
    assert found.code == 1
    assert secret not in found.text


def test_an_outcome_says_the_same_every_time() -> None:
    text = patient('"gender": "x", "foo": 1, "active": "y", "name": [{}]')
    first: Outcome = Validator().validate(text)
    assert all(Validator().validate(text) == first for _ in range(3))


def test_J3_a_decimal_keeps_its_digits_in_fhirpath() -> None:
    expression = compile_expression("value.toString()", embedded_model(), "Quantity")
    values = expression.items(loads('{"value": 1.00}'), Environment())
    assert [str(getattr(one, "value", one)) for one in values] == ["1.00"]
