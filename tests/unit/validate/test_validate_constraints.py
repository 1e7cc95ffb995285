"""Invariants: https://hl7.org/fhir/R4/elementdefinition.html (constraint)."""

from __future__ import annotations

from typing import Any

import pytest

from fhirkit import Validator
from fhirkit.definitions.embedded import connect
from fhirkit.fhirpath import Environment
from fhirkit.schema.model import Constraint, ElementSchema, StructureSchema
from fhirkit.schema.store import SchemaStore
from fhirkit.validate import Options
from fhirkit.validate.rules import contained
from fhirkit.validate.rules.constraint import Invariants, ask, ask_primitive
from fhirkit.validate.services import Services
from fhirkit.validate.shapes import Shapes


def observation(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, **more}


def patient(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", **more}


def questionnaire(*items: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Questionnaire", "status": "draft", "item": list(items)}


QUANTITY = "Observation.value.ofType(Quantity)"
PERIOD = {"start": "2020-01-02", "end": "2020-01-01"}


@pytest.mark.parametrize(
    ("resource", "key", "place"),
    [
        # of a data type
        (observation(valueQuantity={"value": 1, "code": "m"}), "qty-3", QUANTITY),
        (observation(effectivePeriod=PERIOD), "per-1", "Observation.effective.ofType(Period)"),
        (patient(telecom=[{"value": "1"}]), "cpt-2", "Patient.telecom[0]"),
        (patient(photo=[{"data": "AAAA"}]), "att-1", "Patient.photo[0]"),
        # of the profile that the specification gives a data type in some places
        (
            observation(referenceRange=[{"low": {"value": 1, "comparator": "<"}}]),
            "sqty-1",
            "Observation.referenceRange[0].low",
        ),
        # of a backbone element
        (observation(referenceRange=[{"appliesTo": [{"text": "x"}]}]), "obs-3", None),
        (patient(contact=[{"gender": "male"}]), "pat-1", "Patient.contact[0]"),
        # of an element, on top of those of its type
        (
            {
                "resourceType": "RiskAssessment",
                "status": "final",
                "subject": {"reference": "Patient/1"},
                "prediction": [{"probabilityDecimal": 101}],
            },
            "ras-2",
            "RiskAssessment.prediction[0]",
        ),
        # of the resource
        (
            observation(valueString="x", dataAbsentReason={"text": "y"}),
            "obs-6",
            "Observation",
        ),
        (
            questionnaire({"linkId": "1", "type": "string"}, {"linkId": "1", "type": "string"}),
            "que-2",
            "Questionnaire",
        ),
        (
            questionnaire({"linkId": "1", "type": "group", "maxLength": 2}),
            "que-10",
            "Questionnaire.item[0]",
        ),
        # of a contained resource
        (
            patient(
                contained=[{"resourceType": "Patient", "id": "a", "contact": [{"gender": "male"}]}],
                link=[{"other": {"reference": "#a"}, "type": "seealso"}],
            ),
            "pat-1",
            "Patient.contained[0].contact[0]",
        ),
    ],
)
def test_a_broken_constraint_is_an_error_at_its_element(
    validator: Validator, resource: dict[str, Any], key: str, place: str | None
) -> None:
    broken = [issue for issue in validator.validate(resource) if issue.rule == "constraint-broken"]
    found = {issue.message.partition(":")[0]: issue.expression for issue in broken}
    assert key in found
    assert place is None or found[key] == place


@pytest.mark.parametrize(
    "resource",
    [
        observation(valueQuantity={"value": 1, "code": "m", "system": "http://unitsofmeasure.org"}),
        observation(effectivePeriod={"start": "2020-01-01", "end": "2020-01-01"}),
        patient(telecom=[{"value": "1", "system": "phone"}]),
        patient(contact=[{"gender": "male", "name": {"text": "x"}}]),
        observation(referenceRange=[{"text": "x"}]),
        observation(valueString="x"),
        {
            "resourceType": "RiskAssessment",
            "status": "final",
            "subject": {"reference": "Patient/1"},
            # Published so that a prediction without a probability would break ras-2.
            "prediction": [{"outcome": {"text": "x"}}, {"probabilityDecimal": 100}],
        },
        questionnaire({"linkId": "1", "type": "string"}, {"linkId": "2", "type": "string"}),
        # Published so that a missing name would break it, and a name with a fitting part not.
        {"resourceType": "Library", "status": "draft", "type": {"text": "x"}},
    ],
)
def test_what_keeps_its_constraints_says_nothing_of_them(
    validator: Validator, resource: dict[str, Any]
) -> None:
    rules = [issue.rule for issue in validator.validate(resource)]
    assert not [rule for rule in rules if rule.startswith("constraint-")]


def test_a_weaker_constraint_is_a_warning(validator: Validator) -> None:
    library = {"resourceType": "Library", "status": "draft", "type": {"text": "x"}, "name": "A b"}
    outcome = validator.validate(library)
    broken = [issue for issue in outcome if issue.rule == "constraint-warning"]
    assert [issue.message.partition(":")[0] for issue in broken] == ["lib-0"]
    assert outcome.valid


def test_good_practice_is_asked_for_on_demand(validator: Validator) -> None:
    inner = {"resourceType": "Organization", "id": "o", "name": "x"}
    resource = patient(contained=[inner], managingOrganization={"reference": "#o"})
    assert len(validator.validate(resource)) == 0
    strict = Validator(options=Options(best_practice=True)).validate(resource)
    assert [(issue.rule, issue.expression) for issue in strict] == [
        ("constraint-best-practice", "Patient")
    ]
    assert strict.valid


@pytest.mark.parametrize(
    ("inner", "outer", "orphans"),
    [
        ([{"resourceType": "Group", "id": "a"}], {}, ["a"]),
        ([{"resourceType": "Group", "id": "a"}], {"x": [{"reference": "#a"}]}, []),
        ([{"resourceType": "Group", "id": "a"}], {"x": [{"reference": "#b"}]}, ["a"]),
        ([{"resourceType": "Group", "id": "a", "x": {"reference": "#"}}], {}, []),
        (
            [
                {"resourceType": "Group", "id": "a", "x": {"reference": "#b"}},
                {"resourceType": "Group", "id": "b", "x": {"reference": "#"}},
            ],
            {},
            ["a"],
        ),
        # What cannot be referred to is reported by other rules.
        ([{"resourceType": "Group"}, {"id": "x"}, 1, None], {}, []),
        ("no list", {}, []),
    ],
)
def test_a_contained_resource_is_connected(inner: Any, outer: Any, orphans: list[str]) -> None:
    found = list(contained.check({"contained": inner, **outer}))
    assert [inner[finding.below[1]]["id"] for finding in found] == orphans


@pytest.fixture(scope="module")
def store() -> SchemaStore:
    return SchemaStore(connect())


def answer(store: SchemaStore, expression: str | None, focus: Any, **services: Any) -> str | None:
    """The rule that one constraint of Patient leads to."""
    constraint = Constraint("own-1", "error", "our own", expression)
    element = ElementSchema(path="Patient", name="Patient", constraints=("own-1",))
    source = StructureSchema(
        "u", "Patient", "P", "resource", element, constraints={"own-1": constraint}
    )
    (invariant,) = Invariants(store).of_element(source, element, "Patient")
    finding = ask(invariant, focus, Environment(resource=focus, root_resource=focus, **services))
    return None if finding is None else finding.rule


@pytest.mark.parametrize(
    ("expression", "rule"),
    [
        ("active", None),
        ("active.not()", "constraint-broken"),
        # nothing is not true
        ("deceased", "constraint-broken"),
        # cannot be read, or means nothing: HL7's validator takes it for broken
        ("active and", "constraint-broken"),
        ("nonsense()", "constraint-broken"),
        (None, "constraint-not-checked"),
        # a regular expression that RE2 cannot run
        ("gender.matches('(?=m)male')", "constraint-not-checked"),
        # fails on these data
        ("name.given.toInteger() > 1", "constraint-broken"),
        # needs what is not there
        ("gender.memberOf('http://example.org/unknown')", "constraint-not-checked"),
        ("conformsTo('http://example.org/unknown')", "constraint-not-checked"),
    ],
)
def test_what_cannot_be_evaluated_is_said(
    store: SchemaStore, expression: str | None, rule: str | None
) -> None:
    focus = patient(active=True, gender="male", name=[{"given": ["a", "b"]}])
    assert answer(store, expression, focus) == rule


@pytest.mark.parametrize(
    ("expression", "rule"),
    [
        ("gender.memberOf('http://hl7.org/fhir/ValueSet/administrative-gender')", None),
        ("language.memberOf('http://hl7.org/fhir/ValueSet/days-of-week')", "constraint-broken"),
        ("gender.memberOf('http://example.org/unknown')", "constraint-not-checked"),
        ("conformsTo('http://hl7.org/fhir/StructureDefinition/Patient')", None),
        ("conformsTo('http://hl7.org/fhir/StructureDefinition/DomainResource')", None),
        ("conformsTo('http://hl7.org/fhir/StructureDefinition/Group')", "constraint-broken"),
        ("conformsTo('http://example.org/unknown')", "constraint-not-checked"),
    ],
)
def test_services_answer_from_what_is_at_hand(
    store: SchemaStore, expression: str, rule: str | None
) -> None:
    focus = patient(gender="male", language="de")
    around = Services(Shapes(store)).environment(focus, focus, None)
    services = {"member_of": around.member_of, "conforms_to": around.conforms_to}
    assert answer(store, expression, focus, **services) == rule


def test_a_primitive_is_asked_with_its_extensions(store: SchemaStore) -> None:
    constraint = Constraint("own-1", "error", "", "hasValue() or extension('urn:why').exists()")
    element = ElementSchema(path="Patient.birthDate", name="birthDate", constraints=("own-1",))
    source = StructureSchema(
        "u", "Patient", "P", "resource", element, constraints={"own-1": constraint}
    )
    (invariant,) = Invariants(store).of_element(source, element, "date")
    around = Environment(resource={}, root_resource={})
    why = {"extension": [{"url": "urn:why", "valueCode": "unknown"}]}
    assert ask_primitive(invariant, "2020", None, around) is None
    assert ask_primitive(invariant, None, why, around) is None
    assert ask_primitive(invariant, None, {"id": "x"}, around) is not None


def test_an_expression_is_compiled_once_for_all_elements_of_a_type(store: SchemaStore) -> None:
    invariants = Invariants(store)
    quantity, period = store.type("Quantity"), store.type("Period")
    assert quantity is not None
    assert period is not None
    first = invariants.of_element(quantity, quantity.root, "Quantity")
    assert invariants.of_element(quantity, quantity.root, "Quantity") == first
    assert first[0] is invariants.of_element(quantity, quantity.root, "Quantity")[0]
    assert not set(first) & set(invariants.of_element(period, period.root, "Period"))


@pytest.mark.parametrize("name", ["contact", "contained", "text", "telecom", "link"])
@pytest.mark.parametrize("value", [[], {}, [[]], [None], "x", 1, [{"id": 1}], [{"value": {}}]])
def test_no_wrong_shape_makes_it_raise(validator: Validator, name: str, value: Any) -> None:
    assert not validator.validate(patient(**{name: value})).valid
