"""Shape and cardinality: https://hl7.org/fhir/R4/json.html."""

from __future__ import annotations

from typing import Any

import pytest

from fhirkit import Validator

#: Members added to a Patient → the issues that must be found: rule and expression.
CASES: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({"nmae": 1}, [("element-unknown", "Patient")]),
    ({"name": [{"familly": "x"}]}, [("element-unknown", "Patient.name[0]")]),
    ({"name": {"family": "x"}}, [("array-expected", "Patient.name")]),
    ({"name": "x"}, [("array-expected", "Patient.name")]),
    ({"name": ["x"]}, [("object-expected", "Patient.name[0]")]),
    ({"name": [None]}, [("null-value", "Patient.name[0]")]),
    ({"name": []}, [("array-empty", "Patient.name")]),
    ({"name": [{}]}, [("element-empty", "Patient.name[0]")]),
    ({"name": None}, [("null-value", "Patient.name")]),
    ({"maritalStatus": [{"text": "x"}]}, [("array-unexpected", "Patient.maritalStatus")]),
    ({"gender": ["male"]}, [("array-unexpected", "Patient.gender")]),
    ({"gender": {"value": "male"}}, [("primitive-type", "Patient.gender")]),
    ({"communication": [{"preferred": True}]}, [("cardinality-min", "Patient.communication[0]")]),
    (
        {"deceasedBoolean": True, "deceasedDateTime": "2020"},
        [("choice-multiple", "Patient")],
    ),
    (
        {
            "deceasedBoolean": True,
            "_deceasedDateTime": {"extension": [{"url": "http://example.org/u"}]},
        },
        [
            ("choice-multiple", "Patient"),
            ("extension-content", "Patient.deceased.ofType(dateTime).extension[0]"),
        ],
    ),
    ({"_birthDate": {}}, [("element-empty", "Patient.birthDate")]),
    ({"_birthDate": [{"id": "a"}]}, [("array-unexpected", "Patient.birthDate")]),
    ({"_name": [{"id": "a"}]}, [("element-unknown", "Patient")]),
    ({"name": [{"given": ["a", None]}]}, [("null-value", "Patient.name[0].given[1]")]),
    (
        {"name": [{"given": ["a"], "_given": [{"id": "x"}, {"id": "y"}]}]},
        [("array-alignment", "Patient.name[0].given")],
    ),
    (
        {"name": [{"_given": [None]}]},
        [("null-value", "Patient.name[0].given[0]")],
    ),
    ({"contained": [{"id": "a"}]}, [("resource-type-missing", "Patient.contained[0]")]),
    (
        {"contained": [{"resourceType": "Person"}]},
        [("contained-id-missing", "Patient.contained[0]")],
    ),
    ({"name": [{"resourceType": "HumanName"}]}, [("element-unknown", "Patient.name[0]")]),
    (
        {"extension": [{"valueString": "x"}]},
        [("cardinality-min", "Patient.extension[0]"), ("extension-url", "Patient.extension[0]")],
    ),
    (
        {"extension": [{"url": "http://example.org/u"}]},
        [("extension-content", "Patient.extension[0]")],
    ),
    (
        {
            "extension": [
                {
                    "url": "http://example.org/u",
                    "valueString": "x",
                    "extension": [{"url": "http://example.org/v", "valueId": "a"}],
                }
            ]
        },
        [("extension-content", "Patient.extension[0]")],
    ),
    (
        {"extension": [{"url": "http://example.org/u", "valueFoo": "x"}]},
        [("element-unknown", "Patient.extension[0]")],
    ),
]


@pytest.mark.parametrize(("members", "expected"), CASES, ids=[str(case[0])[:60] for case in CASES])
def test_shape(
    validator: Validator, members: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    outcome = validator.validate({"resourceType": "Patient", **members})
    assert [(issue.rule, issue.expression) for issue in outcome] == expected


def test_a_typo_is_answered_with_the_right_name(validator: Validator) -> None:
    issue = validator.validate({"resourceType": "Patient", "brithDate": "2020"}).issues[0]
    assert "'birthDate'" in issue.message


@pytest.mark.parametrize("name", ["Pateint", "DomainResource", "HumanName", "", 7, None])
def test_only_resource_types_are_resources(validator: Validator, name: Any) -> None:
    outcome = validator.validate({"resourceType": name})
    assert [issue.rule for issue in outcome] == ["resource-type-unknown"]


def test_a_referenced_definition_is_followed(validator: Validator) -> None:
    item: dict[str, Any] = {"linkId": "0", "type": "display"}
    for depth in range(5):
        item = {"linkId": str(depth + 1), "type": "group", "item": [item]}
    form = {"resourceType": "Questionnaire", "status": "draft", "item": [item]}
    assert validator.validate(form).valid
    del item["item"][0]["item"][0]["linkId"]
    issue = validator.validate(form).issues[0]
    assert (issue.rule, issue.expression) == (
        "cardinality-min",
        "Questionnaire.item[0].item[0].item[0]",
    )


def test_a_dict_that_holds_itself_is_refused(validator: Validator) -> None:
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "collection"}
    bundle["entry"] = [{"resource": bundle}]
    assert "too-deep" in [issue.rule for issue in validator.validate(bundle)]


def test_issues_without_end_are_cut_off(validator: Validator) -> None:
    patient = {"resourceType": "Patient", **{f"x{number}": 1 for number in range(20_000)}}
    outcome = validator.validate(patient)
    assert len(outcome) == 10_001
    assert outcome.issues[-1].rule == "too-many-issues"


def test_a_value_stands_in_the_property_itself() -> None:
    beside = {"resourceType": "Patient", "_gender": {"value": "male"}}
    errors = Validator().validate(beside).errors
    assert [(e.rule, e.expression) for e in errors] == [("element-value", "Patient.gender")]
    only_id = {"resourceType": "Patient", "_gender": {"id": "g"}}
    errors = Validator().validate(only_id).errors
    assert [(e.rule, e.expression) for e in errors] == [("element-only-id", "Patient.gender")]
