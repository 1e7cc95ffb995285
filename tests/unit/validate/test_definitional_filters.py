"""Filters of a ValueSet whose value an expression computes."""

from __future__ import annotations

import pytest

from fhirkit import Validator

EXPRESSION = "http://hl7.org/fhir/StructureDefinition/cqf-expression"
PARAMETER = "http://hl7.org/fhir/tools/StructureDefinition/valueset-parameter"
FILTER = "ValueSet.compose.include[0].filter[0]"


def found(expression: str, language: str = "text/fhirpath", **more: str) -> list[str]:
    spoken = {"language": language, "expression": expression}
    value = {"extension": [{"url": EXPRESSION, "valueExpression": spoken}]}
    condition = {"property": "concept", "op": "is-a", "_value": value, **more}
    part = {"system": "http://example.org/cs", "filter": [condition]}
    named = [{"url": "name", "valueCode": "p-in"}, {"url": "documentation", "valueMarkdown": "p"}]
    value_set = {
        "resourceType": "ValueSet",
        "status": "active",
        "extension": [{"url": PARAMETER, "extension": named}],
        "compose": {"include": [part]},
    }
    issues = Validator().validate(value_set).errors
    return [issue.expression for issue in issues if issue.rule == "valueset-expression"]


@pytest.mark.parametrize(
    "expression", ["%p-in", "%p-in and %p-in", "today()", "'%z'", "%p-in = 'it\\'s %z'"]
)
def test_parameters_of_the_value_set_may_be_used(expression: str) -> None:
    assert found(expression) == []


@pytest.mark.parametrize("expression", ["%p", "%p-in1", "%resource", "%p-in = %q", "x.(", "a.b()"])
def test_another_parameter_or_no_fhirpath_is_an_error(expression: str) -> None:
    place = f"{FILTER}.value.extension[0].value.ofType(Expression)"
    assert found(expression) == [place]


def test_only_fhirpath_is_evaluated_and_only_where_no_value_is_given() -> None:
    assert len(found("x", "text/cql")) == 1
    assert found("%p-in", value="a") == [FILTER]
