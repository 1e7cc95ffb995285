"""Made resources are valid, and of every kind of damage to them at least 99 % is found."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from damages import WAYS, damages
from hypothesis import given, settings
from hypothesis import strategies as st
from instances import Maker, valid_instance

from fhirkit import Validator
from fhirkit.core.issues import Severity
from fhirkit.definitions.embedded import connect
from fhirkit.schema.store import SchemaStore

STORE = SchemaStore(connect())
TYPES = sorted(STORE.resource_types)
#: What is wrong with a made resource before it is mended: relations between elements only.
RELATIONS = frozenset({"constraint-broken", "search-expression"})
FOUND = 0.99
#: A StructureDefinition is an agreement of hundreds of parts: chance does not find a valid one.
NOT_BY_CHANCE = frozenset({"StructureDefinition"})


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(TYPES), st.integers(0, 1 << 30), st.sampled_from((0.0, 0.3, 0.6)))
def test_what_a_schema_allows_is_right_in_shape_and_values(
    validator: Validator, name: str, seed: int, density: float
) -> None:
    made = Maker(STORE, seed, density).resource(name)
    errors = [i for i in validator.validate(made).issues if i.severity is Severity.ERROR]
    assert [issue for issue in errors if issue.rule not in RELATIONS] == []


@pytest.mark.parametrize("name", [name for name in TYPES if name not in NOT_BY_CHANCE])
def test_there_is_a_valid_resource_of_every_type(validator: Validator, name: str) -> None:
    made = valid_instance(validator, STORE, name, seed=1)
    assert made is not None
    assert made["resourceType"] == name


def test_of_every_kind_of_damage_nearly_all_is_found(validator: Validator) -> None:
    chance = random.Random(20)  # noqa: S311  # made-up data
    done: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    ways: set[str] = set()
    examples: list[str] = []
    for name in TYPES:
        base = valid_instance(validator, STORE, name, seed=2, density=0.3)
        if base is None:
            continue
        every = list(damages(base, validator._shapes))
        for damaged in chance.sample(every, min(60, len(every))):
            done[damaged.kind] += 1
            ways.add(damaged.how)
            if validator.validate(damaged.resource).valid:
                missed[damaged.kind] += 1
                examples.append(f"{damaged.how}: {damaged.where}")
    assert ways == set(WAYS)
    assert {kind: missed[kind] / done[kind] for kind in done if missed[kind]} == pytest.approx(
        {kind: 0.0 for kind in done if missed[kind]}, abs=1 - FOUND
    ), examples
