"""Axes: order is kept, ends fit, ticks are round, long empty stretches are folded."""

from __future__ import annotations

import math
from datetime import date
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from fhirkit.report.scales import LinearScale, nice_range, number_ticks, time_scale

NUMBERS = st.floats(-1e9, 1e9, allow_nan=False)
MOMENTS = st.floats(1, 3_600_000, allow_nan=False)


def day(year: int, month: int, number: int = 1) -> int:
    return date(year, month, number).toordinal()


@given(st.lists(NUMBERS, min_size=1, max_size=8))
def test_a_nice_range_holds_its_values(values: list[float]) -> None:
    low, high, step = nice_range(values)
    slack = step * 1e-6
    assert low - slack <= min(values)
    assert max(values) <= high + slack
    assert low < high
    assert f"{step:e}"[0] in "125"
    assert 1 <= len(number_ticks(low, high, step)) <= 13


def test_tick_labels_have_just_enough_digits() -> None:
    low, high, step = nice_range([36.6, 37.9], 3)
    assert [text for _, text in number_ticks(low, high, step)] == ["36.5", "37.0", "37.5", "38.0"]


def test_down_the_page_is_smaller() -> None:
    scale = LinearScale(0, 10, 100, 20)
    assert (scale.at(0), scale.at(10), scale.at(5)) == (100, 20, 60)


@given(st.lists(MOMENTS, min_size=1, max_size=30))
def test_time_keeps_its_order_and_its_ends(moments: list[float]) -> None:
    scale = time_scale(moments, 5, 95)
    places = [scale.at(moment) for moment in sorted(moments)]
    assert all(left <= right for left, right in pairwise(places))
    assert all(5 <= place <= 95 for place in places)
    if len(set(moments)) > 1:
        assert math.isclose(scale.at(min(moments)), 5, abs_tol=0.01)
        assert math.isclose(scale.at(max(moments)), 95, abs_tol=0.01)
    ticks = scale.ticks()
    assert len(ticks) <= 8
    assert all(left.at < right.at for left, right in pairwise(ticks))


def test_an_empty_year_between_two_visits_is_folded() -> None:
    moments = [day(2021, 2), day(2021, 3), day(2022, 2), day(2022, 3), day(2022, 4)]
    scale = time_scale(moments, 0, 100)
    assert len(scale.breaks) == 1
    assert scale.at(day(2021, 3)) < scale.breaks[0] < scale.at(day(2022, 2))
    # February and March 2022 get room, though they are 2 months of 14.
    assert scale.at(day(2022, 4)) - scale.at(day(2022, 2)) > 40
    assert [tick.label for tick in scale.ticks()][-2:] == ["Feb 2022", "Mar 2022"]


def test_a_time_without_gaps_is_not_folded() -> None:
    assert time_scale([day(2021, month) for month in range(1, 13)], 0, 100).breaks == ()
    assert time_scale([day(2021, 1), day(2022, 1)], 0, 100).breaks == ()


def test_one_moment_is_in_the_middle() -> None:
    assert time_scale([day(2021, 1)], 0, 100).at(day(2021, 1)) == 50
    assert time_scale([], 0, 100).ticks() == time_scale([], 0, 100).ticks()
