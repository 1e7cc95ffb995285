"""Date, DateTime and Time with partial precision (http://hl7.org/fhirpath/N1/#datetime).

Comparison says None where the precision does not allow an answer. Seconds and milliseconds count
as one precision.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from functools import lru_cache
from typing import Literal

import msgspec

Kind = Literal["Date", "DateTime", "Time"]

_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")
_TIME = re.compile(r"([0-9]{2})(?::([0-9]{2})(?::([0-9]{2})(\.[0-9]+)?)?)?")
_ZONE = re.compile(r"(Z|[+-][0-9]{2}:[0-9]{2})\Z")
#: The widest offsets in use: a time without a zone may lie anywhere between.
_EAST, _WEST = 14 * 60, -12 * 60
# The unit a quantity is reduced to when the value has only so many parts, and its length.
_DAYS = {"year": 365, "month": 30}
_SECONDS: dict[str, Decimal] = {
    "week": Decimal(604800),
    "day": Decimal(86400),
    "hour": Decimal(3600),
    "minute": Decimal(60),
    "second": Decimal(1),
    "millisecond": Decimal("0.001"),
}


class Temporal(msgspec.Struct, frozen=True):
    """A point in time as far as it is known.

    ``parts`` holds year, month, day, hour, minute, second as far as given (a Time starts at the
    hour). ``digits`` is the number of digits of the fraction of the second, ``zone`` the offset
    in minutes, or None.
    """

    kind: Kind
    parts: tuple[int, ...]
    fraction: Decimal = Decimal(0)
    digits: int = 0
    zone: int | None = None

    def __str__(self) -> str:
        if self.kind == "Time":
            return _clock(self.parts, self.fraction, self.digits)
        year, *rest = self.parts[:3]
        text = "-".join([f"{year:04}", *(f"{part:02}" for part in rest)])
        if len(self.parts) > 3:
            text += "T" + _clock(self.parts[3:], self.fraction, self.digits)
        if self.zone is not None:
            sign, distance = "-" if self.zone < 0 else "+", abs(self.zone)
            zone = f"{sign}{distance // 60:02}:{distance % 60:02}"
            text += zone
        return text

    @property
    def seconds(self) -> Decimal:
        """Second and fraction as one number."""
        return self.parts[-1] + self.fraction


def _clock(parts: tuple[int, ...], fraction: Decimal, digits: int) -> str:
    text = ":".join(f"{part:02}" for part in parts)
    return text + (f"{fraction:.{digits}f}"[1:] if digits else "")


@lru_cache(maxsize=4096)
def read(text: str, kind: Kind) -> Temporal | None:
    """The value a text spells, or None when it spells none. ``2015-02T`` is a partial DateTime."""
    if kind == "Time":
        return _read_time(text.removeprefix("T"))
    day, mark, rest = text.partition("T")
    match = _DATE.fullmatch(day)
    if match is None or (mark and kind == "Date"):
        return None
    parts = tuple(int(part) for part in match.groups() if part is not None)
    if not _is_date(parts):
        return None
    if not rest:
        return Temporal(kind, parts)
    zone_text = _ZONE.search(rest)
    zone = _offset(zone_text[1]) if zone_text else None
    clock_text = rest[: zone_text.start()] if zone_text else rest
    if not clock_text:
        return Temporal(kind, parts, zone=zone)
    clock = _read_time(clock_text)
    if clock is None or len(parts) != 3:
        return None
    return Temporal(kind, parts + clock.parts, clock.fraction, clock.digits, zone)


def _read_time(text: str) -> Temporal | None:
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    *texts, fraction = match.groups()
    parts = tuple(int(part) for part in texts if part is not None)
    if any(part > most for part, most in zip(parts, (23, 59, 60), strict=False)):
        return None
    if fraction is None:
        return Temporal("Time", parts)
    return Temporal("Time", parts, Decimal("0" + fraction), len(fraction) - 1)


def _is_date(parts: tuple[int, ...]) -> bool:
    if parts[0] < 1 or (len(parts) > 1 and not 1 <= parts[1] <= 12):
        return False
    return len(parts) < 3 or 1 <= parts[2] <= monthrange(parts[0], parts[1])[1]


def _offset(text: str) -> int:
    if text == "Z":
        return 0
    minutes = int(text[1:3]) * 60 + int(text[4:6])
    return -minutes if text[0] == "-" else minutes


def from_datetime(moment: datetime) -> Temporal:
    """A DateTime with milliseconds and a zone."""
    offset = moment.utcoffset() or timedelta()
    parts = (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
    fraction = Decimal(moment.microsecond // 1000) / 1000
    return Temporal("DateTime", parts, fraction, 3, int(offset.total_seconds() // 60))


def compare(left: Temporal, right: Temporal) -> int | None:
    """-1, 0 or 1; None when it cannot be known. Both are Times, or neither is."""
    if left.zone is None and right.zone is None:
        return _by_parts(left, right)
    if left.zone is not None and right.zone is not None:
        return _by_parts(_shifted(left, -left.zone), _shifted(right, -right.zone))
    if len(left.parts) <= 3 or len(right.parts) <= 3:
        return _by_parts(left, right)
    # One side could be anywhere on earth: certain only when both ends agree.
    floating, fixed, sign = (left, right, 1) if left.zone is None else (right, left, -1)
    fixed = _shifted(fixed, -(fixed.zone or 0))
    answers = {_by_parts(_shifted(floating, -zone), fixed) for zone in (_EAST, _WEST)}
    if len(answers) > 1:
        return None
    answer = answers.pop()
    return None if answer is None else answer * sign


def _by_parts(left: Temporal, right: Temporal) -> int | None:
    for one, other in zip(left.parts, right.parts, strict=False):
        if one != other:
            return -1 if one < other else 1
    if len(left.parts) != len(right.parts):
        return None
    if left.fraction != right.fraction:
        return -1 if left.fraction < right.fraction else 1
    return 0


def _shifted(value: Temporal, minutes: int) -> Temporal:
    """Moved by so many minutes and without its zone; the precision stays."""
    if len(value.parts) <= 3 or minutes == 0:
        return Temporal(value.kind, value.parts, value.fraction, value.digits)
    padded = (*value.parts, 0)[:5]
    try:
        year, month, day, hour, minute = padded
        start = datetime(year, month, day, hour, minute, tzinfo=UTC)
        moved = start + timedelta(minutes=minutes)
    except OverflowError:
        return Temporal(value.kind, value.parts, value.fraction, value.digits)
    parts = (*moved.timetuple()[:5], *value.parts[5:])[: len(value.parts)]
    return Temporal(value.kind, parts, value.fraction, value.digits)


def key(value: Temporal) -> tuple[object, ...]:
    """Equal for values that are equal for certain; used to find duplicates."""
    plain = value if value.zone is None else _shifted(value, -value.zone)
    zoned = value.zone is not None
    return (value.kind == "Time", plain.parts, plain.fraction, zoned)


def add(value: Temporal, amount: Decimal, unit: str) -> Temporal | None:
    """``value`` moved by ``amount`` units (a singular calendar word); None beyond the calendar.

    Parts of a unit are ignored. A value that is less precise than the unit is moved by as many of
    its own smallest parts as the amount fills (http://hl7.org/fhirpath/N1/#addition-2).
    """
    count = int(amount.to_integral_value(ROUND_DOWN))
    if value.kind == "Time":
        return None if unit in ("year", "month") else _add_to_time(value, count, unit)
    if unit == "year" or (unit == "month" and len(value.parts) == 1):
        return _add_months(value, 12 * (count if unit == "year" else int(count / 12)))
    if unit == "month":
        return _add_months(value, count)
    seconds = _SECONDS[unit] * count
    if len(value.parts) < 3:
        days = int(seconds / 86400)
        if len(value.parts) == 1:
            return _add_months(value, 12 * int(days / _DAYS["year"]))
        return _add_months(value, int(days / _DAYS["month"]))
    return _add_seconds(value, seconds)


def _add_months(value: Temporal, months: int) -> Temporal | None:
    year, *rest = value.parts
    month = rest[0] if rest else 1
    years, month_index = divmod(month - 1 + months, 12)
    year += years
    if not 1 <= year <= 9999:
        return None
    parts: tuple[int, ...] = (year,)
    if rest:
        parts = (year, month_index + 1)
    if len(rest) > 1:
        day = min(rest[1], monthrange(year, month_index + 1)[1])
        parts = (*parts, day, *rest[2:])
    return Temporal(value.kind, parts, value.fraction, value.digits, value.zone)


def _add_seconds(value: Temporal, seconds: Decimal) -> Temporal | None:
    size = len(value.parts)
    step = {3: 86400, 4: 3600, 5: 60}.get(size)
    if step is not None:
        seconds = Decimal(int(seconds / step) * step)
    whole, fraction = divmod(_total(value) + seconds, 1)
    if fraction < 0:
        whole, fraction = whole - 1, fraction + 1
    try:
        year, month, day = value.parts[:3]
        start = datetime(year, month, day, tzinfo=UTC)
        moved = start + timedelta(seconds=int(whole))
    except OverflowError:
        return None
    digits = max(value.digits, _places(fraction))
    return Temporal(value.kind, moved.timetuple()[:size], fraction, digits, value.zone)


def _add_to_time(value: Temporal, count: int, unit: str) -> Temporal:
    total = (_total(value) + _SECONDS[unit] * count) % 86400
    if total < 0:
        total += 86400
    whole, fraction = divmod(total, 1)
    parts = (int(whole) // 3600, int(whole) // 60 % 60, int(whole) % 60)[: len(value.parts)]
    if len(value.parts) < 3:
        fraction = Decimal(0)
    digits = max(value.digits, _places(fraction))
    return Temporal("Time", parts, fraction, digits)


def _places(fraction: Decimal) -> int:
    """The digits a fraction needs: three for milliseconds."""
    exponent = fraction.normalize().as_tuple().exponent
    return max(3, -exponent) if fraction and isinstance(exponent, int) else 0


def _total(value: Temporal) -> Decimal:
    """Seconds since midnight."""
    clock = value.parts if value.kind == "Time" else value.parts[3:]
    hour, minute, second = (*clock, 0, 0, 0)[:3]
    return hour * 3600 + minute * 60 + second + value.fraction
