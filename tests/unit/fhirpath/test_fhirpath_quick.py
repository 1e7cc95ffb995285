"""The quick compiler against the complete one: it may decline, it may never differ."""

from __future__ import annotations

import inspect
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhirkit import fhirpath
from fhirkit.fhirpath import Environment, FhirPathError, embedded_model

# Forms that stand in the R4 invariants, over elements of an Observation.
EXPRESSIONS = (
    "status.exists()",
    "status = 'final'",
    "status != 'final'",
    "(status = 'final').not()",
    "status in ('final' | 'amended')",
    "(status in ('final' | 'amended')).not()",
    "value.exists() or dataAbsentReason.exists()",
    "value.empty()",
    "value.exists() xor dataAbsentReason.exists()",
    "value.exists() implies status.exists()",
    "value.exists() = dataAbsentReason.exists()",
    "value.exists() != dataAbsentReason.exists()",
    "value.empty() or component.empty()",
    "component.all(value.exists() or dataAbsentReason.exists())",
    "component.where(code.exists()).exists()",
    "component.where(code.exists()).value.exists()",
    "component.where(code.coding.exists(code = 'a')).empty()",
    "component.exists(code.text = 'a')",
    "component.count() > 1",
    "(component.count() + note.count()) = 1",
    "component.count() <= 1 or note.count() != 1",
    "code.coding.where(system = 'urn:s' and code = 'a').exists()",
    "code.coding.where(system = 'urn:s' and code = 'a').empty()",
    "code.text.startsWith('a')",
    "code.text.startsWith('a').not()",
    "code.text.matches('^[a-z]+$') or code.text.contains('/').not()",
    "code.text.hasValue()",
    "code.text.hasValue().not()",
    "code.coding.all(userSelected = true)",
    "code.coding.userSelected.exists()",
    "code.coding.first().code = 'a'",
    "code.coding.code.isDistinct()",
    "code.coding.select(code & system).isDistinct()",
    "hasValue() or (children().count() > id.count())",
    "contained.meta.versionId.empty()",
    "contained.contained.empty()",
    "text.`div`.exists()",
    "%resource.status = 'final' or %resource.code.exists()",
    "component.all(code = %resource.code)",
    "component.all(code.exists() = (%resource.status = 'final'))",
    "issued.empty() or (issued <= @2020-01-01T00:00:00Z)",
    "Observation.status.exists()",
    "issued >= meta.lastUpdated",
    "(issued < meta.lastUpdated).not()",
    "component.code.where(coding.intersect(%resource.code.coding).exists()).empty()",
    "component.select(value.exists()).allTrue()",
    "value is Quantity implies value.as(Quantity).unit.exists()",
    "code.coding.exists() and code.coding.system.exists() and code.coding.code.exists()",
    "status",
    "true",
    "{}",
)


def obj(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=parts)


TEXT = st.sampled_from(["a", "b", "urn:s", "final", "amended", "a/b"])
EXTRA = obj(id=TEXT, extension=st.just([{"url": "u", "valueString": "x"}])).filter(bool)
CODING = obj(system=TEXT, code=TEXT, _code=EXTRA, userSelected=st.booleans(), id=TEXT)
CODE = obj(coding=st.lists(CODING, min_size=1, max_size=2), text=TEXT, _text=EXTRA)
QUANTITY = obj(value=st.just(Decimal("1.0")), unit=TEXT)
VALUE = {
    "valueQuantity": QUANTITY,
    "valueString": TEXT,
    "_valueString": EXTRA,
    "dataAbsentReason": CODE,
}
OBSERVATION = obj(
    status=TEXT,
    _status=EXTRA,
    code=CODE,
    **VALUE,
    issued=st.sampled_from(["2019-01-01T00:00:00Z", "2021-01-01T00:00:00Z"]),
    meta=obj(lastUpdated=st.sampled_from(["2019-01-01T00:00:00Z", "2020-01-01T00:00:00+14:00"])),
    component=st.lists(obj(code=CODE, **VALUE), min_size=1, max_size=3),
    note=st.lists(obj(text=TEXT), min_size=1, max_size=2),
    contained=st.lists(
        obj(id=TEXT, meta=obj(versionId=TEXT)).map(lambda x: {"resourceType": "Patient", **x}),
        min_size=1,
        max_size=2,
    ),
    text=obj(status=TEXT, div=TEXT, _div=EXTRA),
).map(lambda parts: {"resourceType": "Observation", **parts})


@settings(max_examples=150, deadline=None)
@given(OBSERVATION)
def test_quick_and_complete_agree(resource: dict[str, Any]) -> None:
    environment = Environment(resource=resource, root_resource=resource)
    for text in EXPRESSIONS:
        expression = fhirpath.compile(text, embedded_model())
        quick = expression._quick_for("Observation")
        if quick is None:
            continue
        frame = expression._frame(resource, environment, None, None)
        try:
            found = expression._run(frame)
            wanted = len(found) == 1 and fhirpath_truth(found[0])
        except FhirPathError:
            wanted = False
        try:
            answer = quick(resource, environment)
        except FhirPathError:
            answer = False
        assert answer is wanted, text


def fhirpath_truth(item: Any) -> bool:
    value = getattr(item, "value", item)
    return value if isinstance(value, bool) else True


def test_most_forms_are_quick() -> None:
    compiled = [fhirpath.compile(text, embedded_model()) for text in EXPRESSIONS]
    quick = [expression for expression in compiled if expression._quick_for("Observation")]
    assert len(quick) > len(EXPRESSIONS) * 0.75


def test_data_of_the_wrong_shape_fall_back() -> None:
    expression = fhirpath.compile("code.coding.where(code = 'a').exists()", embedded_model())
    holds = expression.predicate("Observation")
    for code in ("text", ["a"], 1, None, {"coding": "x"}, {"coding": {"code": "a"}}):
        resource = {"resourceType": "Observation", "code": code}
        environment = Environment(resource=resource)
        assert holds(resource, environment) is expression.check(resource, environment)


def test_a_predicate_tells_false_from_nothing() -> None:
    resource = {"resourceType": "Observation", "status": "final"}
    environment = Environment(resource=resource)
    for text, expected in (("status = 'final'", True), ("status = 'x'", False),
                           ("code.text = 'x'", None)):  # fmt: skip
        holds = fhirpath.compile(text, embedded_model()).predicate("Observation")
        assert holds(resource, environment) is expected


def test_the_resource_must_be_of_the_expected_type() -> None:
    expression = fhirpath.compile("%resource.status = 'final'", embedded_model())
    component: dict[str, Any] = {}
    holds = expression.predicate("Observation.component")
    for kind, expected in (("Observation", True), ("Encounter", True)):
        environment = Environment(resource={"resourceType": kind, "status": "final"})
        assert holds(component, environment) is expected


@pytest.mark.parametrize("name", ["'); import os; ('", "a\\", "{0}", "\n"])
def test_texts_of_an_expression_cannot_become_code(name: str) -> None:
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    resource = {"resourceType": "Observation", "status": name}
    expression = fhirpath.compile(f"status = '{escaped}'", embedded_model())
    assert expression._quick_for("Observation") is not None
    assert expression.check(resource) is True
    with pytest.raises(FhirPathError):
        fhirpath.compile(f"%`{name}`", embedded_model()).evaluate(resource)


def test_compile_gives_the_same_object() -> None:
    first = fhirpath.compile("a.b", embedded_model())
    assert fhirpath.compile("a.b", embedded_model()) is first
    assert "check" in dict(inspect.getmembers(first))
