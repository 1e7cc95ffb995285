"""Codes of known systems: https://hl7.org/fhir/R4/terminologies.html."""

from __future__ import annotations

from typing import Any

import pytest

from fhirkit import Validator

GENDER = "http://hl7.org/fhir/administrative-gender"
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
V2 = "http://terminology.hl7.org/CodeSystem/v2-0136"
UCUM = "http://unitsofmeasure.org"


def observation(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, **more}


def coded(**coding: Any) -> dict[str, Any]:
    return observation(valueCodeableConcept={"coding": [coding]})


def rules(validator: Validator, resource: dict[str, Any]) -> list[tuple[str, str]]:
    return [(issue.rule, issue.expression) for issue in validator.validate(resource)]


CODING = "Observation.value.ofType(CodeableConcept).coding[0]"


@pytest.mark.parametrize(
    ("coding", "rule", "below"),
    [
        ({"system": GENDER, "code": "male"}, None, ""),
        ({"system": GENDER, "code": "male", "display": "MALE"}, None, ""),
        ({"system": GENDER, "code": "male", "display": " Male"}, "code-display", "display"),
        ({"system": GENDER, "code": "mal"}, "code-unknown", "code"),
        ({"system": GENDER, "code": "Male"}, "code-unknown", "code"),
        ({"system": GENDER, "code": "male", "display": "Female"}, "code-display", "display"),
        # This version is not at hand, so nothing can be said about its codes.
        ({"system": GENDER, "code": "mal", "version": "99"}, None, ""),
        # A system that does not say that case matters.
        ({"system": V2, "code": "y"}, None, ""),
        ({"system": V2, "code": "q"}, "code-unknown", "code"),
        # Not at hand, or not all of it.
        ({"system": "http://loinc.org", "code": "nope"}, None, ""),
        ({"system": "http://example.org/x", "code": "nope"}, None, ""),
        ({"system": "urn:ietf:rfc:3986", "code": "urn:oid:1.2"}, None, ""),
        ({"system": "urn:ietf:rfc:3986", "code": "word"}, "code-unknown", "code"),
        ({"system": UCUM, "code": "mmol/L"}, None, ""),
        ({"system": UCUM, "code": "furlong"}, "code-unit", "code"),
    ],
)
def test_a_code_and_its_display(
    validator: Validator, coding: dict[str, Any], rule: str | None, below: str
) -> None:
    expected = [] if rule is None else [(rule, f"{CODING}.{below}")]
    assert rules(validator, coded(**coding)) == expected
    # The second time the answer comes from memory.
    assert rules(validator, coded(**coding)) == expected


def test_units_of_quantities_are_codes_too(validator: Validator) -> None:
    wrong = observation(valueQuantity={"value": 1, "system": GENDER, "code": "mg"})
    place = "Observation.value.ofType(Quantity).code"
    assert rules(validator, wrong) == [("code-unknown", place)]
    low = {"low": {"value": 1, "system": UCUM, "code": "xyz"}}
    found = rules(validator, observation(referenceRange=[low]))
    assert found == [("code-unit", "Observation.referenceRange[0].low.code")]


def test_a_display_must_be_known_in_the_language_of_the_resource(validator: Validator) -> None:
    resource = {**coded(system=GENDER, code="male", display="männlich"), "language": "de-AT"}
    assert [rule for rule, _ in rules(validator, resource)] == ["code-display-language"]
    english = {**coded(system=GENDER, code="male", display="Male"), "language": "de-AT"}
    assert rules(validator, english) == []


def test_a_supplement_brings_displays() -> None:
    supplement = {
        "resourceType": "CodeSystem",
        "url": "http://example.org/german",
        "content": "supplement",
        "supplements": GENDER,
        "concept": [{"code": "male", "designation": [{"language": "de", "value": "männlich"}]}],
    }
    validator = Validator([supplement])
    german = {**coded(system=GENDER, code="male", display="Männlich"), "language": "de-AT"}
    assert rules(validator, german) == []
    assert rules(validator, {**german, "language": "en"}) != []
    other = {**coded(system=GENDER, code="female", display="weiblich"), "language": "de-AT"}
    assert rules(validator, other) != []
    misused = rules(validator, coded(system="http://example.org/german", code="male"))
    assert misused == [("code-system-supplement", f"{CODING}.system")]


@pytest.mark.parametrize("sensitive", [True, False])
def test_an_extra_code_system_is_known_at_once(*, sensitive: bool) -> None:
    system = {
        "resourceType": "CodeSystem",
        "url": "http://example.org/own",
        "content": "complete",
        "caseSensitive": sensitive,
        "concept": [{"code": "A", "display": "First", "concept": [{"code": "B"}]}],
    }
    validator = Validator([system])
    own = "http://example.org/own"
    assert rules(validator, coded(system=own, code="B")) == []
    assert rules(validator, coded(system=own, code="B", display="whatever")) != []
    assert rules(validator, coded(system=own, code="A", display="Second")) != []
    found = [rule for rule, _ in rules(validator, coded(system=own, code="b"))]
    assert found == (["code-unknown"] if sensitive else [])


@pytest.mark.parametrize("value", [{"a": 1}, ["x"], 7, None, True])
@pytest.mark.parametrize("key", ["system", "code", "display", "version"])
def test_no_wrong_shape_makes_it_raise(validator: Validator, key: str, value: Any) -> None:
    coding = {"system": GENDER, "code": "male", "display": "Male", key: value}
    assert not validator.validate(coded(**coding)).valid


@pytest.mark.parametrize("key", ["system", "code", "display", "version"])
def test_half_a_surrogate_pair_is_no_crash(validator: Validator, key: str) -> None:
    coding = {"system": GENDER, "code": "male", "display": "Male", key: "\ud800"}
    assert not validator.validate(coded(**coding)).valid


ACTIVE = {"system": "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus", "code": "M"}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"coding": [ACTIVE]}, []),
        ({"coding": [{"system": "http://example.org/x", "code": "M"}, ACTIVE]}, []),
        ({"coding": [{"system": "http://example.org/x", "code": "M"}]}, ["binding-extensible"]),
        ({"text": "married"}, ["binding-extensible"]),
    ],
)
def test_an_extensible_value_set_is_only_warned_about(
    validator: Validator, status: dict[str, Any], expected: list[str]
) -> None:
    outcome = validator.validate({"resourceType": "Patient", "maritalStatus": status})
    assert [issue.rule for issue in outcome] == expected
    assert outcome.valid


@pytest.mark.parametrize(
    ("language", "expected"),
    [("de-CH", []), ("x-own", []), ("not_a_language", ["code-format"])],
)
def test_a_maximum_value_set_bounds_a_weaker_one(
    validator: Validator, language: str, expected: list[str]
) -> None:
    photo = [{"url": "http://example.org/photo", "language": language}]
    outcome = validator.validate({"resourceType": "Patient", "photo": photo})
    assert [issue.rule for issue in outcome] == expected


def test_a_maximum_value_set_asks_for_no_code(validator: Validator) -> None:
    told = {"resourceType": "Patient", "communication": [{"language": {"text": "by signs"}}]}
    assert rules(validator, told) == []
