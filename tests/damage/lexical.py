"""Values that are not written as their primitive type demands.

https://hl7.org/fhir/R4/datatypes.html#primitive
"""

from __future__ import annotations

from typing import Any

_DAYS = ("2023-02-30", "2023-02-29", "2023-04-31", "2024-13-01", "2024-00-10", "2024-01-32")
_ZONE = "T10:00:00Z"

#: Type → dates that no calendar has.
NO_DAYS: dict[str, tuple[str, ...]] = {
    "date": _DAYS,
    "dateTime": (*_DAYS, *(day + _ZONE for day in _DAYS)),
    "instant": tuple(day + _ZONE for day in _DAYS),
}

_DATES = (
    "24-01-01",
    "2024-1-1",
    "01/02/2024",
    "2024/01/02",
    "20240102",
    "yesterday",
    "2024-01-02 ",
)
_TIMES = (
    *("2024-01-02T", "2024-01-02T10:00", "2024-01-02T10:00Z", "2024-01-02T10:00:00"),
    *("2024-01-02T24:00:00Z", "2024-01-02T10:60:00Z", "2024-01-02T10:00:00+25:00"),
    *("2024-01-02 10:00:00Z", "2024-01-02t10:00:00z", "2024-01-02T10:00:00+0100"),
)
_ODD_SPACE = (" x", "x ", "a  b", "a\tb", "a\nb")

#: Type → values that are none of it.
MALFORMED: dict[str, tuple[Any, ...]] = {
    "date": (*_DATES, "2024-01-02T10:00:00Z", "0000-01-01"),
    "dateTime": (*_DATES, *_TIMES, "0000"),
    "instant": (*_DATES, *_TIMES, "2024", "2024-01", "2024-01-02"),
    "time": ("10:00", "24:00:00", "10:60:00", "10:00:00Z", "1:00:00", "ten", "10:00:00+01:00"),
    "code": _ODD_SPACE,
    "id": ("a b", "a_b", "x" * 65, "a/b", "ä", "a#b"),
    "oid": ("1.2.3.4", "urn:oid:3.1.2.3", "urn:oid:1..2", "urn:oid:01.2.3.4", "urn:oid:x"),
    "uuid": ("urn:uuid:x", "5f0d1c2e-9a41-4b6e-8d57-3c2b1a0f9e8d", "urn:uuid:5f0d1c2e"),
    "uri": ("a b", "http://example.org/ x", " http://example.org", "urn:oid:x", "urn:uuid:y"),
    "url": ("a b", "http://example.org/ x", "http://example.org "),
    "canonical": ("a b", "http://example.org/ x", "relative/path", "urn:uuid:y"),
    "base64Binary": ("a", "ab!=", "====", "aGVsbG8", "aGVs*G8="),
    "integer": (2147483648, -2147483649),
    "positiveInt": (0, -1, 2147483648),
    "unsignedInt": (-1, 2147483648),
}
