"""Measurements: observations gathered into series over time, one for each code and unit.

A result without a number ("low", value not reported) keeps its place in the series as just that.
Systolic and diastolic pressure are read as one pair.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from fhirkit.report.dates import Span
from fhirkit.report.phrases import coded, concept, quantity, unit
from fhirkit.report.records import Entry, Record
from fhirkit.report.schedule import when_of
from fhirkit.report.titles import value_of
from fhirkit.report.untrusted import dicts
from fhirkit.report.untrusted import text as text_of

Category = Literal["vital", "laboratory", "other"]

_SYSTOLIC = {("http://loinc.org", "8480-6"), ("http://snomed.info/sct", "271649006")}
_DIASTOLIC = {("http://loinc.org", "8462-4"), ("http://snomed.info/sct", "271650006")}
#: v3-ObservationInterpretation → level on a low, normal, high scale.
_LEVELS = {"LL": -2, "LU": -2, "L": -1, "N": 0, "H": 1, "HU": 2, "HH": 2}
_CATEGORIES: dict[str, Category] = {"vital-signs": "vital", "laboratory": "laboratory"}
_PROPERTY = re.compile(r" \[[A-Za-z0-9/# .-]{1,40}\]")
_UNUSABLE = {"entered-in-error", "cancelled"}


@dataclass(frozen=True, slots=True)
class Value:
    """One result. ``number`` is its position to draw (``low`` the smaller one of a pair); ``level``
    -2…2 its interpretation; ``text`` its exact words.
    """

    entry: Entry
    text: str
    when: str
    span: Span | None
    number: float | None = None
    low: float | None = None
    level: int | None = None
    absent: bool = False
    comparator: str = ""
    limits: tuple[float | None, float | None] = (None, None)


@dataclass(slots=True)
class Series:
    """Results of one code in one unit, oldest first."""

    title: str
    unit: str
    category: Category
    values: list[Value] = field(default_factory=list)

    @property
    def numeric(self) -> bool:
        """Whether any value has a number."""
        return any(value.number is not None for value in self.values)

    @property
    def paired(self) -> bool:
        """Whether the values are pairs (blood pressure)."""
        return any(value.low is not None for value in self.values)


def series_of(record: Record) -> list[Series]:
    """All series, vital signs first, then laboratory, then others, each in order of appearance."""
    found: dict[tuple[str, str], Series] = {}
    for entry in record:
        if entry.type == "Observation" and text_of(entry.resource, "status") not in _UNUSABLE:
            for key, title, name, value in _values(entry, record):
                series = found.get((key, name))
                if series is None:
                    series = found[key, name] = Series(title, name, _category(entry.resource))
                series.values.append(value)
    _join_unitless(found)
    # One number that is no vital sign or laboratory result (an age, a score) makes no chart.
    alone = [k for k, one in found.items() if one.category == "other" and len(one.values) == 1]
    for pair in alone:
        del found[pair]
    order = {"vital": 0, "laboratory": 1, "other": 2}
    for series in found.values():
        series.values.sort(key=_moment)
    return sorted(found.values(), key=lambda series: order[series.category])


def _moment(value: Value) -> float:
    return value.span.moments[0] if value.span and value.span.moments else math.inf


def _join_unitless(found: dict[tuple[str, str], Series]) -> None:
    """Results without a number have no unit: they belong with the numbers of the same code."""
    for key, name in [pair for pair in found if not pair[1] and not found[pair].numeric]:
        others = [pair for pair in found if pair[0] == key and found[pair].numeric]
        if len(others) == 1:
            found[others[0]].values += found.pop((key, name)).values


def _values(entry: Entry, record: Record) -> Iterator[tuple[str, str, str, Value]]:
    """``key, title, unit, value`` of every result of an observation that can be charted."""
    resource = entry.resource
    title = _short(concept(resource.get("code"))) or "Observation"
    pair = _pair(entry, record)
    if pair:
        name = unit(_component(resource, _SYSTOLIC).get("valueQuantity"))
        yield _key(resource), "Blood pressure", name, pair
        return
    own = _value(entry, resource, resource, record)
    if own:
        yield _key(resource), title, unit(resource.get("valueQuantity")), own
    for component in dicts(resource, "component"):
        part = _value(entry, component, resource, record)
        if part and part.number is not None:
            named = _short(concept(component.get("code")))
            key = f"{_key(resource)} {_key(component)}"
            yield key, named, unit(component.get("valueQuantity")), part


def _value(
    entry: Entry, holder: dict[str, Any], resource: dict[str, Any], record: Record
) -> Value | None:
    found = holder.get("valueQuantity", holder.get("valueInteger"))
    given = found.get("value") if isinstance(found, dict) else found
    number = drawable(given)
    level = _level(holder)
    text = quantity(found) if isinstance(found, dict) else "" if found is None else str(found)
    absent = False
    if number is None and not text:
        # Without a number only a result that is said to be missing, or is flagged, has a place.
        # Wherever there is another kind of value, it is listed, not charted.
        text, absent = value_of(holder)
        charted = _category(resource) != "other" and (absent or (level is not None and not text))
        if not charted or (holder.get("component") and not absent):
            return None
        # "Not known" adds nothing to "not reported"; any other reason does.
        absent, text = True, (text or "value not reported").removesuffix(": not known")
    at = when_of(entry, record)
    return Value(
        entry,
        text,
        at.words if at else "no date",
        at.span if at else None,
        number,
        level=level,
        absent=absent,
        comparator=text_of(found, "comparator"),
        limits=_limits(holder, unit(found)),
    )


def _pair(entry: Entry, record: Record) -> Value | None:
    high = _component(entry.resource, _SYSTOLIC).get("valueQuantity")
    low = _component(entry.resource, _DIASTOLIC).get("valueQuantity")
    if not isinstance(high, dict) or not isinstance(low, dict) or unit(high) != unit(low):
        return None
    top, bottom = drawable(high.get("value")), drawable(low.get("value"))
    if top is None or bottom is None:
        return None
    at = when_of(entry, record)
    return Value(
        entry,
        f"{high['value']} / {low['value']} {unit(high)}".strip(),
        at.words if at else "no date",
        at.span if at else None,
        top,
        bottom,
        level=_level(entry.resource),
    )


def drawable(value: Any) -> float | None:
    """The number as a position on an axis; None when it is none or too large to draw."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and abs(number) < 1e100 else None


