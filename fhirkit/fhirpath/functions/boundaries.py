"""lowBoundary(), highBoundary(), precision() and comparable() (http://hl7.org/fhirpath/#lowboundary).

Precision counts digits: 4 is a year, 6 a month, 8 a day, 17 a moment with milliseconds.
"""

from __future__ import annotations

from calendar import monthrange
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal

from fhirkit.fhirpath import quantity as quantities
from fhirkit.fhirpath.elements import Element
from fhirkit.fhirpath.errors import EvaluationError
from fhirkit.fhirpath.frame import Collection, Frame, Item, kind_of, single, single_integer
from fhirkit.fhirpath.functions.registry import function
from fhirkit.fhirpath.quantity import Quantity
from fhirkit.fhirpath.temporal import Temporal

_MOST_PLACES = 28
_WIDE = Context(prec=80)
_EAST, _WEST = 14 * 60, -12 * 60
# Digits of precision → number of parts.
_DATE_PARTS = {4: 1, 6: 2, 8: 3, 10: 4, 12: 5, 14: 6, 17: 6}
_TIME_PARTS = {2: 1, 4: 2, 6: 3, 9: 3}


@function("lowBoundary", 0, 1)
def low_boundary(frame: Frame, source: Collection, digits: Collection | None = None) -> Collection:
    """The least value the input may stand for."""
    return _boundary(frame, source, digits, high=False)


@function("highBoundary", 0, 1)
def high_boundary(frame: Frame, source: Collection, digits: Collection | None = None) -> Collection:
    """The greatest value the input may stand for."""
    return _boundary(frame, source, digits, high=True)


def _boundary(
    frame: Frame, source: Collection, digits: Collection | None, *, high: bool
) -> Collection:
    item = single(frame, source, "boundary")
    wanted = None if digits is None else single_integer(frame, digits, "boundary")
    result: Item | None
    if item is None or (isinstance(item, Element) and item.value is None):
        return []
    if isinstance(item, Quantity):
        value = _decimal(item.value, wanted, high=high)
        result = None if value is None else Quantity(value, item.unit, item.calendar)
    elif isinstance(item, int | Decimal) and not isinstance(item, bool):
        result = _decimal(Decimal(item), wanted, high=high)
    elif isinstance(item, Temporal):
        result = _temporal(item, wanted, high=high)
    else:
        raise EvaluationError(f"{kind_of(item)} has no boundaries")
    return [] if result is None else [result]


def _decimal(value: Decimal, places: int | None, *, high: bool) -> Decimal | None:
    """Half a unit of the last digit away, cut (towards zero) or rounded (away) to the places."""
    exponent = value.as_tuple().exponent
    wanted = 8 if places is None else places
    if not isinstance(exponent, int) or not 0 <= wanted <= _MOST_PLACES:
        return None
    if abs(value.adjusted()) > _MOST_PLACES or exponent < -_MOST_PLACES:
        return None
    half = Decimal(5).scaleb(min(exponent, 0) - 1)
    edge = value + half if high else value - half
    outward = high == (value > 0) if value else True
    rounding = ROUND_HALF_UP if outward else ROUND_DOWN
    return edge.quantize(Decimal(1).scaleb(-wanted), rounding, _WIDE)


def _temporal(value: Temporal, digits: int | None, *, high: bool) -> Temporal | None:
    if value.kind == "Time":
        table, default = _TIME_PARTS, 9
    else:
        table, default = _DATE_PARTS, 8 if value.kind == "Date" else 17
    wanted = default if digits is None else digits
    size = table.get(wanted)
    if size is None:
        return None
    parts = list(value.parts)
    offset = 0 if value.kind == "Time" else 3
    if len(parts) == offset + 1 and size > len(parts):
        # FHIR has no time without minutes: an hour alone is read as the full hour.
        parts.append(0)
    while len(parts) < size:
        parts.append(_fill(parts, offset, high=high))
    shown = tuple(parts[:size])
    if wanted not in (9, 17):
        zone = value.zone if size > 3 else None
        kind = "Date" if offset and size <= 3 and value.kind == "Date" else value.kind
        return Temporal(kind, shown, zone=zone)
    known = len(value.parts) == offset + 3
    if known and value.digits:
        scale = Decimal(5).scaleb(-value.digits - 1) if value.digits < 3 else Decimal(0)
        fraction = (value.fraction + (2 * scale if high else 0)).quantize(
            Decimal("0.001"), ROUND_DOWN
        )
        if high and value.digits < 3:
            fraction -= Decimal("0.001")
    else:
        fraction = Decimal("0.999") if high else Decimal(0)
    zone = value.zone
    if zone is None and offset:
        zone = _WEST if high else _EAST
    return Temporal(value.kind if value.kind == "Time" else "DateTime", shown, fraction, 3, zone)


def _fill(parts: list[int], offset: int, *, high: bool) -> int:
    position = len(parts) + (3 if offset == 0 else 0)
    if position == 1:
        return 12 if high else 1
    if position == 2:
        return monthrange(parts[0], parts[1])[1] if high else 1
    return (23 if position == 3 else 59) if high else 0


@function("precision", returns="Integer")
def precision(frame: Frame, source: Collection) -> Collection:
    """How many digits are given."""
    item = single(frame, source, "precision()")
    if item is None:
        return []
    if isinstance(item, Temporal):
        digits = 2 * len(item.parts) + (0 if item.kind == "Time" else 2)
        return [digits + (3 if item.digits else 0)]
    if isinstance(item, Decimal):
        exponent = item.as_tuple().exponent
        return [-exponent if isinstance(exponent, int) and exponent < 0 else 0]
    if isinstance(item, int) and not isinstance(item, bool):
        return [0]
    raise EvaluationError(f"{kind_of(item)} has no precision")


@function("comparable", 1, returns="Boolean")
def comparable(frame: Frame, source: Collection, other: Collection) -> Collection:
    """Whether the units of two quantities measure the same thing."""
    one, two = single(frame, source, "comparable()"), single(frame, other, "comparable()")
    if not isinstance(one, Quantity) or not isinstance(two, Quantity):
        return []
    return [quantities.comparable(one, two, frame.environment.units)]
