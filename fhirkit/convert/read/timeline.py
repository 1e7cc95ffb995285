"""A case's timeline: named times, arithmetic on partial dates, and what FHIR may say of them.

    2022-02   2022-02-14T09:30:00+01:00   visit + 4 wk   before visit - 1 a   after surgery
    from visit to visit + 2 wk            visit .. follow-up

Units: a (or y), mo, wk, d, h, min, as in UCUM; amounts are whole numbers. A result is only ever
as precise as what it was made from, and where it does not fit one partial date it is a period
that holds everything that could be true.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches

from fhirkit.convert.read.moment import (
    Moment,
    Precision,
    Shift,
    TimelineError,
    certainly_before,
    certainly_same,
)
from fhirkit.convert.read.partialdate import ADVICE, looks_like_date, names_a_month, read_date

__all__ = ["Precision", "Timeline", "TimelineError", "When"]

_WORDS = frozenset({"before", "after", "until", "since", "from", "to"})
_NAME = re.compile(r"[^\W\d][\w-]*")
_STEP = re.compile(r"\s*([+-])\s*([0-9]+(?:[.,][0-9]+)?)\s*([^\W\d]+)\s*")
# A plus may stand without spaces unless it is a zone's; a minus may not: names hold hyphens.
_STEPS_START = re.compile(r"\s+[+-]|\+(?=\s*[0-9]+(?:[.,][0-9]+)?\s*[^\W\d])")
_GLUED = re.compile(r"([^\W\d][\w-]*)-([0-9]+\s*[^\W\d]+)")
_RANGE = re.compile(r"\s*\.\.+\s*|\s+…\s+")
_TO = re.compile(r"\s+to\s+")

_UNITS: dict[str, tuple[int, dt.timedelta]] = {
    "a": (12, dt.timedelta()),
    "mo": (1, dt.timedelta()),
    "wk": (0, dt.timedelta(weeks=1)),
    "d": (0, dt.timedelta(days=1)),
    "h": (0, dt.timedelta(hours=1)),
    "min": (0, dt.timedelta(minutes=1)),
}
_UNIT_WORDS = {
    "y": "a", "yr": "a", "yrs": "a", "year": "a", "years": "a",
    "month": "mo", "months": "mo",
    "w": "wk", "wks": "wk", "week": "wk", "weeks": "wk",
    "day": "d", "days": "d",
    "hr": "h", "hrs": "h", "hour": "h", "hours": "h",
    "minute": "min", "minutes": "min", "mins": "min",
}  # fmt: skip
_MAX_STEPS = 20
_MAX_TEXT = 200
_MAX_AMOUNT = 100_000_000


@dataclass(frozen=True, slots=True)
class When:
    """A point (``start`` and ``end`` are the same moment) or a stretch of time, open or not."""

    start: Moment | None
    end: Moment | None

    @property
    def is_point(self) -> bool:
        """Whether this is one moment, however vaguely known."""
        return self.start is not None and self.start is self.end

    @property
    def start_earliest(self) -> dt.datetime | None:
        """The first instant it could have started, local time; ``None`` if nothing is known."""
        return self.start.earliest if self.start else None

    @property
    def start_latest(self) -> dt.datetime | None:
        """The last instant it could have started."""
        return self.start.latest if self.start else None

    @property
    def end_earliest(self) -> dt.datetime | None:
        """The first instant it could have ended."""
        return self.end.earliest if self.end else None

    @property
    def end_latest(self) -> dt.datetime | None:
        """The last instant it could have ended."""
        return self.end.latest if self.end else None

    @property
    def precision(self) -> Precision:
        """That of the coarser end."""
        return min(moment.precision for moment in (self.start, self.end) if moment is not None)

    def as_date_time(self) -> str | None:
        """A FHIR dateTime, if this is a point that fits one at the precision it is known with."""
        return self.start.certain() if self.start is not None and self.is_point else None

    def as_period(self) -> dict[str, str] | None:
        """A FHIR Period that holds all of it; an end that is not known is left out."""
        period = {}
        if self.start is not None:
            period["start"] = self.start.render(self.start.earliest)
        if self.end is not None:
            period["end"] = self.end.render(self.end.latest)
        return period or None

    def certainly_after(self, other: When) -> bool:
        """Whether all of this lies after all of the other, whatever is unknown about either.

        Moments that hang on one name are compared together: `visit + 1 wk` is after `visit`
        though both may be in the same month.
        """
        if self.start is None or other.end is None:
            return False
        return certainly_before(other.end, self.start)

    def certainly_same(self, other: When) -> bool:
        """Whether the two are the same time for certain."""
        pairs = ((self.start, other.start), (self.end, other.end))
        return all(
            (a is None and b is None) or (a is not None and b is not None and certainly_same(a, b))
            for a, b in pairs
        )


class Timeline:
    """Named times, each resolved when first asked for."""

    def __init__(self, expressions: Mapping[str, str] | None = None) -> None:
        self._expressions = dict(expressions or {})
        self._known: dict[str, When] = {}
        self._texts: dict[str, When] = {}
        self._asked: list[str] = []

    @property
    def names(self) -> tuple[str, ...]:
        """The names in the order given."""
        return tuple(self._expressions)

    def resolve(self, text: str) -> When:
        """What a name, a date or an expression stands for; ``TimelineError`` says why not."""
        if len(text) > _MAX_TEXT:
            raise TimelineError("the time is too long to be one", advice=ADVICE)
        known = self._texts.get(text)
        if known is None:
            known = self._texts[text] = self._expression(" ".join(text.split()))
        return known

    def _expression(self, text: str) -> When:
        if not text:
            raise TimelineError("no time is given", advice="write a date or a name of the timeline")
        if text in self._expressions:
            return self._name(text)
        word, _, rest = text.partition(" ")
        if word in ("before", "until"):
            return When(None, _bound(self._point(rest, word).start, text, "start"))
        if word in ("after", "since"):
            return When(_bound(self._point(rest, word).end, text, "end"), None)
        if word == "from":
            parts = _TO.split(rest)
            if len(parts) != 2:  # the two ends
                raise TimelineError(
                    f"'{text}' needs two times", advice="write `from A to B`, or `since A`"
                )
            return self._between(parts[0], parts[1], text)
        parts = _RANGE.split(text)
        if len(parts) == 2 and all(parts):  # the two ends
            return self._between(parts[0], parts[1], text)
        return self._point(text, "")

    def _between(self, first: str, last: str, text: str) -> When:
        start = _bound(self._point(first, "from").start, text, "start")
        end = _bound(self._point(last, "to").end, text, "end")
        if certainly_before(end, start):
            raise TimelineError(f"'{text}' ends before it starts", advice="swap the two times")
        # Two moments, even where both are the same date: a stretch was written, not a point.
        return When(start, end)

    def _point(self, text: str, after: str) -> When:
        """A date or name, moved any number of steps."""
        if not text:
            raise TimelineError(
                f"nothing follows '{after}'", advice=f"write `{after}` and a date or name"
            )
        cut = _STEPS_START.search(text)
        head, tail = (text[: cut.start()].strip(), text[cut.start() :]) if cut else (text, "")
        when = self._head(head, text)
        for shift in _shifts(tail, text):
            start = when.start.moved(shift) if when.start else None
            end = start if when.is_point else when.end.moved(shift) if when.end else None
            when = When(start, end)
        return when

    def _head(self, head: str, text: str) -> When:
        if looks_like_date(head):
            moment = read_date(head)
            return When(moment, moment)
        if head in self._expressions:
            return self._name(head)
        raise self._unknown(head, text)

    def _name(self, name: str) -> When:
        known = self._known.get(name)
        if known is not None:
            return known
        if name in self._asked:
            ring = " → ".join([*self._asked[self._asked.index(name) :], name])
            raise TimelineError(
                f"the times depend on each other: {ring}",
                advice="give one of them a date",
                rule="case-timeline-cycle",
            )
        if name in _WORDS or not _NAME.fullmatch(name):
            raise TimelineError(
                f"'{name}' cannot be a name of the timeline",
                advice="start with a letter, go on with letters, digits, _ and -; "
                f"not one of {', '.join(sorted(_WORDS))}",
                rule="case-name",
            )
        self._asked.append(name)
        try:
            when = self.resolve(self._expressions[name])
        except TimelineError as problem:
            problem.name = problem.name or name
            raise
        except RecursionError:
            raise TimelineError(
                "too many times depend on one another", advice="give some of them dates"
            ) from None
        finally:
            self._asked.pop()
        self._known[name] = when = _rooted(when, name)
        return when

    def _unknown(self, head: str, text: str) -> TimelineError:
        if not head:
            return TimelineError(f"'{text}' has no date", advice="write a date or name first")
        glued = _GLUED.fullmatch(head)
        close = get_close_matches(head, self._expressions, n=1)
        if glued is not None and glued[1] in self._expressions:
            advice = f"put spaces round the sign: {glued[1]} - {glued[2]}"
        elif names_a_month(head):
            return TimelineError(f"'{text}': months are numbers here", advice=ADVICE)
        elif not re.fullmatch(r"[\w-]+", head):
            return TimelineError(
                f"'{text}' cannot be read as a time",
                advice="write a date, a name, `visit + 4 wk`, `before X`, `after X` "
                "or `from X to Y`",
            )
        elif close:
            advice = f"did you mean {close[0]}?"
        else:
            known = ", ".join(list(self._expressions)[:8]) or "none yet"
            advice = f"use a date or a name of the timeline ({known})"
        return TimelineError(
            f"'{head}' is not a name of the timeline", advice=advice, rule="case-unknown-name"
        )


def _rooted(when: When, name: str) -> When:
    """The same time, its moments tied to the name where they do not hang on another already."""

    def tie(moment: Moment | None) -> Moment | None:
        if moment is None or moment.root is not None or moment.earliest == moment.latest:
            return moment
        return replace(moment, root=name, shifts=(), origin=(moment.earliest, moment.latest))

    if when.is_point:
        point = tie(when.start)
        return When(point, point)
    return when


def _bound(moment: Moment | None, text: str, side: str) -> Moment:
    if moment is None:
        raise TimelineError(
            f"'{text}': that time has no known {side}", advice="refer to a date or a bounded time"
        )
    return moment


def _shifts(tail: str, text: str) -> list[Shift]:
    shifts = []
    at = 0
    while at < len(tail):
        found = _STEP.match(tail, at)
        if found is None:
            raise TimelineError(
                f"'{text}': the step after the date cannot be read",
                advice="write a sign, a whole number and a unit: visit + 4 wk",
            )
        shifts.append(_shift(*found.groups(), text=text))
        at = found.end()
    if len(shifts) > _MAX_STEPS:
        raise TimelineError(f"more than {_MAX_STEPS} steps", advice="add the steps up")
    return shifts


def _shift(sign: str, amount: str, unit: str, *, text: str) -> Shift:
    code = _UNIT_WORDS.get(unit.lower(), unit)
    if code not in _UNITS:
        minutes = " (min is minutes, mo is months)" if unit.lower() == "m" else ""
        raise TimelineError(
            f"'{text}': '{unit}' is not a unit of time{minutes}",
            advice="use a (years), mo, wk, d, h or min",
            rule="case-unit",
        )
    if not amount.isdigit():
        raise TimelineError(
            f"'{text}': amounts are whole numbers",
            advice="use a smaller unit: 10 d instead of 1.5 wk",
        )
    if len(amount) > len(str(_MAX_AMOUNT)):
        raise TimelineError(f"'{text}': the amount is too large", advice="check the amount")
    months, elapsed = _UNITS[code]
    try:
        return Shift((1 if sign == "+" else -1, months * int(amount), elapsed * int(amount)))
    except OverflowError:
        raise TimelineError(f"'{text}': the amount is too large", advice="check it") from None
