"""Partial dates are intervals, and spans say what they know and no more."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirkit.report.dates import Span, clock, instant, parse, period


def day(year: int, month: int, number: int) -> int:
    return date(year, month, number).toordinal()


@pytest.mark.parametrize(
    ("text", "first", "last", "words"),
    [
        ("2022", day(2022, 1, 1), day(2023, 1, 1), "2022"),
        ("2022-02", day(2022, 2, 1), day(2022, 3, 1), "Feb 2022"),
        ("2024-12", day(2024, 12, 1), day(2025, 1, 1), "Dec 2024"),
        ("2024-02-29", day(2024, 2, 29), day(2024, 3, 1), "29 Feb 2024"),
        ("9999-12", day(9999, 12, 1), day(9999, 12, 31) + 1, "Dec 9999"),
    ],
)
def test_a_date_covers_all_it_may_mean(text: str, first: int, last: int, words: str) -> None:
    found = parse(text)
    assert found is not None
    assert (found.first, found.last, found.words) == (first, last, words)


def test_a_time_is_drawn_on_the_clock_that_wrote_it() -> None:
    late = parse("2022-02-10T23:30:00-05:00")
    assert late is not None
    assert late.first == pytest.approx(day(2022, 2, 10) + 23.5 / 24)
    assert late.words == "10 Feb 2022, 23:30"
    assert clock(late.first) == "23:30"


@pytest.mark.parametrize(
    "text",
    ["", "soon", "2022-13", "2022-02-30", "2022-2", "22-02-01", "2022-02-01T24:00:00Z", "0000",
     "٢٠٢٢", "2022-02-01\n", "2022-02-01T10:00:00+01:00 ", None, 2022, ["2022"]],
)  # fmt: skip
def test_what_is_no_date_is_none(text: object) -> None:
    assert parse(text) is None


@given(st.dates())
def test_a_day_lies_in_its_month_and_year(when: date) -> None:
    written = when.isoformat()
    inner, month, year = parse(written), parse(written[:7]), parse(written[:4])
    assert inner
    assert month
    assert year
    assert year.first <= month.first <= inner.first < inner.last <= month.last <= year.last
    assert inner.last - inner.first == 1


@given(st.text(max_size=45))
def test_any_text_is_answered(text: str) -> None:
    found = parse(text)
    assert found is None or found.first < found.last


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (instant("2022-02"), "Feb 2022"),
        (period({"start": "2022-02", "end": "2022-02"}), "within Feb 2022"),
        (period({"start": "2022-02-01", "end": "2022-03"}), "from 1 Feb 2022 until Mar 2022"),
        (period({"start": "2022-02"}), "from Feb 2022, end not known"),
        (period({"start": "2022-02"}, ongoing=True), "from Feb 2022, ongoing"),
        (period({"end": "2022-03"}), "until Mar 2022, start not known"),
        (Span(parse("2021-02"), parse("2022-03"), started_by=True),
         "began by Feb 2021, until Mar 2022"),
        (Span(parse("2021"), None, ended="stopped"), "from 2021, stopped, date not given"),
    ],
)  # fmt: skip
def test_a_span_in_words(span: Span | None, words: str) -> None:
    assert span is not None
    assert span.words == words


def test_a_period_without_a_date_is_none() -> None:
    assert period({"start": "soon"}) is None
    assert period("2022") is None
    assert instant({"start": "2022"}) is None
