from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirkit.core.errors import InvalidInput
from fhirkit.core.jsonio import dumps, loads, value_skipper

decimals = st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str).map(Decimal)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | decimals | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(documents)
def test_what_is_written_reads_back_the_same(value: Any) -> None:
    again = loads(dumps(value))
    assert again == value
    assert dumps(again) == dumps(value)


@pytest.mark.parametrize(
    "lexeme",
    [
        *("36.6", "1.00", "1.0", "1", "0.00000001", "-0.0", "1.0E2", "1e-7", "1e400", "1e-400"),
        *("123456789012345678901234567890.5", "1e999999999", str(2**64), str(2**70)),
    ],
)
def test_numbers_keep_their_digits(lexeme: str) -> None:
    assert dumps({"value": loads(f'{{"value":{lexeme}}}')["value"]}, indent=False) == (
        f'{{"value":{lexeme}}}'
    )


def test_numbers_beyond_64_bits_keep_their_place_in_lists() -> None:
    text = f'[{{"a":[{2**80},1.50]}}]'
    assert dumps(loads(text), indent=False) == text


@pytest.mark.parametrize(
    ("text", "rule", "line", "column"),
    [
        ('{"id": "a",\n "id": "b"}', "json-duplicate-key", 2, 5),
        ('{"id": "a", "\\u0069d": "b"}', "json-duplicate-key", 1, 22),
        ('{"a": NaN}', "json-syntax", 1, 7),
        ('{"a": -Infinity}', "json-syntax", 1, 7),
        ('{"a": 01}', "json-syntax", 1, 8),
        ('{"a": 1,}', "json-syntax", 1, 9),
        ("{'a': 1}", "json-syntax", 1, 2),
        ("{} {}", "json-syntax", 1, 4),
        ("", "json-syntax", 1, 0),
    ],
)
def test_what_strict_json_forbids_is_refused_with_its_place(
    text: str, rule: str, line: int, column: int
) -> None:
    with pytest.raises(InvalidInput) as caught:
        loads(text, file="x.json")
    (issue,) = caught.value.issues
    assert (issue.rule, issue.file) == (rule, "x.json")
    assert issue.line == line
    assert issue.column is not None
    assert abs(issue.column - column) <= 2


@pytest.mark.parametrize(
    "data", [b'{"a": "\\ud800"}', b'{"a": "\xed\xa0\x80"}', b'{"a": "\xc0\x80"}']
)
def test_broken_text_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        loads(data)


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-32"])
def test_other_encodings_are_named(codec: str) -> None:
    with pytest.raises(InvalidInput, match="not UTF-8"):
        loads('{"resourceType": "Patient"}'.encode(codec))


def test_a_byte_order_mark_is_accepted() -> None:
    assert loads(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


@pytest.mark.parametrize("depth", [1_100, 100_000])
def test_deep_nesting_ends_at_once(depth: int) -> None:
    with pytest.raises(InvalidInput):
        loads("[" * depth + "]" * depth)


@pytest.mark.parametrize("digits", [4_300, 4_301, 100_000])
def test_huge_integers_are_kept_or_refused_never_a_crash(digits: int) -> None:
    text = "9" * digits
    try:
        value = loads(text)
    except InvalidInput:
        return
    assert str(value).startswith("99")


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("-Infinity"), float("nan")])
def test_what_json_cannot_say_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="NaN"):
        dumps({"value": [value]})


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(TypeError, match="set"):
        dumps({"value": {1}})


@given(documents)
def test_the_writing_is_json_for_everyone(value: Any) -> None:
    json.loads(dumps(value))


@pytest.mark.parametrize("lexeme", ["1.0E2", "1e-7", "12e1", "-0.50e+3", "1.10"])
def test_a_respelt_number_keeps_value_and_precision(lexeme: str) -> None:
    exact, respelt = loads(lexeme), loads(lexeme, respell=True)
    assert str(exact) == lexeme
    assert respelt.as_tuple() == exact.as_tuple()


def test_the_end_of_a_value_is_found_without_reading_it() -> None:
    text = '{"a": [1, "]}", {"b": -1.5e3}], "c": ' + "9" * 5000 + "}"
    skip = value_skipper()
    assert skip(text, 0) == len(text)
    assert text[skip(text, 6) :].startswith(', "c"')
    assert text[skip(text, text.index("999")) :] == "}"
