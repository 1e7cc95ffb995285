"""Partial dates: whatever the true day is, it lies in what is rendered, and nothing is guessed."""

from __future__ import annotations

import calendar
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirkit.convert.read.timeline import Precision, Timeline, TimelineError

CASE = Timeline(
    {
        "visit": "2022-02",
        "week-1": "visit + 1 wk",
        "follow-up": "visit + 4 wk",
        "year": "2022",
        "op": "2022-02-14T10:30:00.50+01:00",
        "stay": "from visit to follow-up",
        "early": "before visit",
    }
)


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("2022", "2022"),
        ("visit", "2022-02"),
        ("visit + 4 wk", "2022-03"),
        ("visit+4wk", "2022-03"),
        ("follow-up", "2022-03"),
        ("visit - 1 a", "2021-02"),
        ("visit - 1 y", "2021-02"),
        ("visit - 2 mo", "2021-12"),
        ("follow-up - 4 wk", "2022-02"),
        ("year + 1 a", "2023"),
        ("2022-01-31 + 1 mo", "2022-02-28"),
        ("2022-01 + 1 mo", "2022-02"),
        ("2024-02-29 + 1 a", "2025-02-28"),
        ("2023-02-28 + 1 d", "2023-03-01"),
        ("2024-02-28 + 1 d", "2024-02-29"),
        ("2022-12-31 + 24 h", "2023-01-01"),
        ("2022-02-14 + 1 wk - 1 d", "2022-02-20"),
        ("op", "2022-02-14T10:30:00.50+01:00"),
        ("op + 14 h", "2022-02-15T00:30:00.50+01:00"),
        ("op + 90 min", "2022-02-14T12:00:00.50+01:00"),
        ("2022-02-14T09:30:00Z", "2022-02-14T09:30:00Z"),
        ("2022-02-14T09:30:00-05:00 + 1 mo", "2022-03-14T09:30:00-05:00"),
    ],
)
def test_certain_points(text: str, rendered: str) -> None:
    assert CASE.resolve(text).as_date_time() == rendered


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("visit", {"start": "2022-02", "end": "2022-02"}),
        ("week-1", {"start": "2022-02", "end": "2022-03"}),
        ("year + 6 mo", {"start": "2022", "end": "2023"}),
        ("2022-02-14 + 4 h", {"start": "2022-02-14", "end": "2022-02-15"}),
        ("before visit - 1 a", {"end": "2021-02"}),
        ("until follow-up", {"end": "2022-03"}),
        ("after visit", {"start": "2022-02"}),
        ("since stay", {"start": "2022-03"}),
        ("before week-1", {"end": "2022-03"}),
        ("after week-1", {"start": "2022-02"}),
        ("from visit to visit + 2 wk", {"start": "2022-02", "end": "2022-03"}),
        ("visit .. follow-up", {"start": "2022-02", "end": "2022-03"}),
        ("2022-02-01..2022-02-14", {"start": "2022-02-01", "end": "2022-02-14"}),
        ("stay + 1 a", {"start": "2023-02", "end": "2023-03"}),
        ("from early to visit", None),
    ],
)
def test_periods(text: str, period: dict[str, str] | None) -> None:
    if period is None:
        with pytest.raises(TimelineError, match="no known start"):
            CASE.resolve(text)
        return
    assert CASE.resolve(text).as_period() == period


