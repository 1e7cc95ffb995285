"""A quote leads to exactly one passage, or says why not."""

from __future__ import annotations

import hashlib
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirkit.convert.read.quotes import (
    QuoteAmbiguous,
    QuoteNotFound,
    SourceNotText,
    SourceText,
)

TEXT = """Summary

A woman of 42 had felt her legs “restless” at night
  for over a year. Iron was low.
Blood pressure was 128/76 mmHg. Iron was low again in May.
The café's tea\u00a0was strong.
"""
SOURCE = SourceText(TEXT.encode(), "report.md")


def test_place_offset_and_length() -> None:
    span = SOURCE.find("128/76 mmHg")
    assert (span.line, span.column) == (5, 20)
    assert TEXT[span.offset : span.offset + span.length] == "128/76 mmHg"


def test_a_quote_may_run_over_a_line_end() -> None:
    span = SOURCE.find("at night for over a year")
    assert span.line == 3
    assert TEXT[span.offset : span.offset + span.length] == "at night\n  for over a year"


def test_whitespace_of_any_kind_and_amount_matches() -> None:
    assert SOURCE.find("  tea   was\nstrong ") == SOURCE.find("tea was strong")


def test_a_quote_that_stands_twice_is_refused_with_its_lines() -> None:
    with pytest.raises(QuoteAmbiguous, match="2 times") as caught:
        SOURCE.find("Iron was low")
    assert caught.value.lines == (4, 5)
    assert SOURCE.find("Iron was low again").line == 5


def test_hits_that_overlap_are_counted() -> None:
    with pytest.raises(QuoteAmbiguous, match="2 times"):
        SourceText(b"a b a b a", "x").find("a b a")


@pytest.mark.parametrize(
    ("quote", "suggestion", "reason"),
    [
        ('her legs "restless" at', "her legs “restless” at", "quotation marks"),
        ("Blood Pressure was", "Blood pressure was", "capitals"),
        (unicodedata.normalize("NFD", "The café's"), "The café's", "NFC"),
        ("Blood presure was 128/76 mmHg", "Blood pressure was 128/76 mmHg.", ""),
        ("pressurre", "pressure", ""),
    ],
)
def test_a_quote_that_is_nearly_there_is_suggested_not_taken(
    quote: str, suggestion: str, reason: str
) -> None:
    with pytest.raises(QuoteNotFound) as caught:
        SOURCE.find(quote)
    assert caught.value.suggestion == suggestion
    assert reason in caught.value.message
    assert SOURCE.find(suggestion).line == caught.value.line


@pytest.mark.parametrize("quote", ["", " \n ", "zzz qqq xxx"])
def test_nothing_similar_means_no_suggestion(quote: str) -> None:
    with pytest.raises(QuoteNotFound) as caught:
        SOURCE.find(quote)
    assert caught.value.suggestion is None
    assert caught.value.advice


def test_hashes_are_of_the_bytes() -> None:
    data = b"\xef\xbb\xbfone\r\ntwo\r\n"
    source = SourceText(data, "x")
    assert source.sha256 == hashlib.sha256(data).hexdigest()
    assert source.sha1 == hashlib.sha1(data).hexdigest()  # noqa: S324  # FHIR's Attachment.hash is SHA-1
    span = source.find("two")
    assert (span.line, span.column, span.offset) == (2, 1, 5)
    assert source.line_text(1) == "one"
    assert source.line_count == 2


def test_characters_beyond_the_basic_plane_count_once() -> None:
    span = SourceText("😀😀 pain".encode(), "x").find("pain")
    assert (span.offset, span.column) == (3, 4)


def test_a_source_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(SourceNotText, match="byte 1 "):
        SourceText(b"a\xe9", "x")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("word", ["lorem", "a"])
def test_a_wrong_quote_in_a_long_source_costs_little(word: str) -> None:
    source = SourceText(" ".join([f"{word} ipsum dolor {i}" for i in range(40_000)]).encode(), "x")
    with pytest.raises(QuoteNotFound):
        source.find(" ".join([word, "ipsun"] * 400))


@given(st.text(max_size=80), st.data())
def test_every_passage_that_stands_once_is_found_where_it_is(
    text: str, data: st.DataObject
) -> None:
    text = "".join(char for char in text if not "\ud800" <= char <= "\udfff").lstrip("\ufeff")
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    quote = text[start:end]
    source = SourceText(text.encode(), "x")
    try:
        span = source.find(quote)
    except QuoteNotFound:
        assert not quote.strip()
    except QuoteAmbiguous:
        wanted = " ".join(quote.split())
        collapsed = " ".join(text.split())
        assert collapsed.find(wanted) != collapsed.rfind(wanted)
    else:
        found = text[span.offset : span.offset + span.length]
        assert found.split() == quote.split()
        assert found == found.strip()
