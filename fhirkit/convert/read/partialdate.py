"""A date as written, read as FHIR reads it, or refused with the reason.

https://hl7.org/fhir/R4/datatypes.html#dateTime: year, month or day, or a full time with seconds
and zone; no 24:00. Nothing is guessed: `03/04/2024` is two different days to two readers.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re

from fhirkit.convert.read.moment import Moment, Precision, TimelineError

# ASCII digits only: `\d` would let other scripts' digits pass.
_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")
_TIME = re.compile(
    r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?(Z|[+-][0-9]{2}:[0-9]{2})?"
)
_LOOSE = re.compile(r"([0-9]{1,4})([-/. ])([0-9]{1,2})(?:\2([0-9]{1,4}))?")
_MAX_DIGITS = 6
_MAX_ZONE = 14 * 60
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]

ADVICE = "write 2022, 2022-02, 2022-02-14 or 2022-02-14T09:30:00+01:00"


def looks_like_date(text: str) -> bool:
    """Whether the text is meant as a date rather than as a name: it starts with a digit."""
    return text[:1].isdigit()


def names_a_month(text: str) -> bool:
    """Whether the text is a date with its month in (English) letters."""
    words = re.findall(r"[a-z]+", text.lower())
    return any(ch.isdigit() for ch in text) and any(word[:3] in _MONTHS for word in words)


def read_date(text: str) -> Moment:
    """The moment that a FHIR date or dateTime stands for; ``TimelineError`` with the reason."""
    day, separator, time = text.partition("T")
    found = _DATE.fullmatch(day)
    if found is None:
        raise _refused(text)
    year, month, number = (int(part) if part else None for part in found.groups())
    first, last, precision = _days(year or 0, month, number, text)
    if not separator:
        return Moment(
            dt.datetime.combine(first, dt.time.min),
            dt.datetime.combine(last, dt.time.max),
            precision,
        )
    if precision is not Precision.DAY:
        raise TimelineError(f"'{text}' has a time but no day", advice=ADVICE)
    instant, zone, digits = _time(first, time, text)
    return Moment(instant, instant, Precision.SECOND, zone, digits)


def _days(
    year: int, month: int | None, day: int | None, text: str
) -> tuple[dt.date, dt.date, Precision]:
    if year == 0:
        raise TimelineError(f"'{text}': there is no year 0000", advice=ADVICE)
    if month is None:
        return dt.date(year, 1, 1), dt.date(year, 12, 31), Precision.YEAR
    if not 1 <= month <= 12:  # months of a year
        raise TimelineError(f"'{text}': there is no month {month:02d}", advice=ADVICE)
    last = calendar.monthrange(year, month)[1]
    if day is None:
        return dt.date(year, month, 1), dt.date(year, month, last), Precision.MONTH
    if not 1 <= day <= last:
        raise TimelineError(
            f"'{text}': {year:04d}-{month:02d} has {last} days",
            advice=f"correct the day, or write {year:04d}-{month:02d} if it is not known",
        )
    only = dt.date(year, month, day)
    return only, only, Precision.DAY


def _time(day: dt.date, time: str, text: str) -> tuple[dt.datetime, str, int]:
    found = _TIME.fullmatch(time)
    if found is None:
        raise TimelineError(f"'{text}': the time cannot be read", advice=ADVICE)
    hour, minute, second, fraction, zone = found.groups()
    if int(hour) == 24:  # the hour that FHIR forbids
        raise TimelineError(
            f"'{text}': 24:00 is not a time in FHIR", advice="write 00:00:00 of the next day"
        )
    if int(hour) > 23 or int(minute) > 59 or int(second or 0) > 59:  # clock
        raise TimelineError(f"'{text}': there is no such time of day", advice=ADVICE)
    date = text.partition("T")[0]
    if zone is None:
        raise TimelineError(
            f"'{text}': a time needs its zone",
            advice=f"add Z or an offset such as +01:00, or write {date} alone",
        )
    if second is None:
        raise TimelineError(
            f"'{text}': a time needs seconds",
            advice=f"write {date}T{hour}:{minute}:00{zone} (FHIR allows zeros there)",
        )
    if fraction and len(fraction) > _MAX_DIGITS:
        raise TimelineError(
            f"'{text}': more than {_MAX_DIGITS} digits of a second", advice="shorten the fraction"
        )
    if zone != "Z" and (
        int(zone[1:3]) * 60 + int(zone[4:]) > _MAX_ZONE or int(zone[4:]) > 59
    ):  # clock
        raise TimelineError(f"'{text}': zones go up to 14:00", advice="check the offset")
    instant = dt.datetime(  # noqa: DTZ001  # local time: the zone is kept as written beside it
        day.year,
        day.month,
        day.day,
        int(hour),
        int(minute),
        int(second),
        int((fraction or "0").ljust(6, "0")),
    )
    return instant, zone, len(fraction or "")


def _refused(text: str) -> TimelineError:
    """Why a text that is meant as a date is none, and what its author may have meant."""
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9].*", text):
        return TimelineError(
            f"'{text}': a T stands between date and time", advice=f"write {text.replace(' ', 'T')}"
        )
    if re.fullmatch(r"[0-9]{8}", text):
        return TimelineError(
            f"'{text}' is not a date",
            advice=f"did you mean {text[:4]}-{text[4:6]}-{text[6:]}?",
        )
    loose = _LOOSE.fullmatch(text)
    if loose is not None:
        return _loose(text, loose)
    if names_a_month(text):
        return TimelineError(f"'{text}': months are numbers here", advice=ADVICE)
    if re.fullmatch(r"[0-9]{1,3}", text):
        return TimelineError(f"'{text}': a year has four digits", advice=ADVICE)
    return TimelineError(f"'{text}' is not a date", advice=ADVICE)


def _loose(text: str, found: re.Match[str]) -> TimelineError:
    first, sign, second, third = found.groups()
    if len(first) == 4:  # digits of a year
        parts = [first, *(part.zfill(2) for part in (second, third) if part is not None)]
        meant = "-".join(parts)
        if len(parts[-1]) == 2 and meant != text:  # digits of a day
            return TimelineError(
                f"'{text}' is not a date", advice=f"did you mean {meant}? Two digits, joined by -"
            )
    elif third is not None and len(third) == 4:  # digits of a year
        one = f"{third}-{first.zfill(2)}-{second.zfill(2)}"
        two = f"{third}-{second.zfill(2)}-{first.zfill(2)}"
        what = "could be two different days" if sign == "/" else "is not written year first"
        return TimelineError(f"'{text}' {what}", advice=f"write {one} or {two}")
    return TimelineError(
        f"'{text}': a year has four digits and comes first",
        advice=ADVICE,
    )