@pytest.mark.parametrize("text", ["week-1", "before visit", "after visit", "stay", "year + 6 mo"])
def test_what_is_no_certain_point_is_no_date_time(text: str) -> None:
    assert CASE.resolve(text).as_date_time() is None


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("2023-02-29", "28 days"),
        ("2022-04-31", "30 days"),
        ("2022-13", "month 13"),
        ("2022-00", "month 00"),
        ("0000", "year 0000"),
        ("03/04/2024", "two different days"),
        ("03.04.2024", "year first"),
        ("22-02-14", "four digits"),
        ("2022-2-1", "not a date"),
        ("20220214", "not a date"),
        ("2022-02-14T24:00:00Z", "24:00"),
        ("2022-02-14T25:00:00Z", "no such time"),
        ("2022-02-14T10:00:00", "zone"),
        ("2022-02-14T10:00Z", "seconds"),
        ("2022-02-14 10:00:00Z", "T stands between"),
        ("2022-02T10:00:00Z", "no day"),
        ("2022-02-14T10:00:00+15:00", "14:00"),
        ("Feb 2022", "months are numbers"),
        ("14 Feb 2022", "months are numbers"),
        ("２０２２", "not a date"),
        ("visit + 1.5 wk", "whole numbers"),
        ("visit + 2 m", "mo is months"),
        ("visit + 2 fortnights", "not a unit"),
        ("visit - 1", "cannot be read"),
        ("visit + 99999999 a", "years 1 to 9999"),
        ("9999-12-31 + 1 d", "years 1 to 9999"),
        ("visit + 999999999999 d", "too large"),
        ("viist", "not a name"),
        ("now", "not a name"),
        ("from visit", "two times"),
        ("from follow-up to visit", "ends before"),
        ("before", "nothing follows"),
        ("", "no time"),
        ("+ 4 wk", "no date"),
        ("visit" + " + 1 d" * 25, "more than 20 steps"),
        ("visit" + " + 1 d" * 100_000, "too long"),
    ],
)
def test_bad_times_are_refused_with_the_reason(text: str, part: str) -> None:
    with pytest.raises(TimelineError) as caught:
        CASE.resolve(text)
    assert part in caught.value.message
    assert caught.value.advice


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("viist", "visit"),
        ("2022-2-1", "2022-02-01"),
        ("20220214", "2022-02-14"),
        ("03/04/2024", "2024-03-04 or 2024-04-03"),
        ("2022-02-14T10:00Z", "2022-02-14T10:00:00Z"),
        ("visit-1 a", "visit - 1 a"),
    ],
)
def test_bad_times_come_with_what_was_meant(text: str, advice: str) -> None:
    with pytest.raises(TimelineError) as caught:
        CASE.resolve(text)
    assert advice in caught.value.advice


def test_a_cycle_is_named() -> None:
    timeline = Timeline({"a": "b + 1 d", "b": "c", "c": "a"})
    with pytest.raises(TimelineError, match="a → b → c → a") as caught:
        timeline.resolve("a")
    assert caught.value.rule == "case-timeline-cycle"
    assert timeline.names == ("a", "b", "c")


def test_a_long_chain_of_names_is_an_error_and_no_crash() -> None:
    names = {f"n{i}": f"n{i + 1} + 1 d" for i in range(5000)}
    with pytest.raises(TimelineError):
        Timeline({**names, "n5000": "2022"}).resolve("n0")


def test_an_error_tells_the_name_it_sits_in() -> None:
    timeline = Timeline({"visit": "2023-02-29", "later": "visit + 1 d"})
    with pytest.raises(TimelineError) as caught:
        timeline.resolve("later")
    assert caught.value.name == "visit"


@pytest.mark.parametrize("name", ["before", "to", "1st", "a b", ""])
def test_names_that_would_be_misread_are_refused(name: str) -> None:
    with pytest.raises(TimelineError):
        Timeline({name: "2022"}).resolve(name)


@pytest.mark.parametrize(
    ("later", "earlier", "certain"),
    [
        ("week-1", "visit", True),
        ("follow-up", "week-1", True),
        ("visit", "week-1", False),
        ("visit", "visit", False),
        ("visit", "before visit - 1 a", True),
        ("after follow-up", "visit", True),
        ("2022-03", "visit", True),
        ("2022-02-20", "visit", False),
        ("2022-02-14T00:30:00+01:00", "2022-02-13T23:00:00Z", True),
        ("2022-02-14T00:30:00+02:00", "2022-02-13T23:00:00Z", False),
        ("2022-02-15", "2022-02-14T10:00:00Z", False),
        ("2022-02-17", "2022-02-14T10:00:00Z", True),
        ("visit + 1 mo", "visit + 4 wk", False),
        ("visit + 32 d", "visit + 1 mo", True),
    ],
)
def test_order_of_uncertain_times(later: str, earlier: str, certain: bool) -> None:
    assert CASE.resolve(later).certainly_after(CASE.resolve(earlier)) is certain


def test_same_times() -> None:
    assert CASE.resolve("visit + 4 wk").certainly_same(CASE.resolve("follow-up"))
    assert not CASE.resolve("2022-02").certainly_same(CASE.resolve("visit"))
    assert CASE.resolve("op").certainly_same(CASE.resolve("2022-02-14T10:30:00.50+01:00"))


