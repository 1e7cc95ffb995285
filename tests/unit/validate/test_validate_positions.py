"""Line and column of places in JSON text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirkit.validate.positions import locate

KEYS = st.one_of(st.text(max_size=4), st.sampled_from(["a", "b", "c_1"]))
DOCUMENTS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=12,
)


def ways(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [way]
    if isinstance(value, dict):
        for key, child in value.items():
            found += ways(child, (*way, key))
    if isinstance(value, list):
        for index, child in enumerate(value):
            found += ways(child, (*way, index))
    return found


def at(value: Any, way: tuple[Any, ...]) -> Any:
    for key in way:
        value = value[key]
    return value


@given(document=DOCUMENTS, indent=st.sampled_from([None, 1, "\t"]), ascii_only=st.booleans())
def test_the_place_of_everything(document: Any, indent: Any, ascii_only: bool) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    lines = text.split("\n")
    wanted = ways(document)
    places = locate(text, wanted)
    assert locate(text, wanted, document) == places
    assert set(places) == set(wanted)
    decoder = json.JSONDecoder()
    for way, (line, column) in places.items():
        rest = "\n".join([lines[line - 1][column - 1 :], *lines[line:]])
        first, end = decoder.raw_decode(rest)
        if way and isinstance(way[-1], str):
            assert first == way[-1]
            assert rest[end:].lstrip().startswith(":")
        else:
            assert first == at(document, way)


def test_absent_places_are_left_out() -> None:
    assert locate('{"a": [1]}', [("a", 0), ("a", 1), ("b",)]) == {("a", 0): (1, 8)}


def test_what_comes_after_the_last_wanted_place_is_not_read() -> None:
    text = '{"a": {"b": [1, {"c": 2}], "d": 3}, "e": 4}'
    assert locate(text, [("a", "b", 1, "c"), ("a", "d")]) == {
        ("a", "b", 1, "c"): (1, 18),
        ("a", "d"): (1, 28),
    }


def test_deep_and_wide_texts_take_one_pass() -> None:
    deep = '{"x": ' * 190 + "0" + ', "y": [' + "1, " * 100 + "2]}" * 1 + "}" * 189
    wanted = [("x",) * depth + ("y",) for depth in range(190)] + [("x",) * 190]
    assert ("x",) * 189 + ("y",) in locate(deep, wanted)


@pytest.mark.parametrize(
    "text",
    [
        '{"x": "once", "\\u006fnce": 1}',
        '{"x": ["once"], "y": {"onc\\u0065": {"z": 1}}}',
        '{"x": "\\"once\\": 1", "once": {"z": 1}}',
        '{"x": {"once" : 1}, "y": {"z": 1}}',
    ],
)
def test_a_text_that_reads_like_a_name_is_not_taken_for_it(text: str) -> None:
    document = json.loads(text)
    wanted = [*ways(document), ("once",), ("y", "once"), ("y", "once", "z"), ("x", "once", 0)]
    assert locate(text, wanted, document) == locate(text, wanted)
