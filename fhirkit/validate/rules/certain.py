"""Primitive values that are right for certain: a quick yes, or "look closer".

One test a primitive type, in terms of what Python does fast. Each accepts a part of what
``primitive`` accepts in any version of FHIR, never more; a property test holds the two together,
so whoever makes ``primitive`` stricter hears of it here. Types that are rare have no quick test.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from fhirkit.core.jsonio import FhirDecimal
from fhirkit.schema.model import PrimitiveSchema

#: True only for a value that the complete check lets pass.
Certain = Callable[[Any], bool]

# https://hl7.org/fhir/R4/datatypes.html#string: 1 MB; the complete check tells the exact limit.
_LONG = 1 << 20
_MAX_DIGITS = 18

# Days that the months have; the 29th of February is for the calendar to judge.
_DAY = (
    "(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31"
)
_CLOCK = "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_TIME = rf"T{_CLOCK}(?:\.[0-9]{{1,9}})?"
_ZONE = r"(?:Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9])"
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_YEAR = "(?:19|20)[0-9][0-9]"
_date = re.compile(rf"{_YEAR}(?:-(?:{_DAY}|0[1-9]|1[0-2]))?").fullmatch
_date_time = re.compile(rf"{_YEAR}(?:-(?:(?:{_DAY})(?:{_TIME}{_ZONE})?|0[1-9]|1[0-2]))?").fullmatch
_clock = re.compile(_CLOCK).fullmatch
_instant = re.compile(rf"{_YEAR}-(?:{_DAY}){_TIME}{_ZONE}").fullmatch
_id = re.compile(r"[A-Za-z0-9.-]{1,64}").fullmatch


def text(value: str) -> bool:
    """Something to read, in printable characters and line ends."""
    if not value.isprintable():
        value = value.replace("\n", "").replace("\r", "").replace("\t", "")
        if not value.isprintable():
            return False
    return not value.isspace() and 0 < len(value) < _LONG


def word(value: str) -> bool:
    """ASCII without white space: a code as most are."""
    return value.isascii() and value.isprintable() and " " not in value and 0 < len(value) < _LONG


def uri(value: str) -> bool:
    """A URI of no scheme that has a form of its own."""
    return word(value) and not value.startswith(("urn:", "oid:", "uuid:"))


def canonical(value: str) -> bool:
    """An absolute http(s) URL."""
    return value.startswith(("http://", "https://")) and word(value)


def base64(value: str) -> bool:
    """Base64 in one piece, whole groups of four, padded at the end."""
    if not value.isascii() or not value or len(value) % 4:
        return False
    body = value.rstrip("=")
    return len(value) - len(body) <= 2 and not body.encode().translate(None, _BASE64)


def boolean(value: Any) -> bool:
    """True or false."""
    return value is True or value is False


def decimal(value: Any) -> bool:
    """A number whose digits can be kept."""
    kind = value.__class__
    if kind is int:
        return True
    return (
        (kind is Decimal or kind is FhirDecimal)
        and value.is_finite()
        and len(value.as_tuple().digits) <= _MAX_DIGITS
    )


def _within(low: int, high: int) -> Certain:
    def test(value: Any) -> bool:
        return value.__class__ is int and low <= value <= high

    return test


def _matching(match: Callable[[str], Any]) -> Certain:
    def test(value: Any) -> bool:
        return match(value) is not None

    return test


def certain(name: str, schema: PrimitiveSchema) -> Certain | None:
    """The quick test of a primitive type, if it has one and no limits but the usual ones."""
    low, high = _LIMITS.get(name, (None, None))
    if schema.json != _KINDS.get(name, "string") or (schema.min, schema.max) != (low, high):
        return None
    if schema.max_length is not None and schema.max_length < _LONG:
        return None
    return _BY_NAME.get(name)


_INT32 = (-(1 << 31), (1 << 31) - 1)
_LIMITS = dict.fromkeys(("integer", "unsignedInt", "positiveInt"), _INT32)
_KINDS = {**dict.fromkeys(_LIMITS, "integer"), "boolean": "boolean", "decimal": "decimal"}
_BY_NAME: dict[str, Certain] = {
    "string": text,
    "markdown": text,
    "xhtml": text,
    "code": word,
    "id": _matching(_id),
    "uri": uri,
    "url": uri,
    "canonical": canonical,
    "base64Binary": base64,
    "date": _matching(_date),
    "dateTime": _matching(_date_time),
    "instant": _matching(_instant),
    "time": _matching(_clock),
    "boolean": boolean,
    "decimal": decimal,
    "integer": _within(*_INT32),
    "unsignedInt": _within(0, _INT32[1]),
    "positiveInt": _within(1, _INT32[1]),
}
