"""Profiles that a resource must follow without claiming them."""

from __future__ import annotations

from typing import Any

import pytest

from fhirkit import Validator
from fhirkit.validate import Options

LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"


def _weight(*codes: tuple[str, str], **rest: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": CATEGORY, "code": "vital-signs"}]}],
        "code": {"coding": [{"system": system, "code": code} for system, code in codes]},
        "subject": {"reference": "Patient/a"},
        "effectiveDateTime": "2024-05-06",
        "valueQuantity": {
            "value": 70,
            "unit": "kg",
            "system": "http://unitsofmeasure.org",
            "code": "kg",
        },
        **rest,
    }


def _rules(resource: dict[str, Any], **options: Any) -> set[str]:
    outcome = Validator(options=Options(**options)).validate(resource)
    return {issue.rule for issue in outcome}


def test_a_vital_sign_is_held_to_the_profile_of_its_code() -> None:
    assert _rules(_weight((LOINC, "29463-7"))) == set()
    assert "slice-min" in _rules(_weight((LOINC, "29463-7"), category=[{"text": "x"}]))
    # Not found with the magic code, which the profile demands besides the other one.
    assert "slice-min" in _rules(_weight((LOINC, "3141-9")))
    assert "slice-min" in _rules(_weight((SNOMED, "735395000")))
    assert _rules(_weight((LOINC, "1234-5"), category=[{"text": "x"}])) == set()


def test_it_can_be_asked_not_to_be() -> None:
    resource = _weight((LOINC, "29463-7"), category=[{"text": "x"}])
    assert _rules(resource, implied_profiles=False) == set()


def test_inside_a_bundle_too() -> None:
    entry = {
        "fullUrl": "urn:uuid:3b4f2f4c-8b52-4c0e-9f5e-0d3c4f7b7a11",
        "resource": _weight((LOINC, "29463-7"), status="final", subject={"display": "x"}),
    }
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [entry]}
    assert _rules(bundle) == set()
    del entry["resource"]["subject"]
    assert _rules(bundle) == {"cardinality-min"}


def test_a_month_is_not_precise_but_no_error_where_nothing_is_claimed() -> None:
    resource = _weight((LOINC, "29463-7"), effectiveDateTime="2024-05")
    assert _rules(resource) == {"constraint-warning"}
    profile = "http://hl7.org/fhir/StructureDefinition/bodyweight"
    assert "constraint-broken" in _rules(resource | {"meta": {"profile": [profile]}})


@pytest.mark.parametrize("code", [None, [], "x", {"coding": {}}, {"coding": [1, {"system": []}]}])
def test_codes_of_a_wrong_shape_imply_nothing(code: Any) -> None:
    assert "slice-min" not in _rules({**_weight(), "code": code})


def test_a_guide_demands_a_profile_of_every_resource_of_a_type() -> None:
    url = "https://fhir.test/StructureDefinition/named"
    profile = {
        "resourceType": "StructureDefinition",
        "url": url,
        "kind": "resource",
        "type": "Patient",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",
        "derivation": "constraint",
        "differential": {"element": [{"path": "Patient.name", "min": 1}]},
    }
    guide = {
        "resourceType": "ImplementationGuide",
        "url": "https://fhir.test/ImplementationGuide/names",
        "global": [{"type": "Patient", "profile": url}],
    }
    validator = Validator([profile, guide])
    nameless = {"resourceType": "Patient"}
    assert [issue.rule for issue in validator.validate(nameless)] == ["cardinality-min"]
    assert not list(Validator([profile]).validate(nameless))


def test_another_unit_is_no_error_where_nothing_is_claimed() -> None:
    value = {
        "value": 7,
        "unit": "stone",
        "system": "http://unitsofmeasure.org",
        "code": "[stone_av]",
    }
    resource = _weight((LOINC, "29463-7"), valueQuantity=value)
    assert _rules(resource) == {"binding-extensible"}
    profile = "http://hl7.org/fhir/StructureDefinition/bodyweight"
    assert "binding-required" in _rules(resource | {"meta": {"profile": [profile]}})
