"""When a medicine was begun and ended: as a Period as far as one can hold it, else in words.

A Period's ends say when the taking began and ended, so a begin that is only bounded (`before
visit`) has no place in one: `end: visit` would claim that the taking was over by then.
https://hl7.org/fhir/R4/datatypes.html#Period
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhirkit.convert.making import date_time
from fhirkit.convert.model import At
from fhirkit.convert.read.timeline import When

if TYPE_CHECKING:
    from fhirkit.convert.making import Making
    from fhirkit.convert.model import Fact
    from fhirkit.convert.read.moment import Moment

_BEFORE = frozenset({"before", "until"})
_AFTER = frozenset({"after", "since"})


def period_of_use(fact: Fact, making: Making) -> tuple[dict[str, str] | None, str | None]:
    """The Period from `started` to `stopped`, and in words what does not fit into it."""
    started, stopped = _begin(fact, making), _end(fact, making)
    period: dict[str, str] = {}
    first, last = date_time(started), date_time(stopped)
    if first is not None:
        period["start"] = first
        started = None
    elif started is not None and fact.get("stopped") is None and _is_range(started.when):
        # `started: from A to B` and nothing else: the stretch that it was taken.
        period.update(started.when.as_period() or {})
        started = None
    if last is not None:
        period["end"] = last
        stopped = None
    return period or None, _said(started, stopped)


def words_of_use(fact: Fact, making: Making) -> str | None:
    """`stopped` in words, and `started` if it is no date: a date is the order's `authoredOn`."""
    started = _begin(fact, making)
    return _said(None if date_time(started) else started, _end(fact, making))


def _said(started: At | None, stopped: At | None) -> str | None:
    parts = [
        f"{word}: {_words(at)}"
        for word, at in (("started", started), ("stopped", stopped))
        if at is not None
    ]
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}." if text else None


def _begin(fact: Fact, making: Making) -> At | None:
    """`started` as it was known: without an end that lies after the point seen from."""
    at = making.known(fact.get("started"))
    if at is None or not _is_range(at.when) or _has_come(at.when.end, making):
        return at
    return At("", When(at.when.start, None), None)


def _end(fact: Fact, making: Making) -> At | None:
    """`stopped`, once all that it could mean has come: before that nobody knew of an end."""
    at = making.known(fact.get("stopped"))
    if at is None or at.point is not None or making.as_of is None:
        return at
    if at.when.end is not None:
        return at if _has_come(at.when.end, making) else None
    return at if making.points.times[making.as_of].certainly_after(_at(at.when.start)) else None


def _has_come(moment: Moment | None, making: Making) -> bool:
    return making.points.includes(At("", _at(moment), None), making.as_of)


def _at(moment: Moment | None) -> When:
    return When(moment, moment)


def _is_range(when: When) -> bool:
    return when.start is not None and when.end is not None and not when.is_point


def _words(at: At) -> str:
    """Dates in words, no finer than they are known; `before` or `since` where the author says."""
    when = at.when
    exact = date_time(at)
    if exact is not None:
        return exact
    word = at.text.partition(" ")[0]
    bounds = when.as_period() or {}
    if when.start is None:
        return f"{word if word in _BEFORE else 'on or before'} {bounds['end']}"
    if when.end is None:
        return f"{word if word in _AFTER else 'on or after'} {bounds['start']}"
    if when.is_point:
        return f"between {bounds['start']} and {bounds['end']}"
    return f"from {bounds['start']} to {bounds['end']}"
