"""Search parameters and capability statements: https://hl7.org/fhir/R4/searchparameter.html."""

from __future__ import annotations

from typing import Any

import pytest

from fhirkit import Validator

GENDER = "http://hl7.org/fhir/SearchParameter/individual-gender"


def parameter(**more: Any) -> dict[str, Any]:
    plain = {
        "resourceType": "SearchParameter",
        "url": "http://example.org/sp",
        "name": "Kin",
        "status": "draft",
        "description": "By name",
        "code": "kin",
        "base": ["Patient"],
        "type": "string",
        "expression": "Patient.name",
    }
    return {**plain, **more}


def errors(validator: Validator, resource: dict[str, Any]) -> list[tuple[str, str]]:
    found = validator.validate(resource)
    return [(issue.rule, issue.expression) for issue in found if issue.severity.value == "error"]


EXPRESSION = [("search-expression", "SearchParameter.expression")]


@pytest.mark.parametrize(
    ("bases", "expression", "expected"),
    [
        (["Patient"], "Patient.name.family", []),
        (["Patient"], "Patient.surname", EXPRESSION),
        (["Patient"], "name", []),
        (["Patient"], "surname", EXPRESSION),
        (["Patient"], "Observation.code", EXPRESSION),
        (["Patient"], "Patient.name | Observation.code", EXPRESSION),
        (["Patient", "Observation"], "Patient.name | Observation.code", []),
        (["Patient", "Observation"], "Patient.name | Person.name", EXPRESSION),
        (["Patient"], "Patient.name((", EXPRESSION),
        (["Patient"], "Patient.name.lengthy()", EXPRESSION),
        (["Patient"], "Patient.name.length()", EXPRESSION),
        (["Patient"], "Patient.managingOrganization.where(resolve() is Organization)", []),
        (["Observation"], "(Observation.value as Quantity)", []),
        (["Resource"], "Resource.id", []),
        (["DomainResource"], "DomainResource.text", []),
    ],
)
def test_expressions_mean_something_on_their_base(
    validator: Validator, bases: list[str], expression: str, expected: list[tuple[str, str]]
) -> None:
    assert errors(validator, parameter(base=bases, expression=expression)) == expected


def test_a_base_that_is_no_type_has_no_elements(validator: Validator) -> None:
    assert EXPRESSION[0] in errors(validator, parameter(base=["Pateint"]))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"type": "token", "expression": "Patient.gender"}, []),
        ({"type": "string", "expression": "Patient.gender"}, ["search-derived-type"]),
        (
            {"type": "token", "base": ["Device"], "expression": "Device.status"},
            ["search-derived-base"],
        ),
    ],
)
def test_what_is_derived_keeps_base_and_type(
    validator: Validator, change: dict[str, Any], expected: list[str]
) -> None:
    found = errors(validator, parameter(derivedFrom=GENDER, **change))
    assert found == [(rule, "SearchParameter") for rule in expected]
    assert errors(validator, parameter(derivedFrom=f"{GENDER}-unknown", **change)) == []


def test_a_parameter_given_by_a_package_is_known() -> None:
    own = parameter(type="token", expression="Patient.gender")
    derived = parameter(url="http://example.org/other", derivedFrom="http://example.org/sp")
    assert errors(Validator([own]), derived) == [("search-derived-type", "SearchParameter")]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_composite_has_components(validator: Validator, count: int) -> None:
    component = {"definition": GENDER, "expression": "gender"}
    resource = parameter(type="composite", expression="Patient", component=[component] * count)
    if not count:
        del resource["component"]
    expected = [] if count > 1 else [("search-composite", "SearchParameter")]
    assert errors(validator, resource) == expected


@pytest.mark.parametrize(("kind", "right"), [("token", True), ("string", False)])
def test_a_capability_statement_keeps_the_types(
    validator: Validator, kind: str, *, right: bool
) -> None:
    searched = {"name": "gender", "definition": f"{GENDER}|4.0.1", "type": kind}
    statement = {
        "resourceType": "CapabilityStatement",
        "status": "draft",
        "date": "2026-01-01",
        "kind": "requirements",
        "description": "What is needed",
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [{"mode": "server", "resource": [{"type": "Patient", "searchParam": [searched]}]}],
    }
    place = "CapabilityStatement.rest[0].resource[0].searchParam[0]"
    expected = [] if right else [("capability-search-type", place)]
    assert errors(validator, statement) == expected


@pytest.mark.parametrize("value", [None, 7, "x", [], [7], {"a": 1}, [{"resource": 3}]])
@pytest.mark.parametrize("key", ["base", "expression", "derivedFrom", "component", "rest", "type"])
def test_no_wrong_shape_makes_it_raise(validator: Validator, key: str, value: Any) -> None:
    validator.validate(parameter(**{key: value}))
    validator.validate({"resourceType": "CapabilityStatement", key: value})
