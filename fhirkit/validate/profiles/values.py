"""Fixed values, patterns and limits (https://hl7.org/fhir/R4/elementdefinition.html).

A fixed value must be met exactly, nothing more and nothing less. A pattern must be contained:
what it names must be there, and each entry of its lists must match some entry of the value's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from fhirkit.core.jsonio import dumps, loads
from fhirkit.schema.model import TypedValue
from fhirkit.terminology.ucum import UnitError, convert, convertible

UCUM = "http://unitsofmeasure.org"
#: An element may have an id, whatever its value has to be.
_IDENTITY = frozenset({"id"})
#: The way to a part of a value: property names and list places.
Way = tuple[str | int, ...]

_NUMBERS = frozenset({"Decimal", "Integer", "PositiveInt", "UnsignedInt", "Integer64"})
_TIMES = frozenset({"Date", "DateTime", "Instant", "Time"})


@lru_cache(maxsize=4096)
def parsed(value: TypedValue) -> Any:
    """The value itself; it is shared, so it must not be changed."""
    return loads(value.json)


def is_exactly(expected: Any, actual: Any) -> bool:
    """Whether two values are the same: decimals to the digit, objects in any order, ids aside."""
    return next(differences(expected, actual, pattern=False), None) is None


def matches(pattern: Any, actual: Any) -> bool:
    """Whether a value holds everything that the pattern names."""
    if isinstance(pattern, dict):
        return isinstance(actual, dict) and all(
            key in actual and matches(one, actual[key]) for key, one in pattern.items()
        )
    if isinstance(pattern, list):
        return isinstance(actual, list) and all(
            any(matches(one, other) for other in actual) for one in pattern
        )
    return _same_primitive(pattern, actual)


def differences(
    expected: Any, actual: Any, *, pattern: bool, way: Way = ()
) -> Iterator[tuple[Way, str]]:
    """Where a value is not the fixed one, or lacks what a pattern names, and in words how."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key, one in expected.items():
            if key not in actual:
                # Of a list the entries are missing, not the list: that is said of what holds it.
                yield way if isinstance(one, list) else (*way, key), f"{key} is missing"
            else:
                yield from differences(one, actual[key], pattern=pattern, way=(*way, key))
        for key in () if pattern else actual.keys() - expected.keys() - _IDENTITY:
            place = way if key == "extension" else (*way, key)
            yield place, f"{key} is there and must not be"
    elif isinstance(expected, list) and isinstance(actual, list):
        yield from _list_differences(expected, actual, pattern=pattern, way=way)
    elif not _same_primitive(expected, actual):
        yield way, "the value is another"


def _list_differences(
    expected: list[Any], actual: list[Any], *, pattern: bool, way: Way
) -> Iterator[tuple[Way, str]]:
    if pattern:
        for one in expected:
            if not any(matches(one, other) for other in actual):
                yield way[:-1], f"{way[-1] if way else 'the list'} lacks {_shown(one)}"
    elif len(expected) != len(actual):
        name = way[-1] if way else "the list"
        yield way[:-1], f"{name} has {len(actual)} entries instead of {len(expected)}"
    else:
        for index, (one, other) in enumerate(zip(expected, actual, strict=True)):
            yield from differences(one, other, pattern=pattern, way=(*way, index))


def compare(limit: TypedValue, actual: Any) -> int | None:
    """Negative, zero or positive as the value is less than, equal to or more than a limit.

    None when they cannot be compared: other units, other precision, a limit relative to today.
    """
    bound = parsed(limit)
    if limit.type in _NUMBERS:
        return _order(_number(actual), _number(bound))
    if limit.type in _TIMES and isinstance(bound, str) and isinstance(actual, str):
        return _order_times(actual, bound)
    if limit.type == "Quantity" and isinstance(bound, dict) and isinstance(actual, dict):
        return _order_quantities(actual, bound)
    return None


def is_of_another_kind(limit: TypedValue, actual: Any) -> bool:
    """Whether a quantity is in a unit of UCUM that the limit's cannot be converted to."""
    bound = parsed(limit)
    if limit.type != "Quantity" or not isinstance(bound, dict) or not isinstance(actual, dict):
        return False
    if {bound.get("system"), actual.get("system")} != {UCUM} or _number(
        actual.get("value")
    ) is None:
        return False
    one, other = actual.get("code"), bound.get("code")
    return isinstance(one, str) and isinstance(other, str) and not convertible(one, other)


def _order_quantities(one: dict[str, Any], other: dict[str, Any]) -> int | None:
    """Of the same unit, or of units that UCUM converts into each other."""
    system, code = other.get("system"), other.get("code")
    if system is None or code is None or one.get("system") != system:
        return None
    value, unit = _number(one.get("value")), one.get("code")
    if value is None or unit == code:
        return _order(value, _number(other.get("value"))) if unit == code else None
    if system != UCUM or not isinstance(unit, str):
        return None
    try:
        converted, bound = convert(value, unit, str(code)), _number(other.get("value"))
    except UnitError:
        return None
    return None if bound is None else (converted > bound) - (converted < bound)


def _same_primitive(expected: Any, actual: Any) -> bool:
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if isinstance(expected, Decimal) and isinstance(actual, Decimal):
        # By value and digits: `1.0` is not `1.00`, but `1.0E2` is `1.0e+2`.
        return expected.as_tuple() == actual.as_tuple()
    if isinstance(expected, int | float | Decimal) and isinstance(actual, int | float | Decimal):
        return str(expected) == str(actual)
    return type(expected) is type(actual) and expected == actual


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


def _order(one: Decimal | None, other: Decimal | None) -> int | None:
    if one is None or other is None or one.is_nan() or other.is_nan():
        return None
    return (one > other) - (one < other)


def _order_times(one: str, other: str) -> int | None:
    """Times of the same precision and zone compare as texts; shorter ones by what both have."""
    zone = re.compile(r"(Z|[+-]\d\d:\d\d)$")
    if "T" in one and "T" in other:
        mine, theirs = zone.search(one), zone.search(other)
        if (mine and mine[0]) != (theirs and theirs[0]):
            from datetime import datetime

            try:
                first, second = datetime.fromisoformat(one), datetime.fromisoformat(other)
                return (first > second) - (first < second)
            except (TypeError, ValueError):
                return None
    length = min(len(one), len(other))
    if one[:length] == other[:length]:
        return 0 if len(one) == len(other) else None
    return 1 if one[:length] > other[:length] else -1


def _shown(value: Any) -> str:
    text = dumps(value, indent=False)
    return text if len(text) <= 120 else f"{text[:117]}..."
