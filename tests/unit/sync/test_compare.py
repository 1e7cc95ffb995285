"""Differences by place."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirkit.sync.compare import changes


def lines(before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[str]:
    return [str(change) for change in changes(before, after)]


def patient(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", **more}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"birthDate": "1979"}, {"birthDate": "1980"}, ["Patient.birthDate: 1979 → 1980"]),
        ({}, {"active": False}, ["Patient.active: absent → false"]),
        ({"name": [{"given": ["A", "B"]}]}, {"name": [{"given": ["A", "C"]}]},
         ["Patient.name[0].given[1]: B → C"]),
        ({"name": [{"text": "a"}, {"text": "b"}]}, {"name": [{"text": "b"}]},
         ['Patient.name[0]: {"text":"a"} → absent']),
        ({"meta": {"versionId": "1"}}, {"meta": {"versionId": "2"}}, []),
        ({"x": {"a": 1, "b": 2}}, {"x": {"b": 2, "a": 1}}, []),
        ({"x": Decimal("1.0")}, {"x": Decimal("1.00")}, ["Patient.x: 1.0 → 1.00"]),
        ({"x": "1"}, {"x": 1}, ["Patient.x: 1 → 1"]),
    ],
)  # fmt: skip
def test_places(before: dict[str, Any], after: dict[str, Any], expected: list[str]) -> None:
    assert lines(patient(**before), patient(**after)) == expected


def test_a_whole_resource_comes_or_goes() -> None:
    assert lines(None, patient()) == ['Patient: absent → {"resourceType":"Patient"}']
    assert lines(None, None) == []


values = st.recursive(
    st.one_of(st.booleans(), st.integers(-5, 5), st.text("ab", max_size=2)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(values, values)
def test_no_change_means_equal_content(one: Any, other: Any) -> None:
    from fhirkit.core.resource import content_hash

    before, after = patient(x=one), patient(x=other)
    assert changes(before, before) == []
    assert (changes(before, after) == []) == (content_hash(before) == content_hash(after))
