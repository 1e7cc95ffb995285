"""The operators ``+ - * / div mod &`` (http://hl7.org/fhirpath/N1/#math)."""

from __future__ import annotations

from decimal import Decimal

from fhirkit.fhirpath import quantity as quantities
from fhirkit.fhirpath import temporal
from fhirkit.fhirpath.elements import Element
from fhirkit.fhirpath.errors import EvaluationError
from fhirkit.fhirpath.frame import Collection, Frame, Item, kind_of, single, single_string
from fhirkit.fhirpath.quantity import Quantity
from fhirkit.fhirpath.temporal import Temporal

#: Beyond this an integer overflows and the result is empty.
_MAX_INTEGER = 2**63
_MAX_TEXT = 10_000_000


def arithmetic(frame: Frame, operator: str, left: Collection, right: Collection) -> Collection:
    """The value of ``left operator right``; empty when an operand is."""
    if operator == "&":
        one = single_string(frame, left, "&") or ""
        other = single_string(frame, right, "&") or ""
        return [text(frame, one + other)]
    if not left or not right:
        return []
    first, second = single(frame, left, operator), single(frame, right, operator)
    for operand in (first, second):
        if isinstance(operand, Element) and operand.value is None:
            return []
    result = _apply(frame, operator, first, second)
    return [] if result is None else [result]


def _apply(frame: Frame, operator: str, left: Item, right: Item) -> Item | None:
    if _is_number(left) and _is_number(right):
        return number(_NUMERIC[operator](left, right))
    if isinstance(left, str) and isinstance(right, str) and operator == "+":
        return text(frame, left + right)
    if isinstance(left, Temporal) and isinstance(right, Quantity) and operator in "+-":
        return _moved(left, right, 1 if operator == "+" else -1)
    if isinstance(left, Quantity) or isinstance(right, Quantity):
        return _quantities(frame, operator, left, right)
    raise EvaluationError(f"{kind_of(left)} {operator} {kind_of(right)} is not defined")


def _is_number(item: Item) -> bool:
    return isinstance(item, int | Decimal) and not isinstance(item, bool)


def number(value: int | Decimal | None) -> int | Decimal | None:
    """A numeric result, or None when an integer overflowed."""
    return None if isinstance(value, int) and abs(value) >= _MAX_INTEGER else value


def text(frame: Frame, value: str) -> str:
    """A string result, paid for by its length: repeated doubling is a way to exhaust memory."""
    frame.spend(len(value) // 64)
    if len(value) > _MAX_TEXT:
        raise EvaluationError("a string grew too long")
    return value


def _divide(left: int | Decimal, right: int | Decimal) -> Decimal | None:
    return None if right == 0 else Decimal(left) / Decimal(right)


def _div(left: int | Decimal, right: int | Decimal) -> int | None:
    if right == 0:
        return None
    quotient = Decimal(left) // Decimal(right)
    return None if quotient.adjusted() > 20 else int(quotient)


def _mod(left: int | Decimal, right: int | Decimal) -> int | Decimal | None:
    if right == 0:
        return None
    rest = Decimal(left) % Decimal(right)
    return int(rest) if isinstance(left, int) and isinstance(right, int) else rest


_NUMERIC = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": _divide,
    "div": _div,
    "mod": _mod,
}


def _moved(moment: Temporal, amount: Quantity, sign: int) -> Temporal | None:
    word = amount.word
    if word is None or (not amount.calendar and amount.unit in ("a", "mo")):
        raise EvaluationError(f"a {moment.kind} cannot be moved by {amount.unit!r}")
    if abs(amount.value.adjusted()) > 15:
        return None
    if moment.kind == "Time" and word in ("year", "month"):
        raise EvaluationError(f"a Time cannot be moved by {amount.unit!r}")
    return temporal.add(moment, amount.value * sign, word)


def _quantities(frame: Frame, operator: str, left: Item, right: Item) -> Item | None:
    units = frame.environment.units
    one = (
        left
        if isinstance(left, Quantity)
        else Quantity(Decimal(left), "1")
        if _is_number(left)
        else None
    )
    other = (
        right
        if isinstance(right, Quantity)
        else Quantity(Decimal(right), "1")
        if _is_number(right)
        else None
    )
    if one is None or other is None or operator not in ("+", "-", "*", "/"):
        raise EvaluationError(f"{kind_of(left)} {operator} {kind_of(right)} is not defined")
    if operator == "*":
        return quantities.multiply(one, other, units)
    if operator == "/":
        return quantities.divide(one, other, units)
    if operator == "-":
        other = Quantity(-other.value, other.unit, other.calendar)
    return quantities.add(one, other, units)


def negated(frame: Frame, collection: Collection) -> Collection:
    """``-x``."""
    item = single(frame, collection, "-")
    if item is None:
        return []
    if isinstance(item, Quantity):
        return [Quantity(-item.value, item.unit, item.calendar)]
    if _is_number(item):
        return [-item]
    raise EvaluationError(f"-: expected a number, found {kind_of(item)}")