def _limits(holder: dict[str, Any], name: str) -> tuple[float | None, float | None]:
    """The reference range of a value when there is exactly one, in the value's unit."""
    ranges = holder.get("referenceRange")
    if not isinstance(ranges, list) or len(ranges) != 1 or not isinstance(ranges[0], dict):
        return None, None
    ends: list[float | None] = []
    for side in ("low", "high"):
        end = ranges[0].get(side)
        same = isinstance(end, dict) and unit(end) in ("", name)
        ends.append(drawable(end.get("value")) if isinstance(end, dict) and same else None)
    return ends[0], ends[1]


def _level(holder: dict[str, Any]) -> int | None:
    for item in dicts(holder, "interpretation"):
        for _, code in coded(item):
            if code in _LEVELS:
                return _LEVELS[code]
    return None


def _category(resource: dict[str, Any]) -> Category:
    for item in dicts(resource, "category"):
        for _, code in coded(item):
            if code in _CATEGORIES:
                return _CATEGORIES[code]
    return "other"


def _component(resource: dict[str, Any], wanted: set[tuple[str, str]]) -> dict[str, Any]:
    for item in dicts(resource, "component"):
        if wanted.intersection(coded(item.get("code"))):
            return item
    return {}


def _short(name: str) -> str:
    """A LOINC long name without its property: ``Hemoglobin [Mass/volume] in Blood``."""
    return _PROPERTY.sub("", name)


def _key(holder: dict[str, Any]) -> str:
    """What makes two results the same measurement: the first code, else the words."""
    for system, code in coded(holder.get("code")):
        if code:
            return f"{system}|{code}"
    return concept(holder.get("code"))
