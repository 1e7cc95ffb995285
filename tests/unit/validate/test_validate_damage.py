"""Every single damage of a kind that the definitions forbid makes a valid resource invalid."""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

import pytest
from damage import KINDS, damages
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from samples import ALL

from fhirkit import Validator
from fhirkit.core.issues import Outcome

JSON_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(),
    st.text(max_size=20),
    st.sampled_from(["#", "urn:uuid:x", "Patient/1", "2020-02-30", "\ud800", "#\x00", "\u202e"]),
)
#: Property names that some rule looks at.
TELLING_NAMES = [
    *("resourceType", "id", "extension", "url", "valueString", "reference", "entry", "type"),
    *("fullUrl", "contained", "resource", "meta", "profile", "div", "_given", "coding", "code"),
]
JSON_VALUES = st.recursive(
    JSON_SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(
                st.text(max_size=8),
                st.sampled_from(TELLING_NAMES),
            ),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("name", ALL)
def test_the_samples_are_valid(validator: Validator, name: str) -> None:
    outcome = validator.validate(ALL[name])
    assert outcome.issues == ()


@pytest.mark.parametrize("name", ALL)
def test_every_damage_is_found(validator: Validator, name: str) -> None:
    done: Counter[str] = Counter()
    for damaged in damages(ALL[name], validator._shapes):
        done[damaged.kind] += 1
        outcome = validator.validate(damaged.resource)
        assert not outcome.valid, f"{damaged.kind} at {damaged.where} passed"
    assert sum(done.values()) > 50


def test_every_kind_of_damage_is_done(validator: Validator) -> None:
    done = {damaged.kind for name in ALL for damaged in damages(ALL[name], validator._shapes)}
    assert done == set(KINDS)


def _ways(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [way] if way else []
    if isinstance(value, dict):
        for key, child in value.items():
            found += _ways(child, (*way, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            found += _ways(child, (*way, index))
    return found


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_json_whatever_makes_it_raise(validator: Validator, data: st.DataObject) -> None:
    resource = copy.deepcopy(ALL[data.draw(st.sampled_from(sorted(ALL)))])
    for _ in range(data.draw(st.integers(1, 3))):
        way = data.draw(st.sampled_from(_ways(resource)))
        parent: Any = resource
        for key in way[:-1]:
            parent = parent[key]
        new = data.draw(JSON_VALUES)
        if isinstance(parent, dict) and data.draw(st.booleans()):
            parent[data.draw(st.text(max_size=10))] = new
        else:
            parent[way[-1]] = new
    assert isinstance(validator.validate(resource), Outcome)


@settings(max_examples=200, deadline=None)
@given(value=JSON_VALUES)
def test_no_value_whatever_makes_it_raise(validator: Validator, value: Any) -> None:
    source = value if isinstance(value, dict) else {"resourceType": "Patient", "name": value}
    assert isinstance(validator.validate(source), Outcome)


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=60))
def test_no_bytes_whatever_make_it_raise(validator: Validator, data: bytes) -> None:
    assert not validator.validate(data).valid


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_truncated_text_is_never_valid(validator: Validator, data: st.DataObject) -> None:
    from fhirkit.core.jsonio import dump_bytes

    text = dump_bytes(ALL["patient"]).rstrip()
    cut = data.draw(st.integers(0, len(text) - 1))
    outcome = validator.validate(text[:cut])
    assert not outcome.valid
