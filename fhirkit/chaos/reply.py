"""An answer on its way out, and the refusals that become one."""

from __future__ import annotations

from dataclasses import dataclass, field
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
