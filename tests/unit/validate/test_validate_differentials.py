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


def test_of_several_versions_the_newest_is_meant_unless_one_is_named() -> None:
    old = _profile({"path": "Patient.name", "min": 1}, version="1.9.0")
    new = _profile({"path": "Patient.gender", "min": 1}, version="1.10.0")
    validator = Validator([new, old])
    patient = {"resourceType": "Patient", "name": [{"text": "Ada"}]}

    def rules(canonical: str) -> list[str]:
        return [issue.rule for issue in validator.validate(patient, [canonical])]

    assert rules(HERE + "one") == ["cardinality-min"]
    assert rules(HERE + "one|1.10") == ["cardinality-min"]
    assert rules(HERE + "one|1.9.0") == []
    assert rules(HERE + "one|2.0.0") == ["profile-unknown"]


def test_what_repeats_an_element_repeats_the_type_not_the_profile() -> None:
    profile = _profile({"path": "Questionnaire.item.prefix", "min": 1})
    profile |= {"type": "Questionnaire", "baseDefinition": CORE + "Questionnaire"}
    inner = {"linkId": "b", "type": "display", "text": "b"}
    outer = {"linkId": "a", "type": "group", "item": [inner]}
    questionnaire = {"resourceType": "Questionnaire", "status": "draft"}
    validator = Validator([profile])

    def rules(item: dict[str, Any]) -> list[str]:
        source = {**questionnaire, "item": [item]}
        return [issue.rule for issue in validator.validate(source, [HERE + "one"])]

    assert rules({**outer, "prefix": "1"}) == []
    assert rules(outer) == ["cardinality-min"]


def test_a_resource_inside_another_is_judged_as_an_element_of_the_outer_one() -> None:
    rule = {
        "key": "t-1",
        "severity": "error",
        "human": "h",
        "expression": "%resource.type().name = 'Patient' and $this is Organization",
    }
    contained = [{"resourceType": "Organization", "id": "a", "name": "A"}]
    profile = _profile({"path": "Patient.contained", "constraint": [rule]})
    source = {"contained": contained, "managingOrganization": {"reference": "#a"}}
    assert _rules(profile, **source) == []
