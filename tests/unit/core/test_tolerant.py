"""Reading what is nearly JSON: each slip is named where it is, the rest keeps its meaning."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirkit.core.errors import InvalidInput
from fhirkit.core.jsonio import dumps, loads
from fhirkit.core.tolerant import places, recover

SCALARS = st.none() | st.booleans() | st.integers() | st.decimals(-1000, 1000, places=3)
JSON = st.recursive(
    SCALARS | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text('abc_"', max_size=4), inner)
    ),
    max_leaves=12,
)


def slips(text: str) -> list[tuple[str, Any, int]]:
    return [(slip.rule, slip.way, slip.offset) for slip in recover(text).slips]


@given(JSON)
def test_strict_json_means_what_the_strict_parser_says(value: Any) -> None:
    for text in (dumps(value, indent=False), dumps(value)):
        recovered = recover(text)
        assert recovered.slips == []
        assert recovered.value == loads(text)


@given(JSON, st.data())
def test_any_text_is_read_or_refused_and_nothing_else(value: Any, data: st.DataObject) -> None:
    text = dumps(value)
    place = data.draw(st.integers(0, len(text)))
    damage = data.draw(st.sampled_from(["", ",", "]", "}", '"', "'", "//", "\\", "x", "1", ":"]))
    damaged = text[:place] + damage + text[place + data.draw(st.integers(0, 2)) :]
    try:
        recovered = recover(damaged)
    except InvalidInput:
        return  # where it is refused is tried below
    try:
        strict = loads(damaged)
    except InvalidInput:
        assert recovered.slips, "refused by the strict parser, so something must be told"
    else:
        assert recovered == (strict, [], recovered.offsets)


@pytest.mark.parametrize(
    ("text", "value", "told"),
    [
        ('{"a": 1,}', {"a": 1}, [("json-comma", (), 7)]),
        ('{"a": [1, 2,]}', {"a": [1, 2]}, [("json-comma", ("a",), 11)]),
        ('{"a": 1 "b": 2}', {"a": 1, "b": 2}, [("json-comma", (), 8)]),
        ('{"a": [1 2]}', {"a": [1, 2]}, [("json-comma", ("a",), 9)]),
        ('{"a": [1,, 2]}', {"a": [1, 2]}, [("json-comma", ("a",), 8)]),
        ('{, "a": 1}', {"a": 1}, [("json-comma", (), 1)]),
        ("{a: 1}", {"a": 1}, [("json-quotes", (), 1)]),
        ('{"a": b}', {"a": "b"}, [("json-quotes", (), 6)]),
        ('{"a": [b]}', {"a": ["b"]}, [("json-quotes", ("a", 0), 7)]),
        ("{\"a\": 'b'}", {"a": "b"}, [("json-quotes", ("a",), 6)]),
        ('{"a": 1 /* x */}', {"a": 1}, [("json-comment", ("a",), 8)]),
        ('{"a": {"b": 1} /* x */}', {"a": {"b": 1}}, [("json-comment", (), 15)]),
        ('{"a": [{} {}]}', {"a": [{}, {}]}, [("json-comma", ("a", 1), 10)]),
        ('// x\n{"a": 1}', {"a": 1}, [("json-comment", (), 0)]),
        ('{// x\n"a": 1}', {"a": 1}, [("json-comment", ("a",), 1)]),
        ('{"a": 1, "a": 2}', {"a": 1}, [("json-duplicate-key", (), 9)]),
        ('{"a": 1, "\\u0061": 2}', {"a": 1}, [("json-duplicate-key", (), 9)]),
        ('{"a": +1}', {"a": 1}, [("json-number", ("a",), 6)]),
        ('{"a": 007}', {"a": 7}, [("json-number", ("a",), 6)]),
        ('{"a": .5}', {"a": 0.5}, [("json-number", ("a",), 6)]),
        ('{"a": 0x1F}', {"a": 31}, [("json-number", ("a",), 6)]),
        ('{"a": -Infinity}', {"a": 1}, [("json-number", ("a",), 6)]),
        ('{"a": "x\ny"}', {"a": "x\ny"}, [("json-string", ("a",), 6)]),
        ('{"a": "\\q"}', {"a": "q"}, [("json-string", ("a",), 6)]),
        ('{"a": "\\ud83d"}', {"a": "\ufffd"}, [("json-string", ("a",), 6)]),
    ],
)
def test_slips_are_named_and_passed_over(text: str, value: Any, told: list[Any]) -> None:
    assert recover(text).value == value
    assert slips(text) == told


def test_a_list_without_commas_in_an_object_without_commas_is_told_once() -> None:
    assert slips('{"a": [1 2] "b": 2}') == [("json-comma", (), 12)]


@pytest.mark.parametrize(
    ("text", "words", "spot"),
    [
        ('{"a": 1', "ends where '}' is expected", (1, 8)),
        ('{"a": [1}', "expected ']', found '}'", (1, 9)),
        ('{"a" 1}', "expected a colon", (1, 6)),
        ('{"a": }', "expected a value", (1, 7)),
        ('{"a": "x}', "never closed", (1, 7)),
        ("{}\n{}", "follows after the end", (2, 1)),
        ("[" * 250, "deeper than 200", (1, 201)),
    ],
)
def test_what_is_beyond_repair_is_refused_where_it_is(
    text: str, words: str, spot: tuple[int, int]
) -> None:
    with pytest.raises(InvalidInput, match=words) as refused:
        recover(text)
    issue = refused.value.issues[0]
    assert (issue.line, issue.column) == spot


def test_offsets_name_each_property_and_entry() -> None:
    text = '{"a": [1,\n 2],\n "b": {"c": 3,}}'
    offsets = recover(text).offsets
    ways = [("a",), ("a", 1), ("b", "c")]
    assert places(text, [offsets[way] for way in ways]) == [(1, 2), (2, 2), (3, 8)]
