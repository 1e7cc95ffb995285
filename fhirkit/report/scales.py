"""Number and time axes: positions in per cent, round ticks, long empty stretches folded.

Positions are percentages so that a drawing fits any width without a script.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from fhirkit.report.dates import MONTHS, calendar_day, clock

# An empty stretch wider than this share of the axis is folded…
_FOLD_ABOVE = 0.3
# …to this share of what is not folded.
_FOLDED_TO = 0.16


# What a label such as "Feb 2022" needs on a phone, in per cent of the width.
_ROOMY = 18.0


@dataclass(frozen=True, slots=True)
class Tick:
    """A grid line at ``at`` per cent and its label; ``tight`` when a narrow page has no room."""

    at: float
    label: str
    tight: bool = False


@dataclass(frozen=True, slots=True)
class LinearScale:
    """Numbers ``low``…``high`` on positions ``start``…``stop`` (``stop`` may be the smaller)."""

    low: float
    high: float
    start: float
    stop: float

    def at(self, value: float) -> float:
        """The position of a value."""
        width = self.high - self.low
        share = (value - self.low) / width if width else 0.5
        return round(self.start + share * (self.stop - self.start), 2)


def nice_range(values: Iterable[float], ticks: int = 4) -> tuple[float, float, float]:
    """``low, high, step`` around the values: a round step of 1, 2 or 5, the ends multiples of it.

    One value alone gets room around it. Values must be finite.
    """
    found = list(values)
    low, high = min(found), max(found)
    if high - low <= abs(high) * 1e-9:
        margin = abs(high) * 0.05 or 1.0
        low, high = low - margin, high + margin
    # Halved first: the difference of two huge numbers may not be finite.
    step = nice_step((high / 2 - low / 2) * 2 / ticks if high - low < math.inf else high / ticks)
    return math.floor(low / step) * step, math.ceil(high / step) * step, step


def nice_step(rough: float) -> float:
    """The smallest of 1, 2, 5 × 10ⁿ that is at least ``rough``."""
    if rough <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    if power == 0:
        return rough
    for factor in (1, 2, 5, 10):
        if factor * power >= rough * (1 - 1e-9):
            return factor * power
    return 10 * power


def number_ticks(low: float, high: float, step: float) -> list[tuple[float, str]]:
    """The multiples of ``step`` in the range with labels of just enough digits."""
    count = round((high - low) / step)
    digits = max(0, -math.floor(math.log10(step)))
    values = [low + step * index for index in range(min(count, 12) + 1)]
    if max(abs(low), abs(high)) >= 1e6 or digits > 6:
        return [(value, f"{value:.3g}") for value in values]
    return [(value, f"{value:.{digits}f}") for value in values]


@dataclass(frozen=True, slots=True)
class TimeScale:
    """Moments on per cent positions, linear between ``edges``; ``folds`` are shortened pieces."""

    edges: tuple[float, ...]
    places: tuple[float, ...]
    folds: frozenset[int]

    def at(self, moment: float) -> float:
        """The position of a moment; outside the axis it is the nearer end."""
        if moment <= self.edges[0]:
            return self.places[0]
        if moment >= self.edges[-1]:
            return self.places[-1]
        piece = bisect_right(self.edges, moment) - 1
        low, high = self.edges[piece], self.edges[piece + 1]
        share = (moment - low) / (high - low)
        left, right = self.places[piece], self.places[piece + 1]
        return round(left + share * (right - left), 3)

    @property
    def breaks(self) -> tuple[float, ...]:
        """Where the axis is shortened, as positions of the middle of each folded piece."""
        return tuple((self.places[i] + self.places[i + 1]) / 2 for i in sorted(self.folds))

    def ticks(self, most: int = 6) -> list[Tick]:
        """Round calendar moments with labels that do not run into each other."""
        shown = [i for i in range(len(self.edges) - 1) if i not in self.folds]
        total = sum(self.edges[i + 1] - self.edges[i] for i in shown)
        gap = 0.8 * (self.places[-1] - self.places[0]) / most
        found: list[Tick] = []
        unit, step = _calendar_step(total / most)
        for piece in shown:
            low, high = self.edges[piece], self.edges[piece + 1]
            for moment in _calendar(low, high, unit, step):
                at = self.at(moment)
                if (not found or at - found[-1].at >= gap) and at <= self.places[-1] - gap * 0.6:
                    roomy = next((tick.at for tick in reversed(found) if not tick.tight), -_ROOMY)
                    found.append(Tick(at, _label(moment, unit), at - roomy < _ROOMY))
        return found


def time_scale(moments: Iterable[float], start: float, stop: float) -> TimeScale:
    """An axis over the moments; stretches where nothing begins or ends are folded if they are long.

    ``moments`` are all boundaries of what will be drawn, so folding hides nothing.
    """
    edges = sorted(set(moments))
    if len(edges) < 2:
        only = edges[0] if edges else 0.0
        edges = [only - 0.5, only + 0.5]
    widths = [high - low for low, high in pairwise(edges)]
    folds: set[int] = set()
    # Longest first; after each fold the rest is measured anew.
    for piece in sorted(range(len(widths)), key=lambda i: -widths[i]):
        rest = sum(width for i, width in enumerate(widths) if i not in folds)
        if len(widths) - len(folds) < 2 or widths[piece] <= _FOLD_ABOVE * rest or len(folds) == 2:
            break
        if rest - widths[piece] > 0 and widths[piece] > 31:
            folds.add(piece)
    open_width = sum(width for i, width in enumerate(widths) if i not in folds)
    drawn = [open_width * _FOLDED_TO if i in folds else width for i, width in enumerate(widths)]
    total = sum(drawn)
    places, so_far = [start], 0.0
    for width in drawn:
        so_far += width
        places.append(round(start + (stop - start) * so_far / total, 3))
    return TimeScale(tuple(edges), tuple(places), frozenset(folds))


_STEPS: tuple[tuple[float, str, int], ...] = (
    (1 / 24, "hour", 1),
    (1 / 8, "hour", 3),
    (1 / 4, "hour", 6),
    (1 / 2, "hour", 12),
    (1, "day", 1),
    (2, "day", 2),
    (7, "day", 7),
    (14, "day", 14),
    (31, "month", 1),
    (92, "month", 3),
    (183, "month", 6),
    (366, "year", 1),
    (731, "year", 2),
    (1827, "year", 5),
    (3653, "year", 10),
    (7306, "year", 20),
    (18263, "year", 50),
)


def _calendar_step(rough: float) -> tuple[str, int]:
    for days, unit, step in _STEPS:
        if days >= rough:
            return unit, step
    return "year", 100 * max(1, math.ceil(rough / 36525))


def _calendar(low: float, high: float, unit: str, step: int) -> Iterator[float]:
    if unit in ("hour", "day"):
        width = step / 24 if unit == "hour" else float(step)
        for index in range(math.ceil(low / width), math.floor(high / width) + 1):
            yield index * width
        return
    first, last = calendar_day(low), calendar_day(high)
    months = step if unit == "month" else step * 12
    index = -(-(first.year * 12 + first.month - 1) // months)
    while index * months <= last.year * 12 + last.month - 1:
        year, month = divmod(index * months, 12)
        index += 1
        moment = date(max(year, 1), month + 1, 1).toordinal()
        if low <= moment <= high:
            yield float(moment)


def _label(moment: float, unit: str) -> str:
    day = calendar_day(moment + 1e-6)
    if unit == "hour":
        time = clock(moment)
        return f"{day.day} {MONTHS[day.month - 1]}" if time == "00:00" else time
    if unit == "day":
        return f"{day.day} {MONTHS[day.month - 1]} {day.year}"
    return f"{MONTHS[day.month - 1]} {day.year}" if unit == "month" else str(day.year)
