"""Equality, equivalence, order and duplicates (http://hl7.org/fhirpath/N1/#equality)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from decimal import Decimal
from typing import Any

from fhirkit.fhirpath import quantity as quantities
from fhirkit.fhirpath import temporal
from fhirkit.fhirpath.elements import Element
from fhirkit.fhirpath.errors import EvaluationError
from fhirkit.fhirpath.frame import Collection, Frame, Item, kind_of, to_system
from fhirkit.fhirpath.quantity import Quantity
from fhirkit.fhirpath.temporal import Temporal

_MOST_DIGITS = 400


def equal(frame: Frame, left: Collection, right: Collection) -> bool | None:
    """``=`` on collections: None when one is empty or a comparison is uncertain."""
    if not left or not right:
        return None
    if len(left) != len(right):
        return False
    frame.spend(len(left))
    uncertain = False
    for one, other in zip(left, right, strict=True):
        answer = item_equal(frame, one, other)
        if answer is False:
            return False
        uncertain = uncertain or answer is None
    return None if uncertain else True


def item_equal(frame: Frame, left: Item, right: Item) -> bool | None:
    """``=`` on two items."""
    if isinstance(left, Element) and isinstance(right, Element) and left.value is right.value:
        return True
    one, other = to_system(frame, left), to_system(frame, right)
    if isinstance(one, Element) or isinstance(other, Element):
        if isinstance(one, Element) and isinstance(other, Element):
            return bool(one.value == other.value and one.extra == other.extra)
        return False
    if isinstance(one, Temporal) and isinstance(other, Temporal):
        if (one.kind == "Time") != (other.kind == "Time"):
            return False
        order = temporal.compare(one, other)
        return None if order is None else order == 0
    if isinstance(one, Quantity) or isinstance(other, Quantity):
        return _quantity_equal(frame, one, other)
    if isinstance(one, bool) or isinstance(other, bool):
        if isinstance(one, bool) and isinstance(other, bool):
            return one is other
    elif _is_number(one) and _is_number(other):
        return bool(one == other)
    if type(one) is type(other):
        return bool(one == other)
    if isinstance(left, Element) != isinstance(right, Element) and (
        isinstance(one, str) or isinstance(other, str)
    ):
        # A FHIR primitive against a string literal: HL7's validator compares the texts.
        return text_of(one) == text_of(other)
    return False


def _quantity_equal(frame: Frame, left: Item, right: Item) -> bool | None:
    one, other = as_quantity(left), as_quantity(right)
    if one is None or other is None:
        return False
    order = quantities.compare(one, other, frame.environment.units)
    if order is not None:
        return order == 0
    mine = quantities.measured(one, frame.environment.units)
    theirs = quantities.measured(other, frame.environment.units)
    if mine is None or theirs is None:
        return None
    # Units of different kinds are unequal; a calendar month and UCUM's `mo` are undecided.
    calendar = {("calendar month", 1)} & {*mine[1], *theirs[1]}
    return None if calendar and {("s", 1)} & {*mine[1], *theirs[1]} else False


def as_quantity(item: Item) -> Quantity | None:
    """A quantity, or a number as one of unit ``1``."""
    if isinstance(item, Quantity):
        return item
    return Quantity(Decimal(item), "1") if _is_number(item) else None


def _is_number(item: Item) -> bool:
    return isinstance(item, int | Decimal) and not isinstance(item, bool)


def text_of(item: Item) -> str:
    """The text of a System value, as toString() gives it."""
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, Decimal):
        # Plain digits, unless there would be an absurd number of them.
        return format(item, "f") if abs(item.adjusted()) < _MOST_DIGITS else str(item)
    return str(item)


def equivalent(frame: Frame, left: Collection, right: Collection) -> bool:
    """``~`` on collections: two empty ones are equivalent, order does not count."""
    if len(left) != len(right):
        return False
    if len(left) == 1:
        return item_equivalent(frame, left[0], right[0])
    rest = list(right)
    for item in left:
        for position, candidate in enumerate(rest):
            frame.spend()
            if item_equivalent(frame, item, candidate):
                del rest[position]
                break
        else:
            return False
    return True


def item_equivalent(frame: Frame, left: Item, right: Item) -> bool:
    """``~`` on two items."""
    one, other = to_system(frame, left), to_system(frame, right)
    if isinstance(one, Element) and isinstance(other, Element):
        return _like(one.value, other.value)
    if isinstance(one, str) and isinstance(other, str):
        return _folded(one) == _folded(other)
    if isinstance(one, Temporal) and isinstance(other, Temporal):
        if (one.kind == "Time") != (other.kind == "Time"):
            return False
        return temporal.compare(one, other) == 0
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if _is_number(one) and _is_number(other):
        return quantities.near(Decimal(one), Decimal(other))
    if isinstance(one, Quantity) or isinstance(other, Quantity):
        first, second = as_quantity(one), as_quantity(other)
        if first is None or second is None:
            return False
        return quantities.equivalent(first, second, frame.environment.units)
    return item_equal(frame, left, right) is True


def _like(left: Any, right: Any) -> bool:
    """Equivalence of JSON values: ids are ignored, strings compared without case."""
    if isinstance(left, dict) and isinstance(right, dict):
        names = (left.keys() | right.keys()) - {"id"}
        return all(n in left and n in right and _like(left[n], right[n]) for n in names)
    if isinstance(left, list) and isinstance(right, list):
        rest = list(right)
        for item in left:
            match = next((i for i, each in enumerate(rest) if _like(item, each)), None)
            if match is None:
                return False
            del rest[match]
        return not rest
    if isinstance(left, str) and isinstance(right, str):
        return _folded(left) == _folded(right)
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | Decimal) and isinstance(right, int | Decimal):
        return quantities.near(Decimal(left), Decimal(right))
    return bool(left == right)


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def order(frame: Frame, left: Item, right: Item) -> int | None:
    """-1, 0 or 1 for ``<``, ``>`` and sort; None when uncertain."""
    if isinstance(left, str) and isinstance(right, str):
        return (left > right) - (left < right)
    if _is_number(left) and _is_number(right):
        return int(left > right) - int(left < right)
    if (
        isinstance(left, Temporal)
        and isinstance(right, Temporal)
        and (left.kind == "Time") == (right.kind == "Time")
    ):
        return temporal.compare(left, right)
    if isinstance(left, Quantity) or isinstance(right, Quantity):
        one, other = as_quantity(left), as_quantity(right)
        if one is not None and other is not None:
            return quantities.compare(one, other, frame.environment.units)
    raise EvaluationError(f"{kind_of(left)} and {kind_of(right)} have no order")


def identity(frame: Frame, item: Item) -> Hashable:
    """A key that two items share exactly when they are equal: duplicates in linear time."""
    value = to_system(frame, item)
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, str):
        return value
    if isinstance(value, int | Decimal):
        return ("number", value)
    if isinstance(value, Temporal):
        return ("temporal", *temporal.key(value))
    if isinstance(value, Quantity):
        base = quantities.measured(value, frame.environment.units)
        return ("quantity", *(base or (value.value, value.unit)))
    if isinstance(value, Element):
        return ("element", frozen(value.value), frozen(value.extra))
    return ("other", value)


def frozen(value: Any) -> Hashable:
    """A JSON value as something hashable that is equal when the value is."""
    if isinstance(value, dict):
        return frozenset((name, frozen(each)) for name, each in value.items())
    if isinstance(value, list):
        return tuple(frozen(each) for each in value)
    return (type(value) is bool, value)


def distinct(frame: Frame, items: Iterable[Item]) -> Collection:
    """Each item once, in the order of first appearance."""
    found: dict[Hashable, Item] = {}
    for item in items:
        frame.spend()
        found.setdefault(identity(frame, item), item)
    return list(found.values())
