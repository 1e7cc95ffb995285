"""Profiles without a snapshot: checked as far as their differentials can be followed."""

from __future__ import annotations

from typing import Any

from fhirkit import Validator

CORE = "http://hl7.org/fhir/StructureDefinition/"
HERE = "https://fhir.test/StructureDefinition/"


def _profile(*elements: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {
        "resourceType": "StructureDefinition",
        "url": HERE + "one",
        "kind": "resource",
        "type": "Patient",
        "baseDefinition": CORE + "Patient",
        "derivation": "constraint",
        "differential": {"element": list(elements)},
        **rest,
    }


def _rules(profile: dict[str, Any], **patient: Any) -> list[str]:
    outcome = Validator([profile]).validate({"resourceType": "Patient", **patient}, [HERE + "one"])
    return [issue.rule for issue in outcome]


def test_a_differential_is_enough() -> None:
    profile = _profile({"path": "Patient.name.family", "min": 1})
    assert _rules(profile, name=[{"text": "Ada"}]) == ["cardinality-min"]
    assert _rules(profile, name=[{"family": "Ada"}]) == []


def test_a_part_that_cannot_be_followed_is_told_and_the_rest_checked() -> None:
    profile = _profile({"path": "Patient.nam", "min": 1}, {"path": "Patient.gender", "min": 1})
    assert _rules(profile, gender="other") == ["profile-gap"]
    assert _rules(profile) == ["profile-gap", "cardinality-min"]


def test_a_profile_that_cannot_be_followed_is_followed_by_nobody() -> None:
    profile = _profile({"path": "Patient.gender", "min": 1}, {"path": "Patient.gender"})
    assert _rules(profile, gender="other") == ["profile-broken"]
    assert _rules(_profile(baseDefinition=HERE + "nowhere")) == ["profile-broken"]
