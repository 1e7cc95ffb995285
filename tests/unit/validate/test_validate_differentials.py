"""Profiles without a snapshot: checked as far as their differentials can be followed."""

from __future__ import annotations

from typing import Any

import pytest

from fhirkit import Validator
from fhirkit.validate import Options, References

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


def _constraint(expression: str, severity: str = "error") -> dict[str, Any]:
    return {"key": "t-1", "severity": severity, "human": "h", "expression": expression}


@pytest.mark.parametrize(
    ("expression", "rules"),
    [
        ("name.exists()", []),
        ("name.given.length() > 1", ["constraint-broken"]),  # several where one is needed
        ("name.exsts()", ["constraint-broken"]),  # no such function
        ("name.", ["constraint-broken"]),  # no expression
        ("name.given", []),  # several items count as a yes
        ("active", ["constraint-broken"]),  # nothing counts as a no
        ("memberOf('http://example.org/none')", ["constraint-not-checked"]),
    ],
)
def test_an_expression_that_fails_does_not_hold(expression: str, rules: list[str]) -> None:
    profile = _profile({"path": "Patient", "constraint": [_constraint(expression)]})
    assert _rules(profile, name=[{"given": ["Ada", "Bo"]}]) == rules


def test_conforms_to_a_profile_that_is_at_hand() -> None:
    expression = f"conformsTo('{HERE}named') and name.all(conformsTo('{HERE}family'))"
    profile = _profile({"path": "Patient", "constraint": [_constraint(expression)]})
    named = _profile({"path": "Patient.name", "min": 1}, url=HERE + "named")
    family = _profile(
        {"path": "HumanName.family", "min": 1},
        url=HERE + "family",
        kind="complex-type",
        type="HumanName",
        baseDefinition=CORE + "HumanName",
    )
    validator = Validator([profile, named, family])

    def rules(**patient: Any) -> list[str]:
        resource = {"resourceType": "Patient", **patient}
        return [issue.rule for issue in validator.validate(resource, [HERE + "one"])]

    assert rules(name=[{"family": "Ada"}]) == []
    assert rules(name=[{"text": "Ada"}]) == ["constraint-broken"]
    assert rules() == ["constraint-broken"]


def test_conforms_to_the_definition_of_its_type_is_to_be_right() -> None:
    profile = _profile(
        {"path": "Patient", "constraint": [_constraint(f"conformsTo('{CORE}Patient')")]}
    )
    assert _rules(profile, gender="female") == []
    assert _rules(profile, gender="x") == [
        "binding-required",
        "code-not-found",
        "constraint-broken",
    ]
    assert _rules(profile, birthDate="2023-02-29") == ["primitive-date", "constraint-broken"]


def test_a_maximum_value_set_bounds_a_weaker_binding() -> None:
    colours = "https://fhir.test/CodeSystem/colour"
    system = {
        "resourceType": "CodeSystem",
        "url": colours,
        "content": "complete",
        "concept": [{"code": "red"}, {"code": "blue"}],
    }
    reds = {
        "resourceType": "ValueSet",
        "url": "https://fhir.test/ValueSet/reds",
        "compose": {"include": [{"system": colours, "concept": [{"code": "red"}]}]},
    }
    maximum = {"url": CORE + "elementdefinition-maxValueSet", "valueCanonical": reds["url"]}
    bound = {"strength": "extensible", "valueSet": "urn:any", "extension": [maximum]}
    profile = _profile({"path": "Patient.maritalStatus", "binding": bound})
    validator = Validator([profile, reds, system])

    def errors(status: dict[str, Any]) -> list[str]:
        resource = {"resourceType": "Patient", "maritalStatus": status}
        outcome = validator.validate(resource, [HERE + "one"])
        return [issue.rule for issue in outcome if issue.is_error]

    assert errors({"coding": [{"system": colours, "code": "red"}]}) == []
    assert errors({"coding": [{"system": colours, "code": "blue"}]}) == ["binding-maximum"]
    assert errors({"text": "red"}) == ["binding-maximum"]


def test_the_type_a_reference_names_itself_must_be_one_of_the_profiles() -> None:
    target = [{"code": "Reference", "targetProfile": [CORE + "Practitioner"]}]
    profile = _profile({"path": "Patient.generalPractitioner", "type": target})
    urn = "urn:uuid:3b4f2f4c-8b52-4c0e-9f5e-0d3c4f7b7a11"

    def rules(type_name: str) -> list[str]:
        return _rules(profile, generalPractitioner=[{"reference": urn, "type": type_name}])

    assert rules("Practitioner") == []
    assert rules("Organization") == ["reference-type"]


def test_where_the_target_of_a_reference_may_stand() -> None:
    kind = {"code": "Reference", "aggregation": ["contained"]}
    profile = _profile({"path": "Patient.managingOrganization", "type": [kind]})
    inside = {"contained": [{"resourceType": "Organization", "id": "a", "name": "A"}]}
    assert _rules(profile, managingOrganization={"reference": "#a"}, **inside) == []
    outside = {"managingOrganization": {"reference": "Organization/a"}}
    assert _rules(profile, **outside) == ["reference-aggregation"]
    assert _rules(profile, managingOrganization={"display": "A"}) == []


@pytest.mark.parametrize("say", ["mustHaveValue", "valueAlternatives"])
def test_a_primitive_may_have_to_have_a_value(say: str) -> None:
    of_r5 = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ElementDefinition."
    reason = CORE + "data-absent-reason"
    said = {"valueBoolean": True} if say == "mustHaveValue" else {"valueCanonical": reason}
    said["url"] = of_r5 + say
    profile = _profile({"path": "Patient.active", "extension": [said]})
    absent = {"extension": [{"url": reason, "valueCode": "unknown"}]}
    other = {"extension": [{"url": "http://example.org/other", "valueCode": "unknown"}]}
    allowed = [] if say == "valueAlternatives" else ["value-missing"]
    assert _rules(profile, active=True) == []
    assert _rules(profile, _active=absent) == allowed
    assert _rules(profile, _active=other) == ["value-missing"]


def test_targets_that_were_supplied_are_held_to_their_profile_where_they_are_followed() -> None:
    target = [{"code": "Reference", "targetProfile": [HERE + "one"]}]
    profile = _profile(
        {"path": "Patient.gender", "fixedCode": "other"},
        {"path": "Patient.link.other", "type": target},
    )

    def patient(name: str, gender: str, link: str) -> dict[str, Any]:
        other = {"other": {"reference": f"Patient/{link}"}, "type": "seealso"}
        return {"resourceType": "Patient", "id": name, "gender": gender, "link": [other]}

    def rules(followed: References, *resources: dict[str, Any]) -> list[str]:
        options = Options(references=followed)
        validator = Validator([profile], options=options, resources=resources)
        return [issue.rule for issue in validator.validate(resources[0], [HERE + "one"])]

    good = patient("a", "other", "b"), patient("b", "other", "a")
    bad = patient("a", "other", "b"), patient("b", "male", "a")
    assert rules(References.VALID, *good) == []
    assert rules(References.VALID, *bad) == ["reference-profile"]
    assert rules(References.EXISTS, *bad) == []
    # The other leads back here: that this one is wrong is told once.
    assert rules(References.VALID, *reversed(bad)) == ["value-fixed"]


@pytest.mark.parametrize("derivation", ["specialization", None])
def test_what_speaks_of_a_known_type_is_a_profile_whatever_it_calls_itself(derivation: Any) -> None:
    profile = _profile({"path": "Patient.name", "min": 1}, derivation=derivation)
    assert _rules(profile) == ["cardinality-min"]
