"""Made resources are valid, and of every kind of damage to them at least 99 % is found."""

from __future__ import annotations

import pytest
from counts import Counts
from damages import IN_XML, WAYS
from hypothesis import given, settings
from hypothesis import strategies as st
from instances import Maker, valid_instance
from xmltext import xml_text

from fhirkit import Validator
from fhirkit.core.issues import Severity
from fhirkit.definitions.embedded import connect
from fhirkit.schema.store import SchemaStore
from fhirkit.validate.shape_rules import SHAPE_RULES

STORE = SchemaStore(connect())
TYPES = sorted(STORE.resource_types)
#: What a schema decides; beyond it are the relations between elements, which chance breaks.
SHAPE = {*(rule.id for rule in SHAPE_RULES), "binding-required", "binding-maximum", "code-unknown"}
FOUND = 0.99
#: A StructureDefinition is an agreement of hundreds of parts: chance does not find a valid one.
NOT_BY_CHANCE = frozenset({"StructureDefinition"})
#: It has an element named resourceType, which JSON cannot tell from the type.
NOT_IN_XML = frozenset({"ExampleScenario"})


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(TYPES), st.integers(0, 1 << 30), st.sampled_from((0.0, 0.3, 0.6)))
def test_what_a_schema_allows_is_right_in_shape_and_values(
    validator: Validator, name: str, seed: int, density: float
) -> None:
    made = Maker(STORE, seed, density).resource(name)
    errors = [i for i in validator.validate(made).issues if i.severity is Severity.ERROR]
    assert [issue for issue in errors if issue.rule in SHAPE] == []


@pytest.mark.parametrize("name", [name for name in TYPES if name not in NOT_BY_CHANCE])
def test_there_is_a_valid_resource_of_every_type(validator: Validator, name: str) -> None:
    made = valid_instance(validator, STORE, name, seed=1)
    assert made is not None
    assert made["resourceType"] == name


def test_of_every_kind_of_damage_nearly_all_is_found(validator: Validator) -> None:
    counts = Counts(validator)
    for name in TYPES:
        base = valid_instance(validator, STORE, name, seed=2, density=0.3)
        if base is not None:
            counts.json(base, 60)
    assert counts.ways == set(WAYS)
    assert counts.below(FOUND) == {}, counts.missed


def test_the_same_of_copies_in_xml(validator: Validator) -> None:
    counts = Counts(validator)
    for name in TYPES:
        base = valid_instance(validator, STORE, name, seed=3, density=0.2)
        if base is not None and name not in NOT_IN_XML:
            assert validator.validate(xml_text(base, validator._shapes)).valid, name
            counts.xml(base, 20)
    assert counts.ways == IN_XML
    assert counts.below(FOUND) == {}, counts.missed
