"""Profiles of R4 core: what a resource that claims one has to hold."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from fhirkit import Validator

CORE = "http://hl7.org/fhir/StructureDefinition/"
LOINC = "http://loinc.org"
CATEGORY = {
    "coding": [
        {
            "system": "http://terminology.hl7.org/CodeSystem/observation-category",
            "code": "vital-signs",
        }
    ]
}


def _temperature() -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "meta": {"profile": [f"{CORE}bodytemp"]},
        "status": "final",
        "category": [CATEGORY],
        "code": {"coding": [{"system": LOINC, "code": "8310-5"}]},
        "subject": {"reference": "Patient/a"},
        "effectiveDateTime": "2024-05-06",
        "valueQuantity": {
            "value": 37.1,
            "unit": "Cel",
            "system": "http://unitsofmeasure.org",
            "code": "Cel",
        },
    }


def _pressure() -> dict[str, Any]:
    def component(code: str, value: int) -> dict[str, Any]:
        return {
            "code": {"coding": [{"system": LOINC, "code": code}]},
            "valueQuantity": {
                "value": value,
                "unit": "mmHg",
                "system": "http://unitsofmeasure.org",
                "code": "mm[Hg]",
            },
        }

    resource = _temperature()
    resource["meta"] = {"profile": [f"{CORE}bp"]}
    resource["code"] = {"coding": [{"system": LOINC, "code": "85354-9"}]}
    del resource["valueQuantity"]
    resource["component"] = [component("8480-6", 120), component("8462-4", 80)]
    return resource


def _errors(validator: Validator, resource: dict[str, Any]) -> list[tuple[str, str | None]]:
    outcome = validator.validate(resource)
    return [(i.rule, i.expression) for i in outcome if i.severity.value == "error"]


@pytest.mark.parametrize("make", [_temperature, _pressure])
def test_a_resource_that_follows_its_profile_has_no_issue(validator: Validator, make: Any) -> None:
    assert [issue.rule for issue in validator.validate(make())] == []


def test_a_temperature_needs_its_loinc_code(validator: Validator) -> None:
    resource = _temperature()
    resource["code"] = {"text": "temperature"}
    assert ("slice-min", "Observation.code") in _errors(validator, resource)


def test_another_category_beside_the_demanded_one_is_fine(validator: Validator) -> None:
    resource = _temperature()
    resource["category"].insert(0, {"text": "measured at home"})
    assert _errors(validator, resource) == []


def test_a_category_of_another_code_does_not_fill_the_slice(validator: Validator) -> None:
    resource = _temperature()
    resource["category"] = deepcopy(resource["category"])
    resource["category"][0]["coding"][0]["code"] = "laboratory"
    assert ("slice-min", "Observation") in _errors(validator, resource)


def test_a_fixed_unit_system_is_held(validator: Validator) -> None:
    resource = _temperature()
    resource["valueQuantity"]["system"] = "http://example.org/units"
    place = "Observation.value.ofType(Quantity).system"
    assert ("value-fixed", place) in _errors(validator, resource)


def test_a_type_that_the_profile_excludes_is_refused(validator: Validator) -> None:
    resource = _temperature()
    del resource["valueQuantity"]
    resource["valueString"] = "warm"
    rules = [rule for rule, _ in _errors(validator, resource)]
    assert "type-not-allowed" in rules or "slice-unmatched" in rules


def test_both_components_of_a_pressure_are_demanded(validator: Validator) -> None:
    resource = _pressure()
    resource["component"][1] = deepcopy(resource["component"][0])
    rules = [rule for rule, _ in _errors(validator, resource)]
    assert sorted(rules) == ["slice-max", "slice-min"]


def test_a_binding_that_the_profile_makes_required_is_held(validator: Validator) -> None:
    resource = _temperature()
    resource["valueQuantity"]["code"] = "kg"
    assert ("binding-required", "Observation.value.ofType(Quantity).code") in _errors(
        validator, resource
    )


def test_a_vital_sign_without_a_day_breaks_the_profile_constraint(validator: Validator) -> None:
    resource = _temperature()
    resource["effectiveDateTime"] = "2024-05"
    outcome = validator.validate(resource)
    assert any(issue.message.startswith("vs-1") for issue in outcome)


def test_profiles_may_be_asked_for_without_a_claim(validator: Validator) -> None:
    resource = _temperature()
    del resource["meta"]
    del resource["subject"]
    resource["code"]["coding"][0]["code"] = "1234-5"
    outcome = validator.validate(resource, profiles=[f"{CORE}vitalsigns"])
    assert {issue.rule for issue in outcome} == {"cardinality-min"}
