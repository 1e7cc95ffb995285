"""Conversion (http://hl7.org/fhirpath/N1/#conversion): toX() and convertsToX()."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

from fhirkit.fhirpath.elements import Element
from fhirkit.fhirpath.equality import text_of
from fhirkit.fhirpath.errors import EvaluationError
from fhirkit.fhirpath.frame import Collection, Evaluate, Frame, Item, single, single_string, truth
from fhirkit.fhirpath.functions.registry import function
from fhirkit.fhirpath.quantity import Quantity
from fhirkit.fhirpath.temporal import Kind, Temporal, read

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,100}(\.[0-9]{1,100})?")
_QUANTITY = re.compile(
    r"(?P<value>[+-]?[0-9]{1,100}(?:\.[0-9]{1,100})?)\s*"
    r"(?:'(?P<unit>[^']+)'|(?P<word>(?:year|month|week|day|hour|minute|second|millisecond)s?))?"
)
_TRUE = frozenset({"true", "t", "yes", "y", "1", "1.0"})
_FALSE = frozenset({"false", "f", "no", "n", "0", "0.0"})


def _boolean(item: Item) -> bool | None:
    if isinstance(item, bool):
        return item
    if isinstance(item, int | Decimal):
        return {0: False, 1: True}.get(int(item)) if item in (0, 1) else None
    if isinstance(item, str):
        lowered = item.lower()
        return True if lowered in _TRUE else False if lowered in _FALSE else None
    return None


def _integer(item: Item) -> int | None:
    if isinstance(item, int):
        return int(item)
    return int(item) if isinstance(item, str) and _INTEGER.fullmatch(item) else None


def _decimal(item: Item) -> Decimal | None:
    if isinstance(item, int | Decimal):
        return Decimal(item)
    return Decimal(item) if isinstance(item, str) and _DECIMAL.fullmatch(item) else None


def _string(item: Item) -> str | None:
    return None if isinstance(item, Element) else text_of(item)


def _quantity(item: Item) -> Quantity | None:
    if isinstance(item, Quantity):
        return item
    if isinstance(item, int | Decimal):
        value = Decimal("1.0" if item else "0.0") if isinstance(item, bool) else Decimal(item)
        return Quantity(value, "1")
    match = _QUANTITY.fullmatch(item) if isinstance(item, str) else None
    if match is None:
        return None
    unit = match["unit"] or match["word"] or "1"
    return Quantity(Decimal(match["value"]), unit, calendar=match["word"] is not None)


def _temporal(kind: Kind) -> Callable[[Item], Temporal | None]:
    def convert(item: Item) -> Temporal | None:
        if isinstance(item, Temporal):
            if item.kind == kind:
                return item
            if "Time" in (kind, item.kind):
                return None
            parts = item.parts[:3] if kind == "Date" else item.parts
            return (
                Temporal(kind, parts) if kind == "Date" else Temporal(kind, parts, zone=item.zone)
            )
        return read(item, kind) if isinstance(item, str) else None

    return convert


def _define(name: str, convert: Callable[[Item], Item | None]) -> None:
    def to(frame: Frame, source: Collection) -> Collection:
        item = single(frame, source, f"to{name}()")
        value = None if item is None else convert(item)
        return [] if value is None else [value]

    def converts(frame: Frame, source: Collection) -> Collection:
        item = single(frame, source, f"convertsTo{name}()")
        return [] if item is None else [convert(item) is not None]

    function(f"to{name}", returns=name)(to)
    function(f"convertsTo{name}", returns="Boolean")(converts)


_define("Boolean", _boolean)
_define("Integer", _integer)
_define("Long", _integer)
_define("Decimal", _decimal)
_define("String", _string)
_define("Date", _temporal("Date"))
_define("DateTime", _temporal("DateTime"))
_define("Time", _temporal("Time"))


@function("toQuantity", 0, 1, returns="Quantity")
def to_quantity(frame: Frame, source: Collection, unit: Collection | None = None) -> Collection:
    """A number or text as a quantity, converted to a unit when one is given."""
    item = single(frame, source, "toQuantity()")
    value = None if item is None else _quantity(item)
    wanted = None if unit is None else single_string(frame, unit, "toQuantity()")
    if value is None:
        return []
    return [value] if wanted is None else _in_unit(frame, value, wanted)


def _in_unit(frame: Frame, value: Quantity, unit: str) -> Collection:
    if value.unit == unit:
        return [value]
    have, want = (frame.environment.units.measure(x) for x in (value.unit, unit))
    if have is None or want is None or have[1] != want[1]:
        return []
    ratio = have[0] / want[0]
    return [Quantity(value.value * ratio.numerator / ratio.denominator, unit)]


@function("convertsToQuantity", 0, 1, returns="Boolean")
def converts_to_quantity(
    frame: Frame, source: Collection, unit: Collection | None = None
) -> Collection:
    """Whether toQuantity() gives a value."""
    return [bool(to_quantity(frame, source, unit))] if source else []


@function("iif", 2, 3, lazy=True)
def iif(
    frame: Frame,
    source: Collection,
    condition: Evaluate,
    then: Evaluate,
    otherwise: Evaluate | None = None,
) -> Collection:
    """One of two values; the other is not evaluated."""
    if len(source) > 1:
        raise EvaluationError(f"iif(): expected one item, found {len(source)}")
    this = frame.this
    frame.this = source
    try:
        if truth(frame, condition(frame, source), "iif()"):
            return then(frame, source)
        return [] if otherwise is None else otherwise(frame, source)
    finally:
        frame.this = this
