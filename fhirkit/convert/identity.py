"""Ids that never change: logical ids, fullUrls and time stamps made from the case alone.

https://hl7.org/fhir/R4/resource.html#id · https://hl7.org/fhir/R4/bundle.html#bundle-unique
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from hashlib import sha1
from uuid import UUID

from fhirkit.core.errors import UsageError

#: The root of every UUIDv5 of ours. Changing it changes every fullUrl ever written.
NAMESPACE = UUID("6f2c1f5e-0c4b-5d0a-9a53-2f1d7c0be4a1")
#: https://hl7.org/fhir/R4/datatypes.html#id
ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
MAX_ID = 64

_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})", re.ASCII)


def logical_id(case_id: str, key: str) -> str:
    """The id of the resource made from the fact of that name."""
    return f"{case_id}-{key}"


def full_url(case_id: str, resource_type: str, key: str) -> str:
    """``urn:uuid:`` and the UUIDv5 of case id, type and key."""
    return "urn:uuid:" + name_uuid(f"{case_id}/{resource_type}/{key}")


def name_uuid(name: str) -> str:
    """The UUIDv5 (RFC 9562, 5.5) of a name in our namespace."""
    digest = sha1(NAMESPACE.bytes + name.encode(), usedforsecurity=False).hexdigest()
    variant = f"{int(digest[16], 16) & 0x3 | 0x8:x}"
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def instant(timestamp: str | int | datetime) -> str:
    """A FHIR instant from an instant's text, seconds since 1970 or an aware datetime.

    Raises ``UsageError`` for anything that does not name one moment.
    """
    if isinstance(timestamp, datetime):
        if timestamp.tzinfo is None:
            raise UsageError(
                "the timestamp has no time zone", advice="pass an aware datetime, UTC for one"
            )
        return timestamp.isoformat().replace("+00:00", "Z")
    text = str(timestamp).strip()
    if re.fullmatch(r"-?[0-9]{1,12}", text):
        try:
            return datetime.fromtimestamp(int(text), UTC).isoformat().replace("+00:00", "Z")
        except (ValueError, OverflowError, OSError):
            raise UsageError("the timestamp lies outside the years 1 to 9999") from None
    if not is_instant(text):
        raise UsageError(
            f"the timestamp '{text[:40]}' is not an instant",
            advice="write 2026-01-31T12:00:00Z, or seconds since 1970",
        )
    return text


def is_instant(text: str) -> bool:
    """Whether the text is a FHIR instant that the calendar knows."""
    if _INSTANT.fullmatch(text) is None:
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
