"""Filtering, projection, subsetting and combining (http://hl7.org/fhirpath/N1/#filtering-and-projection)."""

from __future__ import annotations

from collections import deque
from functools import cmp_to_key

from fhirkit.fhirpath.equality import distinct, identity, order
from fhirkit.fhirpath.errors import EvaluationError
from fhirkit.fhirpath.frame import (
    Collection,
    Evaluate,
    Frame,
    Item,
    single,
    single_integer,
    to_system,
    truth,
)
from fhirkit.fhirpath.functions.registry import function


@function("where", 1, lazy=True, returns="same")
def where(frame: Frame, source: Collection, criteria: Evaluate) -> Collection:
    """The items that meet the criteria."""
    return [x for i, x in enumerate(source) if truth(frame, frame.on_item(criteria, x, i))]


@function("select", 1, lazy=True, returns="argument")
def select(frame: Frame, source: Collection, projection: Evaluate) -> Collection:
    """What the projection gives for each item, one after the other."""
    found: Collection = []
    for index, item in enumerate(source):
        part = frame.on_item(projection, item, index)
        frame.spend(len(part))
        found.extend(part)
    return found


@function("repeat", 1, lazy=True)
def repeat(frame: Frame, source: Collection, projection: Evaluate) -> Collection:
    """The projection applied again to its own results until nothing new comes."""
    found: Collection = []
    seen = set()
    pending = deque(source)
    while pending:
        for item in frame.on_item(projection, pending.popleft(), 0):
            key = identity(frame, item)
            frame.spend()
            if key not in seen:
                seen.add(key)
                found.append(item)
                pending.append(item)
    return found


@function("single", returns="first")
def single_item(_frame: Frame, source: Collection) -> Collection:
    """The only item; an error when there are several."""
    if len(source) > 1:
        raise EvaluationError(f"single(): expected one item, found {len(source)}")
    return source


@function("first", returns="first")
def first(_frame: Frame, source: Collection) -> Collection:
    """The first item."""
    return source[:1]


@function("last", returns="first")
def last(_frame: Frame, source: Collection) -> Collection:
    """The last item."""
    return source[-1:]


@function("tail", returns="same")
def tail(_frame: Frame, source: Collection) -> Collection:
    """All but the first item."""
    return source[1:]


@function("skip", 1, returns="same")
def skip(frame: Frame, source: Collection, number: Collection) -> Collection:
    """All but the first so many items."""
    return source[max(0, single_integer(frame, number, "skip()") or 0) :]


@function("take", 1, returns="same")
def take(frame: Frame, source: Collection, number: Collection) -> Collection:
    """The first so many items."""
    return source[: max(0, single_integer(frame, number, "take()") or 0)]


@function("intersect", 1, returns="same")
def intersect(frame: Frame, source: Collection, other: Collection) -> Collection:
    """The items of both collections, each once."""
    frame.spend(len(other))
    keys = {identity(frame, item) for item in other}
    return [x for x in distinct(frame, source) if identity(frame, x) in keys]


@function("exclude", 1, returns="same")
def exclude(frame: Frame, source: Collection, other: Collection) -> Collection:
    """The items that are not in the other collection, duplicates kept."""
    frame.spend(len(source) + len(other))
    keys = {identity(frame, item) for item in other}
    return [x for x in source if identity(frame, x) not in keys]


@function("union", 1)
def union(frame: Frame, source: Collection, other: Collection) -> Collection:
    """The items of either collection, each once."""
    return distinct(frame, source + other)


@function("combine", 1)
def combine(frame: Frame, source: Collection, other: Collection) -> Collection:
    """Both collections, duplicates kept."""
    frame.spend(len(source) + len(other))
    return source + other


def sort(
    frame: Frame, source: Collection, keys: tuple[tuple[Evaluate | None, bool], ...]
) -> Collection:
    """Sorted by each key in turn; ``True`` beside a key means descending.

    An item without a value for a key comes last, or first when descending. The compiler calls
    this itself: a leading minus is no arithmetic here.
    """
    frame.spend(len(source) * max(1, len(source).bit_length()))
    rows: list[tuple[list[Item], Item]] = []
    for index, item in enumerate(source):
        values: list[Item] = []
        for key, _ in keys:
            found = [item] if key is None else frame.on_item(key, item, index)
            values.append(to_system(frame, item) if key is None else single(frame, found, "sort()"))
        rows.append((values, item))

    def compared(one: tuple[list[Item], Item], other: tuple[list[Item], Item]) -> int:
        for left, right, (_, descending) in zip(one[0], other[0], keys, strict=True):
            if left is None or right is None:
                answer = (left is None) - (right is None)
            else:
                answer = order(frame, left, right) or 0
            if answer:
                return -answer if descending else answer
        return 0

    return [item for _, item in sorted(rows, key=cmp_to_key(compared))]
