"""The geometry of measurement charts: where marks, bands and labels go. No markup, no wording.

Across, positions are per cent of the width; down, they are pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from fhirkit.report.measures import Series, Value
from fhirkit.report.scales import LinearScale, Tick, TimeScale, nice_range, number_ticks, time_scale

#: Plot area: left and right in per cent, top and bottom in pixels.
LEFT, RIGHT, TOP, BOTTOM = 13.0, 97.0, 12.0, 98.0
HEIGHT = 124
#: More marks than this are thinned to the highest and lowest of each stretch of time.
MOST_MARKS = 240
_LEVEL_ROWS = {1: 22.0, 0: 55.0, -1: 88.0}


@dataclass(frozen=True, slots=True)
class Mark:
    """One result drawn: at ``x``, ``y`` (and ``y_low`` for a pair), its date unsure from ``x1`` to
    ``x2``; ``level`` -2…2 or None; ``hollow`` when there is no number.
    """

    x: float
    y: float
    x1: float
    x2: float
    y_low: float | None
    level: int | None
    hollow: bool
    comparator: str
    value: Value


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart. ``lines`` join marks in order; ``band`` is the reference range (top, bottom)."""

    series: Series
    marks: tuple[Mark, ...]
    lines: tuple[tuple[float, float, float, float], ...]
    rows: tuple[tuple[float, str], ...]
    ticks: tuple[Tick, ...]
    breaks: tuple[float, ...]
    band: tuple[float, float] | None
    thinned: int
    undrawn: int

    @property
    def latest(self) -> Value:
        """The last result in time."""
        dated = [value for value in self.series.values if value.span]
        return (dated or self.series.values)[-1]


def panels_of(all_series: Sequence[Series]) -> list[Panel]:
    """A panel for each series, all on one time axis, so that they can be read together."""
    moments = [
        moment
        for series in all_series
        for value in series.values
        if value.span
        for moment in value.span.moments
    ]
    scale = time_scale(moments, LEFT + 2, RIGHT - 1)
    return [_panel(series, scale) for series in all_series]


def _panel(series: Series, time: TimeScale) -> Panel:
    dated = [value for value in series.values if value.span and value.span.moments]
    drawn = _thin(dated, time)
    thinned = len(dated) - len(drawn)
    rows: tuple[tuple[float, str], ...]
    band = None
    if series.numeric:
        scale, ticks = _vertical(series)
        rows = tuple((scale.at(value), text) for value, text in ticks)
        band = _band(series, scale)
        marks = [_mark(value, time, scale) for value in drawn]
    else:
        rows = tuple(zip(_LEVEL_ROWS.values(), ("high", "normal", "low"), strict=True))
        marks = [_mark(value, time, None) for value in drawn]
    return Panel(
        series,
        tuple(marks),
        () if series.paired else _joined(marks, solid=series.numeric),
        rows,
        tuple(time.ticks(4)) if dated else (),
        time.breaks,
        band,
        thinned,
        len(series.values) - len(dated),
    )


def _vertical(series: Series) -> tuple[LinearScale, list[tuple[float, str]]]:
    numbers = [
        number
        for value in series.values
        for number in (value.number, value.low, *_near(value))
        if number is not None
    ]
    low, high, step = nice_range(numbers, 3)
    # A scale of amounts that are never negative doesn't begin below zero.
    if low < 0 <= min(numbers):
        low = 0.0
    return LinearScale(low, high, BOTTOM, TOP), number_ticks(low, high, step)


def _near(value: Value) -> tuple[float | None, ...]:
    """The limits of the reference range, unless they would squeeze the values flat."""
    if value.number is None:
        return ()
    room = max(abs(value.number), 1e-9) * 3
    return tuple(end for end in value.limits if end is not None and abs(end - value.number) <= room)


def _band(series: Series, scale: LinearScale) -> tuple[float, float] | None:
    """The reference range, if all values that give one give the same."""
    found = {value.limits for value in series.values if value.limits != (None, None)}
    if len(found) != 1:
        return None
    low, high = found.pop()
    top = scale.at(min(high, scale.high)) if high is not None else TOP
    bottom = scale.at(max(low, scale.low)) if low is not None else BOTTOM
    return (top, bottom) if bottom > top else None


def _mark(value: Value, time: TimeScale, scale: LinearScale | None) -> Mark:
    moments = value.span.moments if value.span else (0.0,)
    first, last = time.at(min(moments)), time.at(max(moments))
    low = None
    if scale is None:
        level = max(-1, min(1, value.level)) if value.level is not None else None
        y = _LEVEL_ROWS[level] if level is not None else BOTTOM + 4
    elif value.number is None:
        # No number: at the edge its interpretation points to, never among the numbers.
        y = {-1: BOTTOM, 1: TOP}.get(
            int(math.copysign(bool(value.level), value.level or 0)), BOTTOM
        )
    else:
        y = scale.at(value.number)
        low = scale.at(value.low) if value.low is not None else None
    return Mark(
        round((first + last) / 2, 3),
        y,
        first,
        last,
        low,
        value.level,
        value.number is None,
        value.comparator,
        value,
    )


def _joined(marks: list[Mark], *, solid: bool) -> tuple[tuple[float, float, float, float], ...]:
    known = [mark for mark in marks if mark.hollow != solid]
    return tuple(
        (left.x, left.y, right.x, right.y) for left, right in pairwise(known) if right.x > left.x
    )


def _thin(values: list[Value], time: TimeScale) -> list[Value]:
    """At most ``MOST_MARKS``: of each stretch the lowest and highest, so that no peak is lost."""
    if len(values) <= MOST_MARKS:
        return values
    bins: dict[int, list[Value]] = {}
    width = (RIGHT - LEFT) / (MOST_MARKS / 2 - 1)
    for value in values:
        at = time.at(value.span.moments[0]) if value.span else 0.0
        bins.setdefault(int((at - LEFT) / width), []).append(value)
    kept: list[Value] = []
    for found in bins.values():
        extremes = {
            id(value): value
            for value in (min(found, key=_low), max(found, key=lambda v: v.number or -math.inf))
        }
        kept += [value for value in found if id(value) in extremes]
    return kept


def _low(value: Value) -> float:
    number = value.low if value.low is not None else value.number
    return math.inf if number is None else number
