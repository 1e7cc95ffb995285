"""Required bindings: codes, Codings and CodeableConcepts against value sets."""

from __future__ import annotations

from typing import Any

import pytest

from fhirkit import Validator


def rules(validator: Validator, resource: dict[str, Any]) -> list[str]:
    return [issue.rule for issue in validator.validate(resource)]


def attachment(content_type: str) -> dict[str, Any]:
    return {"resourceType": "Patient", "photo": [{"contentType": content_type}]}


@pytest.mark.parametrize(
    "code", ["image/png", "text/plain; charset=utf-8", "application/fhir+json", "json", "video/*"]
)
def test_media_types_have_a_grammar_instead_of_a_list(validator: Validator, code: str) -> None:
    assert rules(validator, attachment(code)) == []


@pytest.mark.parametrize("code", ["image", "image/", "/png", "a/b c", "ä/b"])
def test_what_is_no_media_type(validator: Validator, code: str) -> None:
    outcome = validator.validate(attachment(code))
    assert [issue.rule for issue in outcome] == ["code-format"]
    assert outcome.valid, "HL7 leaves media types to terminology servers"


def test_currencies_cannot_be_listed_but_must_look_like_one(validator: Validator) -> None:
    def money(code: str) -> dict[str, Any]:
        extension = {"url": "http://example.org/u", "valueMoney": {"value": 1, "currency": code}}
        return {"resourceType": "Patient", "extension": [extension, extension]}

    outcome = validator.validate(money("EUR"))
    assert outcome.valid
    assert [issue.rule for issue in outcome] == ["binding-not-checked"]
    assert set(rules(validator, money("euro"))) == {"code-format"}


def test_short_lists_are_told_and_long_ones_hinted_at(validator: Validator) -> None:
    patient = {"resourceType": "Patient", "gender": "Female"}
    assert "female, male, other, unknown" in validator.validate(patient).issues[0].message
    search = {"resourceType": "CompartmentDefinition", "code": "Pateint"}
    issues = validator.validate(search).issues
    assert any(issue.rule == "binding-required" for issue in issues)
    graph = {"resourceType": "GraphDefinition", "name": "x", "status": "draft", "start": "Pateint"}
    assert "did you mean 'Patient'?" in validator.validate(graph).issues[0].message


def test_a_concept_needs_one_coding_of_the_value_set() -> None:
    system = "http://example.org/fhir/CodeSystem/colour"
    definitions = [
        {
            "resourceType": "CodeSystem",
            "url": system,
            "content": "complete",
            "concept": [{"code": "red", "concept": [{"code": "dark-red"}]}, {"code": "blue"}],
        },
        {
            "resourceType": "ValueSet",
            "url": "http://example.org/fhir/ValueSet/reds",
            "compose": {
                "include": [
                    {
                        "system": system,
                        "filter": [{"property": "concept", "op": "is-a", "value": "red"}],
                    }
                ]
            },
        },
        _profile("http://example.org/fhir/ValueSet/reds"),
    ]
    validator = Validator(definitions)
    profile = "http://example.org/fhir/StructureDefinition/red-basic"

    def check(code: Any) -> list[str]:
        resource = {"resourceType": "Basic", "code": code}
        return [issue.rule for issue in validator.validate(resource, [profile]) if issue.is_error]

    other = {"system": "http://example.org/other", "code": "red"}
    assert check({"coding": [other, {"system": system, "code": "dark-red"}]}) == []
    for code in (
        {"coding": [{"system": system, "code": "blue"}]},
        {"coding": [{"code": "red"}]},
        {"coding": [{"system": system}]},
        {"text": "red"},
    ):
        assert check(code) == ["binding-required"], code
    # What the other system has is not known, but it is none of the value set's.
    assert check({"coding": [other]}) == ["binding-required"]


def _profile(value_set: str) -> dict[str, Any]:
    url = "http://example.org/fhir/StructureDefinition/red-basic"
    once, many = {"min": 0, "max": "1"}, {"min": 0, "max": "*"}
    elements = [
        {"path": "Basic", **many},
        {"path": "Basic.id", **once, "type": [{"code": "id"}]},
        {
            "path": "Basic.code",
            "min": 1,
            "max": "1",
            "type": [{"code": "CodeableConcept"}],
            "binding": {"strength": "required", "valueSet": value_set},
        },
        {
            "path": "Basic.subject",
            "min": 0,
            "max": "0",
            "base": {"max": "1"},
            "type": [{"code": "Reference"}],
        },
    ]
    return {
        "resourceType": "StructureDefinition",
        "url": url,
        "name": "RedBasic",
        "type": "Basic",
        "kind": "resource",
        "derivation": "constraint",
        "snapshot": {"element": elements},
    }


def test_an_extra_profile_is_checked() -> None:
    definition = _profile("http://hl7.org/fhir/ValueSet/administrative-gender")
    validator = Validator([definition])
    resource = {
        "resourceType": "Basic",
        "meta": {"profile": [definition["url"]]},
        "code": {
            "coding": [{"system": "http://hl7.org/fhir/administrative-gender", "code": "male"}]
        },
        "subject": {"reference": "Patient/a"},
    }
    outcome = validator.validate(resource)
    assert [issue.rule for issue in outcome] == ["cardinality-max"]


def test_an_unknown_profile_is_said_once(validator: Validator) -> None:
    claim = {"resourceType": "Patient", "meta": {"profile": ["http://example.org/p"]}}
    bundle = {"resourceType": "Bundle", "type": "collection"}
    entries = [{"fullUrl": f"urn:x:{n}", "resource": claim} for n in range(3)]
    outcome = validator.validate({**bundle, "entry": entries}, ["http://example.org/p"])
    assert outcome.valid
    assert [issue.rule for issue in outcome] == ["profile-unknown"]


def test_a_profile_for_another_type_is_an_error(validator: Validator) -> None:
    url = "http://hl7.org/fhir/StructureDefinition/bmi"
    assert rules(validator, {"resourceType": "Patient", "meta": {"profile": [url]}}) == [
        "profile-type"
    ]
    own = "http://hl7.org/fhir/StructureDefinition/Patient"
    assert rules(validator, {"resourceType": "Patient", "meta": {"profile": [own]}}) == []
