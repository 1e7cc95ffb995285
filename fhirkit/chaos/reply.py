"""An answer on its way out, and the refusals that become one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any


@dataclass
class Reply:
    """Status, body (a FHIR resource as Python data, or bytes as they are) and headers."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """An interaction that is refused, with an OperationOutcome."""

    def __init__(self, status: int, text: str, *, code: str = "processing") -> None:
        super().__init__(text)
        self.status = status
        self.reply = Reply(status, outcome(text, code=code))


def outcome(text: str, *, code: str = "processing", severity: str = "error") -> dict[str, Any]:
    """An OperationOutcome with one issue."""
    issue = {"severity": severity, "code": code, "diagnostics": text}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def retry_after(kind: Any) -> dict[str, str]:
    """The header: seconds, ``date`` (some seconds ahead), ``absurd``, ``negative`` or none."""
    if kind in ("", None):
        return {}
    if kind == "date":
        moment = datetime.now(UTC) + timedelta(seconds=2)
        return {"Retry-After": format_datetime(moment, usegmt=True)}
    text = {"absurd": "86400000", "negative": "-5", "words": "soon"}.get(str(kind), str(kind))
    return {"Retry-After": text}
