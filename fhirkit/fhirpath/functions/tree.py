"""Tree navigation, utility and aggregates (http://hl7.org/fhirpath/N1/#tree-navigation)."""

from __future__ import annotations

from fhirkit.fhirpath import elements
from fhirkit.fhirpath.elements import Element
from fhirkit.fhirpath.errors import EvaluationError
from fhirkit.fhirpath.frame import Collection, Evaluate, Frame, single_string, truth
from fhirkit.fhirpath.functions.registry import function
from fhirkit.fhirpath.temporal import Temporal, from_datetime


@function("children")
def children(frame: Frame, source: Collection) -> Collection:
    """The child elements of every item."""
    found: Collection = []
    for item in source:
        # Most elements are primitives without extensions: nothing is below them.
        if type(item) is Element and (type(item.value) is dict or item.extra is not None):
            found += elements.children(frame.model, item)
    frame.spend(len(found))
    return found


@function("descendants")
def descendants(frame: Frame, source: Collection) -> Collection:
    """All elements below every item, level by level."""
    found: Collection = []
    level = source
    while level:
        level = children(frame, level)
        found.extend(level)
    return found


@function("trace", 1, 2, lazy=True, returns="same")
def trace(
    _frame: Frame, source: Collection, _name: Evaluate, _projection: Evaluate | None = None
) -> Collection:
    """The input, unchanged. Nothing is written anywhere: it could be a patient's data."""
    return source


@function("aggregate", 1, 2, lazy=True)
def aggregate(
    frame: Frame, source: Collection, step: Evaluate, start: Evaluate | None = None
) -> Collection:
    """$total after one step for each item."""
    outer = frame.total
    frame.total = [] if start is None else start(frame, frame.this)
    try:
        for index, item in enumerate(source):
            frame.total = frame.on_item(step, item, index)
            frame.spend(len(frame.total))
        return frame.total
    finally:
        frame.total = outer


@function("defineVariable", 1, 2, lazy=True, returns="same")
def define_variable(
    frame: Frame, source: Collection, name: Evaluate, value: Evaluate | None = None
) -> Collection:
    """Gives a name to the input or to a value, for ``%name`` further on."""
    chosen = single_string(frame, name(frame, source), "defineVariable()")
    if chosen is None:
        raise EvaluationError("defineVariable(): the name is empty")
    frame.variables[chosen] = source if value is None else value(frame, source)
    return source


@function("now", returns="DateTime")
def now(frame: Frame, _source: Collection) -> Collection:
    """The moment of evaluation."""
    return [from_datetime(frame.environment.clock())]


@function("today", returns="Date")
def today(frame: Frame, _source: Collection) -> Collection:
    """The day of evaluation."""
    return [Temporal("Date", from_datetime(frame.environment.clock()).parts[:3])]


@function("timeOfDay", returns="Time")
def time_of_day(frame: Frame, _source: Collection) -> Collection:
    """The time of evaluation."""
    moment = from_datetime(frame.environment.clock())
    return [Temporal("Time", moment.parts[3:], moment.fraction, moment.digits)]


@function("not", returns="Boolean")
def negation(frame: Frame, source: Collection) -> Collection:
    """The opposite of a boolean."""
    value = truth(frame, source, "not()")
    return [] if value is None else [not value]