def test_bounds_of_a_stretch() -> None:
    stay = CASE.resolve("stay")
    assert stay.start_earliest == dt.datetime.combine(dt.date(2022, 2, 1), dt.time.min)
    assert stay.start_latest == dt.datetime.combine(dt.date(2022, 2, 28), dt.time.max)
    assert stay.end_earliest == dt.datetime.combine(dt.date(2022, 3, 1), dt.time.min)
    assert stay.end_latest == dt.datetime.combine(dt.date(2022, 3, 28), dt.time.max)
    assert CASE.resolve("before visit").start_earliest is None
    assert stay.precision is Precision.MONTH


# The oracle: the same arithmetic on every concrete day, by the standard library alone.


def _add_months(day: dt.date, months: int) -> dt.date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


_STEP = {
    "d": lambda day, n: day + dt.timedelta(days=n),
    "wk": lambda day, n: day + dt.timedelta(weeks=n),
    "mo": _add_months,
    "a": lambda day, n: _add_months(day, 12 * n),
}


def _days(base: str) -> list[dt.date]:
    year, *rest = (int(part) for part in base.split("-"))
    first = dt.date(year, rest[0] if rest else 1, rest[1] if len(rest) > 1 else 1)
    if len(rest) == 2:
        return [first]
    last = (
        dt.date(year, rest[0], calendar.monthrange(year, rest[0])[1])
        if rest
        else dt.date(year, 12, 31)
    )
    return [first + dt.timedelta(days=i) for i in range((last - first).days + 1)]


def _first(text: str) -> dt.date:
    return _days(text)[0]


def _last(text: str) -> dt.date:
    return _days(text)[-1]


dates = st.dates(dt.date(1900, 1, 1), dt.date(2100, 12, 31))
bases = st.one_of(
    dates.map(lambda day: f"{day:%Y}"),
    dates.map(lambda day: f"{day:%Y-%m}"),
    dates.map(lambda day: f"{day:%Y-%m-%d}"),
)
steps = st.lists(
    st.tuples(st.sampled_from("+-"), st.integers(0, 60), st.sampled_from(sorted(_STEP))), max_size=3
)


@given(bases, steps)
def test_every_true_day_lies_in_what_is_rendered(
    base: str, moves: list[tuple[str, int, str]]
) -> None:
    timeline = Timeline({"x": base})
    when = timeline.resolve("x" + "".join(f" {sign} {n} {unit}" for sign, n, unit in moves))
    true_days = []
    for day in _days(base):
        for sign, n, unit in moves:
            day = _STEP[unit](day, n if sign == "+" else -n)
        true_days.append(day)
    period = when.as_period()
    assert period is not None
    assert _first(period["start"]) <= min(true_days)
    assert max(true_days) <= _last(period["end"])
    assert len(period["start"]) == len(base)
    # No wider than needed: each end, one unit narrower, would leave a true day out.
    assert min(true_days) in _days(period["start"])
    assert max(true_days) in _days(period["end"])
    point = when.as_date_time()
    fits = period["start"] == period["end"]
    assert (point == period["start"]) if fits else (point is None)


@given(bases, steps, steps)
def test_certain_order_holds_on_every_day(
    base: str, one: list[tuple[str, int, str]], other: list[tuple[str, int, str]]
) -> None:
    timeline = Timeline({"x": base})

    def text(moves: list[tuple[str, int, str]]) -> str:
        return "x" + "".join(f" {sign} {n} {unit}" for sign, n, unit in moves)

    def moved(day: dt.date, moves: list[tuple[str, int, str]]) -> dt.date:
        for sign, n, unit in moves:
            day = _STEP[unit](day, n if sign == "+" else -n)
        return day

    after = timeline.resolve(text(one)).certainly_after(timeline.resolve(text(other)))
    assert after is all(moved(day, one) > moved(day, other) for day in _days(base))


@given(st.text(max_size=40))
def test_any_text_resolves_or_is_refused(text: str) -> None:
    problem = None
    try:
        assert CASE.resolve(text).as_period()
    except TimelineError as caught:
        problem = caught
    assert problem is None or (problem.message and problem.advice)
