"""Quantities: a number with a unit, compared and combined by exact factors.

http://hl7.org/fhirpath/N1/#quantity. A calendar year or month is no fixed number of days, so it
is neither equal nor unequal to UCUM's ``a`` or ``mo``.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import msgspec

from fhirkit.fhirpath.units import Dimension, UnitConverter

_CALENDAR = {
    "week": "wk",
    "day": "d",
    "hour": "h",
    "minute": "min",
    "second": "s",
    "millisecond": "ms",
}
#: UCUM's definite durations by the calendar word for them.
WORD_OF_UCUM = {code: word for word, code in _CALENDAR.items()}
_VARIABLE = frozenset({"year", "month"})
_LARGEST_EXPONENT = 400


class Quantity(msgspec.Struct, frozen=True):
    """``calendar`` tells that the unit is a word (``days``) and not a code (``'d'``)."""

    value: Decimal
    unit: str
    calendar: bool = False

    def __str__(self) -> str:
        return f"{self.value} {self.unit}" if self.calendar else f"{self.value} '{self.unit}'"

    @property
    def word(self) -> str | None:
        """The calendar word for the unit, in the singular, or None."""
        singular = self.unit.removesuffix("s") if len(self.unit) > 2 else self.unit
        if singular in _CALENDAR or singular in _VARIABLE:
            return singular
        return WORD_OF_UCUM.get(self.unit)


def measured(quantity: Quantity, units: UnitConverter) -> tuple[Fraction, Dimension] | None:
    """The quantity in base units, or None when its unit is unknown or its number out of bounds."""
    unit, word = quantity.unit, quantity.word
    if quantity.calendar and word is not None:
        if word in _VARIABLE:
            factor = Fraction(12 if word == "year" else 1)
            return (_fraction(quantity.value) * factor, (("calendar month", 1),))
        unit = _CALENDAR[word]
    known = units.measure(unit)
    if known is None or abs(quantity.value.adjusted()) > _LARGEST_EXPONENT:
        return None
    return _fraction(quantity.value) * known[0], known[1]


def _fraction(value: Decimal) -> Fraction:
    return Fraction(value) if abs(value.adjusted()) <= _LARGEST_EXPONENT else Fraction(0)


def compare(left: Quantity, right: Quantity, units: UnitConverter) -> int | None:
    """-1, 0 or 1; None when the units cannot be compared."""
    if left.unit == right.unit and left.calendar == right.calendar:
        return (left.value > right.value) - (left.value < right.value)
    one, other = measured(left, units), measured(right, units)
    if one is None or other is None or one[1] != other[1]:
        return None
    return (one[0] > other[0]) - (one[0] < other[0])


def comparable(left: Quantity, right: Quantity, units: UnitConverter) -> bool:
    """Whether the units measure the same thing."""
    if left.unit == right.unit:
        return True
    one, other = units.measure(left.unit), units.measure(right.unit)
    return one is not None and other is not None and one[1] == other[1]


def equivalent(left: Quantity, right: Quantity, units: UnitConverter) -> bool:
    """Equal after rounding to the precision of the less precise number (``~``)."""
    if left.unit == right.unit:
        return near(left.value, right.value)
    one, other = _lenient(left), _lenient(right)
    if one == other:
        return near(left.value, right.value)
    mine, theirs = units.measure(one), units.measure(other)
    if mine is None or theirs is None or mine[1] != theirs[1]:
        return False
    # Compare in the unit of each: 4 'g' is as precise as its one digit says.
    ratio = mine[0] / theirs[0]
    converted = left.value * ratio.numerator / ratio.denominator
    back = right.value * ratio.denominator / ratio.numerator
    return near(left.value, back) or near(converted, right.value)


def _lenient(quantity: Quantity) -> str:
    word = quantity.word
    if word is None:
        return quantity.unit
    return {"year": "a", "month": "mo"}.get(word) or _CALENDAR[word]


def near(left: Decimal, right: Decimal) -> bool:
    """Decimal equivalence: equal at the precision of the less precise operand."""
    digits = min(_places(left), _places(right))
    return round(left, digits) == round(right, digits)


def _places(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def multiply(left: Quantity, right: Quantity, units: UnitConverter) -> Quantity | None:
    """The product; None when a unit is unknown."""
    return _combined(left, right, units, "*")


def divide(left: Quantity, right: Quantity, units: UnitConverter) -> Quantity | None:
    """The quotient; None when a unit is unknown or the divisor is zero."""
    return None if right.value == 0 else _combined(left, right, units, "/")


def _combined(left: Quantity, right: Quantity, units: UnitConverter, how: str) -> Quantity | None:
    value = left.value * right.value if how == "*" else left.value / right.value
    one = "1" if left.unit == "1" else _code(left)
    other = "1" if right.unit == "1" else _code(right)
    if other == "1":
        return Quantity(value, one)
    if one == "1" and how == "*":
        return Quantity(value, other)
    if units.measure(one) is None or units.measure(other) is None:
        return None
    if one == other and how == "/":
        return Quantity(value, "1")
    joined = f"({one}).({other})" if how == "*" else f"({one})/({other})"
    return Quantity(
        value, joined if any(c in one + other for c in "./") else joined.translate(_BARE)
    )


_BARE = str.maketrans("", "", "()")


def add(left: Quantity, right: Quantity, units: UnitConverter) -> Quantity | None:
    """The sum in the unit of the left operand; None when the units cannot be compared."""
    if left.unit == right.unit:
        return Quantity(left.value + right.value, left.unit, left.calendar)
    one, other = (
        measured(Quantity(Decimal(1), left.unit, left.calendar), units),
        measured(right, units),
    )
    if one is None or other is None or one[1] != other[1]:
        return None
    converted = other[0] / one[0]
    number = Decimal(converted.numerator) / Decimal(converted.denominator)
    return Quantity(left.value + number, left.unit, left.calendar)


def _code(quantity: Quantity) -> str:
    word = quantity.word if quantity.calendar else None
    return quantity.unit if word is None else _CALENDAR.get(word, quantity.unit)
