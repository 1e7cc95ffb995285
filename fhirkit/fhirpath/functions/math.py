"""Math (http://hl7.org/fhirpath/N1/#math-1)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal

from fhirkit.fhirpath.errors import EvaluationError
from fhirkit.fhirpath.frame import Collection, Frame, Item, kind_of, single, single_integer
from fhirkit.fhirpath.functions.registry import function
from fhirkit.fhirpath.quantity import Quantity

_EXACT = Context(prec=40)
_SHOWN = Context(prec=28)
#: An integer with more digits is out of the range of System.Integer anyway.
_MOST_DIGITS = 18
_LARGEST_POWER = 10_000


def _number(frame: Frame, source: Collection, name: str) -> int | Decimal | None:
    item = single(frame, source, f"{name}()")
    if item is None or (isinstance(item, int | Decimal) and not isinstance(item, bool)):
        return item
    raise EvaluationError(f"{name}(): expected a number, found {kind_of(item)}")


def _define_real(name: str, operation: Callable[[Decimal], Decimal | None]) -> None:
    def call(frame: Frame, source: Collection) -> Collection:
        value = _number(frame, source, name)
        result = None if value is None else operation(Decimal(value))
        return [] if result is None else [_SHOWN.plus(result)]

    function(name, takes="Decimal", returns="Decimal")(call)


def _bounded_exp(value: Decimal) -> Decimal | None:
    return _EXACT.exp(value) if value.adjusted() < 4 else None


_define_real("sqrt", lambda x: _EXACT.sqrt(x) if x >= 0 else None)
_define_real("exp", _bounded_exp)
_define_real("ln", lambda x: _EXACT.ln(x) if x > 0 else None)


def _define_integral(name: str, rounding: str | None) -> None:
    def call(frame: Frame, source: Collection) -> Collection:
        value = _number(frame, source, name)
        if value is None:
            return []
        if Decimal(value).adjusted() > _MOST_DIGITS:
            return []
        return [int(value) if rounding is None else int(Decimal(value).to_integral_value(rounding))]

    function(name, takes="Decimal", returns="Integer")(call)


_define_integral("ceiling", ROUND_CEILING)
_define_integral("floor", ROUND_FLOOR)
_define_integral("truncate", None)


@function("abs")
def absolute(frame: Frame, source: Collection) -> Collection:
    """Without the sign."""
    item: Item = single(frame, source, "abs()")
    if isinstance(item, Quantity):
        return [Quantity(abs(item.value), item.unit, item.calendar)]
    value = _number(frame, source, "abs")
    return [] if value is None else [abs(value)]


@function("round", 0, 1, takes="Decimal", returns="Decimal")
def rounded(frame: Frame, source: Collection, places: Collection | None = None) -> Collection:
    """Rounded to so many decimal places, halves away from zero."""
    value = _number(frame, source, "round")
    digits = 0 if places is None else single_integer(frame, places, "round()")
    if value is None or digits is None:
        return []
    if digits < 0:
        raise EvaluationError("round(): the precision must not be negative")
    if isinstance(value, int):
        return [value]
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or -exponent <= digits:
        return [value]
    return [value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, _EXACT)]


@function("log", 1, takes="Decimal", returns="Decimal")
def log(frame: Frame, source: Collection, base: Collection) -> Collection:
    """The logarithm to a base."""
    value, to_base = _number(frame, source, "log"), _number(frame, base, "log")
    if value is None or to_base is None or value <= 0 or to_base <= 0 or to_base == 1:
        return []
    quotient = _EXACT.divide(_EXACT.ln(Decimal(value)), _EXACT.ln(Decimal(to_base)))
    return [_SHOWN.plus(quotient)]


@function("power", 1, takes="Decimal")
def power(frame: Frame, source: Collection, exponent: Collection) -> Collection:
    """The power; empty when it is no real number or out of range."""
    value, by = _number(frame, source, "power"), _number(frame, exponent, "power")
    if value is None or by is None:
        return []
    base, by_whole = Decimal(value), Decimal(by).to_integral_value() == by
    power_of = Decimal(by)
    if (base < 0 and not by_whole) or (base == 0 and power_of < 0):
        return []
    if abs(power_of) > _LARGEST_POWER:
        return []
    result = _EXACT.power(base, Decimal(by)) if by != 0 else Decimal(1)
    if isinstance(value, int) and isinstance(by, int) and by >= 0:
        return [int(result)] if result.adjusted() <= _MOST_DIGITS else []
    return [_SHOWN.plus(result)]
