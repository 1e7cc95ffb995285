"""A point in time that is known only so far: bounds, precision, and calendar arithmetic on both.

Every shift (months, weeks, hours …) keeps the order of instants, so shifting the two bounds of
what is possible gives the bounds of the result. Nothing in between is ever chosen.
Partial dates: https://hl7.org/fhir/R4/datatypes.html#dateTime
"""

from __future__ import annotations

import calendar
import datetime as dt
from dataclasses import dataclass, replace
from enum import IntEnum


class TimelineError(ValueError):
    """A time that cannot be read or worked out. ``rule`` is the issue's, ``advice`` the cure.

    ``name`` is the timeline's name that the trouble sits in, if it came through one: every user
    of that name meets the same error, and it needs to be told only once.
    """

    def __init__(self, message: str, *, advice: str, rule: str = "case-date") -> None:
        super().__init__(message)
        self.name: str | None = None
        self.message = message
        self.advice = advice
        self.rule = rule


class Precision(IntEnum):
    """How finely a time is known, coarsest first; the steps of FHIR's dateTime."""

    YEAR = 1
    MONTH = 2
    DAY = 3
    SECOND = 4


class Shift(tuple[int, int, dt.timedelta]):
    """So many months and so much elapsed time, forward or back: (sign, months, time)."""

    __slots__ = ()

    def apply(self, instant: dt.datetime) -> dt.datetime:
        """The instant moved. Months go by the calendar; a day that is not there (31 January and
        a month) becomes the month's last day. Days and hours go by the clock on the wall.
        """
        sign, months, elapsed = self
        try:
            if months:
                total = instant.year * 12 + instant.month - 1 + sign * months
                year, month = divmod(total, 12)
                last = calendar.monthrange(year, month + 1)[1]
                instant = instant.replace(year=year, month=month + 1, day=min(instant.day, last))
            return instant + elapsed * sign
        except (ValueError, OverflowError):
            raise TimelineError(
                "the result lies outside the years 1 to 9999", advice="check the amount and unit"
            ) from None


@dataclass(frozen=True, slots=True)
class Moment:
    """A point somewhere in [``earliest``, ``latest``] (local time, both possible).

    ``precision`` is that of what was written, and stays it through arithmetic. ``zone`` is the
    UTC offset as written, only with ``Precision.SECOND``; ``digits`` the fraction's. ``root`` is
    the name whose unknown instant this one moves with, ``shifts`` how far it was moved.
    """

    earliest: dt.datetime
    latest: dt.datetime
    precision: Precision
    zone: str = ""
    digits: int = 0
    root: str | None = None
    shifts: tuple[Shift, ...] = ()
    #: The bounds before any shift.
    origin: tuple[dt.datetime, dt.datetime] | None = None

    def moved(self, shift: Shift) -> Moment:
        """The moment so much earlier or later."""
        return replace(
            self,
            earliest=shift.apply(self.earliest),
            latest=shift.apply(self.latest),
            shifts=_joined(self.shifts, shift),
            origin=self.origin or (self.earliest, self.latest),
        )

    def render(self, instant: dt.datetime) -> str:
        """One of the bounds as a FHIR dateTime of this precision."""
        if self.precision is Precision.YEAR:
            return f"{instant.year:04d}"
        if self.precision is Precision.MONTH:
            return f"{instant.year:04d}-{instant.month:02d}"
        if self.precision is Precision.DAY:
            return f"{instant.year:04d}-{instant.month:02d}-{instant.day:02d}"
        fraction = f".{instant.microsecond:06d}"[: 1 + self.digits] if self.digits else ""
        return f"{instant.replace(microsecond=0).isoformat()}{fraction}{self.zone}"

    def certain(self) -> str | None:
        """One partial date that holds both bounds at this precision, or ``None``."""
        first = self.render(self.earliest)
        return first if first == self.render(self.latest) else None

    def utc(self, instant: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
        """The instant on one clock: exactly with a zone, else all that the zone could make it."""
        if self.zone:
            zoned = dt.datetime.fromisoformat(f"2000-01-01T00:00:00{self.zone}")
            offset = zoned.utcoffset() or dt.timedelta()
            return _slide(instant, -offset), _slide(instant, -offset)
        # The world's clocks run from UTC-12 to UTC+14.
        return _slide(instant, -dt.timedelta(hours=14)), _slide(instant, dt.timedelta(hours=12))


def _joined(shifts: tuple[Shift, ...], shift: Shift) -> tuple[Shift, ...]:
    """The shifts and one more. Days and hours add up; months do not, for their last days differ."""
    if shifts and not shifts[-1][1] and not shift[1]:
        (before, _, elapsed), (sign, _, more) = shifts[-1], shift
        return (*shifts[:-1], Shift((1, 0, elapsed * before + more * sign)))
    return (*shifts, shift)


def _slide(instant: dt.datetime, by: dt.timedelta) -> dt.datetime:
    try:
        return instant + by
    except OverflowError:
        return instant  # the first hours of year 1 and the last of 9999: no zone moves past them


def certainly_before(one: Moment, other: Moment) -> bool:
    """Whether the first lies before the second whatever the unknown parts are."""
    if one.zone == other.zone:
        # Bounds that do not overlap settle it, whatever the two have in common.
        if one.latest < other.earliest:
            return True
        if one.earliest >= other.latest:
            return False
    if one.root is not None and one.root == other.root:
        return all(a < b for a, b in _together(one, other))
    if bool(one.zone) != bool(other.zone):
        return one.utc(one.latest)[1] < other.utc(other.earliest)[0]
    if one.zone:
        return one.utc(one.latest)[0] < other.utc(other.earliest)[0]
    return one.latest < other.earliest


def certainly_same(one: Moment, other: Moment) -> bool:
    """Whether the two are one instant: the same name, equally moved, or equal and exact."""
    if one.root is not None and one.root == other.root:
        return all(a == b for a, b in _together(one, other))
    return (
        one.earliest == one.latest
        and (one.earliest, one.latest, one.zone) == (other.earliest, other.latest, other.zone)
    )  # fmt: skip


def _together(one: Moment, other: Moment) -> list[tuple[dt.datetime, dt.datetime]]:
    """Both moments for every day that their common root could be; at most a year of them."""
    first, last = one.origin or (one.earliest, one.latest)
    if not any(months for _, months, _ in (*one.shifts, *other.shifts)):
        last = first  # weeks and hours are the same from every day
    starts = [first + dt.timedelta(days=day) for day in range((last - first).days + 1)]
    return [
        (_moved(at, one.shifts), _moved(at, other.shifts))
        for start in starts
        for at in (start, min(last, start + dt.timedelta(hours=23, minutes=59, seconds=59)))
    ]


def _moved(instant: dt.datetime, shifts: tuple[Shift, ...]) -> dt.datetime:
    for shift in shifts:
        instant = shift.apply(instant)
    return instant
