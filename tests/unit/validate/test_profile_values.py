"""Fixed and pattern values, limits and discriminator paths, by their laws."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirkit.core.jsonio import dumps, loads
from fhirkit.schema.discriminator import Step, steps
from fhirkit.schema.model import TypedValue
from fhirkit.validate.profiles.values import compare, differences, is_exactly, matches

_LEAVES = st.booleans() | st.integers(-99, 99) | st.text("ab", max_size=3)
VALUES = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(st.sampled_from("xyz"), inner, min_size=1, max_size=3)
    ),
    max_leaves=8,
)


def quantity(value: int, code: str) -> str:
    return f'{{"value":{value},"system":"http://unitsofmeasure.org","code":"{code}"}}'


@given(VALUES)
def test_a_value_is_itself_and_matches_itself(value: Any) -> None:
    assert is_exactly(value, value)
    assert matches(value, value)


@given(VALUES, VALUES)
def test_what_is_exactly_the_same_matches_both_ways(one: Any, other: Any) -> None:
    if is_exactly(one, other):
        assert is_exactly(other, one)
        assert matches(one, other)
        assert matches(other, one)


@given(st.dictionaries(st.sampled_from("xyz"), VALUES, min_size=1), VALUES)
def test_more_than_the_pattern_still_matches_but_is_not_fixed(
    pattern: dict[str, Any], more: Any
) -> None:
    value = {**pattern, "other": [more]}
    assert matches(pattern, value)
    assert not is_exactly(pattern, value)


@given(VALUES, VALUES)
def test_nothing_differs_exactly_where_the_pattern_matches(pattern: Any, value: Any) -> None:
    assert matches(pattern, value) == (not [*differences(pattern, value, pattern=True)])


def test_what_differs_is_told_where_it_differs() -> None:
    fixed, value = loads('{"a":{"b":1,"c":2},"d":[1,2]}'), loads('{"a":{"b":2},"d":[1,3],"e":0}')
    assert {way for way, _ in differences(fixed, value, pattern=False)} == {
        ("a", "b"),
        ("a", "c"),
        ("d", 1),
        ("e",),
    }
    assert {way for way, _ in differences(fixed, value, pattern=True)} == {
        ("a", "b"),
        ("a", "c"),
        (),
    }


@given(st.lists(VALUES, min_size=1, max_size=4), st.randoms())
def test_a_pattern_does_not_mind_the_order_of_a_list(items: list[Any], random: Any) -> None:
    mixed = list(items)
    random.shuffle(mixed)
    assert matches(items, mixed)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("1.0", "1.0", True), ("1.0", "1.00", False), ("1", "1.0", False), ("true", "1", False)],
)
def test_decimals_are_fixed_to_the_digit(one: str, other: str, same: bool) -> None:
    assert is_exactly(loads(one), loads(other)) is same


@pytest.mark.parametrize(
    ("kind", "limit", "value", "answer"),
    [
        ("Integer", "5", "4", -1),
        ("Decimal", "5.0", "5", 0),
        ("Date", '"2020-05-01"', '"2020-05-02"', 1),
        ("Date", '"2020-05-01"', '"2020-05"', None),
        ("Date", '"2020-05-01"', '"2021"', 1),
        ("DateTime", '"2020-05-01T10:00:00Z"', '"2020-05-01T11:00:00+02:00"', -1),
        ("Quantity", quantity(3, "mg"), quantity(4, "mg"), 1),
        ("Quantity", quantity(3000, "mg"), quantity(4, "g"), 1),
        ("Quantity", quantity(3, "mg"), quantity(4, "cm"), None),
        ("Quantity", '{"value":3,"code":"mg"}', '{"value":4,"code":"mg"}', None),
        ("Integer", "5", '"x"', None),
    ],
)
def test_limits(kind: str, limit: str, value: str, answer: int | None) -> None:
    assert compare(TypedValue(kind, dumps(loads(limit), indent=False)), loads(value)) == answer


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$this", ()),
        ("code.coding", (Step("child", "code"), Step("child", "coding"))),
        ("$this.resolve().code", (Step("resolve"), Step("child", "code"))),
        (
            "extension('http://example.org/a.b').value",
            (Step("extension", "http://example.org/a.b"), Step("child", "value")),
        ),
        ("value.ofType(Quantity)", (Step("child", "value"), Step("ofType", "Quantity"))),
        ("code = 'x'", None),
        ("code.", None),
    ],
)
def test_paths_of_discriminators(path: str, expected: tuple[Step, ...] | None) -> None:
    assert steps(path) == expected
