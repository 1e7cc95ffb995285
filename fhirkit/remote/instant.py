"""FHIR instants as servers write them (https://hl7.org/fhir/R4/datatypes.html#instant)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

#: Servers that know no time write the first one that their platform can express.
_FIRST = "1900"


def utc(moment: Any) -> str | None:
    """An instant in one spelling, so that texts compare as times do; None for what is none.

    A time without a zone may be anybody's, and one that no server can have lived through is none.
    """
    if not isinstance(moment, str):
        return None
    try:
        found = datetime.fromisoformat(moment)
        if found.tzinfo is None:
            return None
        text = found.astimezone(UTC).isoformat(timespec="microseconds")
    except (ValueError, OverflowError):
        return None
    return text if text >= _FIRST else None
