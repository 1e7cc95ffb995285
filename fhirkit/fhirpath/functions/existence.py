"""Existence (http://hl7.org/fhirpath/N1/#existence)."""

from __future__ import annotations

from fhirkit.fhirpath.equality import distinct, identity
from fhirkit.fhirpath.errors import EvaluationError
from fhirkit.fhirpath.frame import Collection, Evaluate, Frame, kind_of, to_system, truth
from fhirkit.fhirpath.functions.registry import function


@function("empty", returns="Boolean")
def empty(_frame: Frame, source: Collection) -> Collection:
    """Whether there is no item."""
    return [not source]


@function("exists", 0, 1, lazy=True, returns="Boolean")
def exists(frame: Frame, source: Collection, criteria: Evaluate | None = None) -> Collection:
    """Whether there is an item (that meets the criteria)."""
    if criteria is None:
        return [bool(source)]
    return [any(truth(frame, frame.on_item(criteria, x, i)) for i, x in enumerate(source))]


@function("all", 1, lazy=True, returns="Boolean")
def all_items(frame: Frame, source: Collection, criteria: Evaluate) -> Collection:
    """Whether every item meets the criteria; true for no item."""
    return [all(truth(frame, frame.on_item(criteria, x, i)) for i, x in enumerate(source))]


def _booleans(frame: Frame, source: Collection, name: str) -> list[bool]:
    found: list[bool] = []
    for item in source:
        value = to_system(frame, item)
        if not isinstance(value, bool):
            raise EvaluationError(f"{name}(): expected booleans, found {kind_of(value)}")
        found.append(value)
    return found


@function("allTrue", returns="Boolean")
def all_true(frame: Frame, source: Collection) -> Collection:
    """Whether every item is true."""
    return [all(_booleans(frame, source, "allTrue"))]


@function("anyTrue", returns="Boolean")
def any_true(frame: Frame, source: Collection) -> Collection:
    """Whether an item is true."""
    return [any(_booleans(frame, source, "anyTrue"))]


@function("allFalse", returns="Boolean")
def all_false(frame: Frame, source: Collection) -> Collection:
    """Whether every item is false."""
    return [not any(_booleans(frame, source, "allFalse"))]


@function("anyFalse", returns="Boolean")
def any_false(frame: Frame, source: Collection) -> Collection:
    """Whether an item is false."""
    return [not all(_booleans(frame, source, "anyFalse"))]


@function("subsetOf", 1, returns="Boolean")
def subset_of(frame: Frame, source: Collection, other: Collection) -> Collection:
    """Whether every item is in the other collection."""
    return [_is_subset(frame, source, other)]


@function("supersetOf", 1, returns="Boolean")
def superset_of(frame: Frame, source: Collection, other: Collection) -> Collection:
    """Whether every item of the other collection is here."""
    return [_is_subset(frame, other, source)]


def _is_subset(frame: Frame, part: Collection, whole: Collection) -> bool:
    frame.spend(len(part) + len(whole))
    keys = {identity(frame, item) for item in whole}
    return all(identity(frame, item) in keys for item in part)


@function("count", returns="Integer")
def count(_frame: Frame, source: Collection) -> Collection:
    """The number of items."""
    return [len(source)]


@function("distinct", returns="same")
def distinct_items(frame: Frame, source: Collection) -> Collection:
    """Each item once."""
    return distinct(frame, source)


@function("isDistinct", returns="Boolean")
def is_distinct(frame: Frame, source: Collection) -> Collection:
    """Whether no item occurs twice."""
    return [len(distinct(frame, source)) == len(source)]
