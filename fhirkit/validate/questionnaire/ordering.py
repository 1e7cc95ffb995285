"""Which of two answers is larger: numbers, dates, times, texts and quantities."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from fhirkit.fhirpath.units import CommonUnits

_START = "0001-01-01T00:00:00"
_UCUM = "http://unitsofmeasure.org"
_UNITS = CommonUnits()
_MAX_DIGITS = 400


def compare(kind: str, left: Any, right: Any) -> int | None:
    """Negative, 0 or positive; None when the two cannot be compared."""
    one, other = _key(kind, left), _key(kind, right)
    if one is None or other is None:
        return None
    if kind == "Quantity":
        if one[1] != other[1]:
            return None
        one, other = one[0], other[0]
    return int(one > other) - int(one < other)


def _key(kind: str, value: Any) -> Any:
    if kind in ("integer", "decimal"):
        return number(value)
    if kind in ("date", "dateTime"):
        return _moment(value)
    if kind == "Quantity":
        return _measure(value)
    return value if isinstance(value, str) else None


def number(value: Any) -> Decimal | None:
    """A JSON number; a float, as dicts made in code have, as it is written."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def _moment(value: Any) -> datetime | None:
    """The first instant that a date may mean; without a zone it is read as UTC."""
    if not isinstance(value, str):
        return None
    padded = value if "T" in value else value + _START[len(value) :]
    try:
        moment = datetime.fromisoformat(padded)
        if moment.tzinfo is None:
            return moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _measure(value: Any) -> tuple[Any, Any] | None:
    """The size in base units, and what is measured; only formal (UCUM) units can tell."""
    if not isinstance(value, dict):
        return None
    amount, code, system = number(value.get("value")), value.get("code"), value.get("system")
    if amount is None or not amount.is_finite() or abs(amount.adjusted()) > _MAX_DIGITS:
        return None  # an exact fraction of a number of a thousand digits would fill the memory
    if not isinstance(code, str) or not isinstance(system, str):
        return None
    measured = _UNITS.measure(code) if system == _UCUM else None
    if measured is None:
        return Fraction(amount), (system, code)
    return Fraction(amount) * measured[0], measured[1]
