"""FHIR dates as intervals: a partial date is the stretch of time it may mean, never a made-up day.

https://hl7.org/fhir/R4/datatypes.html#dateTime. Moments are plain numbers: days since
0001-01-01 with a fraction, on the clock that wrote them. The UTC offset is left out on purpose, so
that a value labelled 23:30 is drawn at 23:30; two clocks in one record are rare, and a date
without a time has no offset to use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

Precision = Literal["year", "month", "day", "time"]

_DATE = re.compile(
    r"(?P<year>[0-9]{4})(-(?P<month>[0-9]{2})(-(?P<day>[0-9]{2})"
    r"(T(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(:(?P<second>[0-9]{2})(\.[0-9]+)?)?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})?)?)?)?"
)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SECOND = 1 / 86400
# The day after 9999-12-31, which `date` itself cannot name.
_END_OF_TIME = date.max.toordinal() + 1


@dataclass(frozen=True, slots=True)
class Interval:
    """A moment that is known to lie in ``[first, last)``, with the precision it was written in."""

    first: float
    last: float
    precision: Precision
    text: str

    @property
    def middle(self) -> float:
        """The centre, for drawing only."""
        return (self.first + self.last) / 2

    @property
    def words(self) -> str:
        """As a person writes it: ``2022``, ``Feb 2022``, ``3 Feb 2022``, ``3 Feb 2022, 14:30``."""
        year = str(int(self.text[:4]))
        if self.precision == "year":
            return year
        month = f"{MONTHS[int(self.text[5:7]) - 1]} {year}"
        if self.precision == "month":
            return month
        day = f"{int(self.text[8:10])} {month}"
        return day if self.precision == "day" else f"{day}, {self.text[11:16]}"


@dataclass(frozen=True, slots=True)
class Span:
    """What is known of something that lasts: when it began, when it ended, each maybe unknown.

    ``start`` or ``end`` None means not known; ``ongoing`` that it had not ended; ``point`` that it
    happened at one time rather than lasted.
    """

    start: Interval | None = None
    end: Interval | None = None
    ongoing: bool = False
    point: bool = False
    #: The start is only known to be no later than ``start`` ("for over a year").
    started_by: bool = False
    #: It has ended ("stopped", "completed"), at a time that is not given.
    ended: str = ""

    @property
    def dated(self) -> bool:
        """Whether anything can be drawn."""
        return self.start is not None or self.end is not None

    @property
    def moments(self) -> tuple[float, ...]:
        """Every boundary, for laying out an axis."""
        found = [part for part in (self.start, self.end) if part is not None]
        return tuple(edge for part in found for edge in (part.first, part.last))

    @property
    def words(self) -> str:
        """In words: what is known, and no more."""
        start, end = self.start, self.end
        if self.point and start:
            return start.words
        if start and end and start.text == end.text and not self.started_by:
            return f"within {start.words}" if start.precision in ("year", "month") else start.words
        begun = ""
        if start:
            begun = f"began by {start.words}" if self.started_by else f"from {start.words}"
        if end:
            ended = f"until {end.words}" if begun else f"until {end.words}, start not known"
            return f"{begun}, {ended}" if self.started_by else f"{begun} {ended}".strip()
        if self.ongoing:
            return f"{begun}, ongoing" if begun else "ongoing, start not known"
        close = f"{self.ended}, date not given" if self.ended else "end not known"
        return f"{begun}, {close}" if begun else "no date"


def parse(text: Any) -> Interval | None:
    """The interval of a FHIR date, dateTime or instant; None for anything else (not raised)."""
    if not isinstance(text, str) or len(text) > 40:
        return None
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year, month, day = int(found["year"]), int(found["month"] or 1), int(found["day"] or 1)
    try:
        first = date(year, month, day).toordinal()
    except ValueError:
        return None
    if found["hour"]:
        return _moment(first, found, text)
    if found["day"]:
        return Interval(first, first + 1, "day", text)
    if found["month"]:
        after = (year, month + 1) if month < 12 else (year + 1, 1)
        return Interval(first, _ordinal(*after), "month", text)
    return Interval(first, _ordinal(year + 1, 1), "year", text)


def _moment(day: int, found: re.Match[str], text: str) -> Interval | None:
    hour, minute, second = int(found["hour"]), int(found["minute"]), int(found["second"] or 0)
    # 60 is a leap second, which FHIR allows.
    if hour > 23 or minute > 59 or second > 60:
        return None
    at = day + (hour * 3600 + minute * 60 + second) * _SECOND
    return Interval(at, at + (_SECOND if found["second"] else 60 * _SECOND), "time", text)


def _ordinal(year: int, month: int) -> int:
    return date(year, month, 1).toordinal() if year <= date.max.year else _END_OF_TIME


def period(value: Any, *, ongoing: bool = False) -> Span | None:
    """The span of a FHIR Period; an end that is missing is ``ongoing`` only if the caller knows."""
    if not isinstance(value, dict):
        return None
    start, end = parse(value.get("start")), parse(value.get("end"))
    if start is None and end is None:
        return None
    return Span(start, end, ongoing=ongoing and end is None)


def instant(text: Any) -> Span | None:
    """The span of something that happened at one time."""
    at = parse(text)
    return None if at is None else Span(at, at, point=True)


def calendar_day(moment: float) -> date:
    """The day of a moment, kept within the calendar."""
    return date.fromordinal(min(max(int(moment), 1), date.max.toordinal()))


def clock(moment: float) -> str:
    """The time of day of a moment, ``14:30``."""
    minutes = round((moment % 1) * 1440) % 1440
    return str(timedelta(minutes=minutes))[:-3].rjust(5, "0")
