"""Which HTTP status means what for us: one table, and the errors that say so.

https://hl7.org/fhir/R4/http.html#summary lists what servers answer. Messages hold the
interaction, the type and the host; the server's OperationOutcome travels in the error and is
shown only where a person reads.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from fhirkit.core.errors import Conflict, FhirkitError, Refused


class Busy(Refused):
    """The server cannot do it now. Whether it did something nevertheless is unknown.

    ``wait`` is what its Retry-After asked for, in seconds.
    """

    def __init__(self, message: str, *, wait: float | None = None, **rest: Any) -> None:
        super().__init__(message, **rest)
        self.wait = wait


class Stale(Conflict):
    """The server holds another version than the one the request was based on."""

    def __init__(
        self, message: str, *, status: int, outcome: dict[str, Any] | None, advice: str | None
    ) -> None:
        super().__init__(message, advice=advice)
        self.status = status
        self.outcome = outcome


class Unchanged(Refused):
    """What was asked for is as it was when its ETag was given (HTTP 304)."""


class _Row(NamedTuple):
    error: type[Refused | Stale]
    meaning: str
    advice: str | None = None


_TOKEN = "check the token that --token-env names, and what it may do"  # noqa: S105  # advice, not a token
_LATER = "run the same command again later; what is done is not done twice"
_LOOK = "fhirkit pull, then look at the conflict and push again"

_TABLE: dict[int, _Row] = {
    400: _Row(Refused, "refused the request as wrong"),
    401: _Row(Refused, "asks who you are", _TOKEN),
    403: _Row(Refused, "does not allow it", _TOKEN),
    404: _Row(Refused, "has nothing there", "check the base URL: often it ends with /fhir"),
    405: _Row(Refused, "does not offer this interaction"),
    406: _Row(Refused, "cannot answer in FHIR JSON"),
    408: _Row(Busy, "ran out of time", _LATER),
    409: _Row(Stale, "sees a conflict with what it holds", _LOOK),
    410: _Row(Refused, "has it no more"),
    412: _Row(Stale, "holds another version", _LOOK),
    413: _Row(Refused, "finds the request too large"),
    415: _Row(Refused, "does not take FHIR JSON"),
    422: _Row(Refused, "refused the resource by its rules"),
    425: _Row(Busy, "is not ready yet", _LATER),
    429: _Row(Busy, "asks for fewer requests", _LATER),
    500: _Row(Busy, "failed inside", _LATER),
    501: _Row(Refused, "does not offer this interaction"),
    502: _Row(Busy, "is behind a proxy that did not reach it", _LATER),
    503: _Row(Busy, "is not available", _LATER),
    504: _Row(Busy, "is behind a proxy that gave up waiting", _LATER),
}


def failure(
    status: int, what: str, *, outcome: dict[str, Any] | None = None, wait: float | None = None
) -> FhirkitError:
    """The error for an answer with this status; ``what`` names interaction, type and host."""
    row = _TABLE.get(status) or _Row(Busy if status >= 500 else Refused, "refused")
    message = f"{what}: the server {row.meaning} (HTTP {status})"
    if row.error is Stale:
        return Stale(message, status=status, outcome=outcome, advice=row.advice)
    if row.error is Busy:
        return Busy(message, status=status, outcome=outcome, wait=wait, advice=row.advice)
    return Refused(message, status=status, outcome=outcome, advice=row.advice)


def outcome_texts(outcome: dict[str, Any] | None) -> list[str]:
    """What the server's OperationOutcome says, one line an issue; for a person's eyes only."""
    issues = outcome.get("issue") if isinstance(outcome, dict) else None
    lines: list[str] = []
    for issue in issues if isinstance(issues, list) else []:
        if not isinstance(issue, dict):
            continue
        details = issue.get("details")
        text = details.get("text") if isinstance(details, dict) else None
        said = text or issue.get("diagnostics") or issue.get("code") or "no explanation"
        places = issue.get("expression") or issue.get("location")
        place = places[0] if isinstance(places, list) and places else ""
        lines.append(f"{issue.get('severity', 'error')}: {said}{f' ({place})' if place else ''}")
    return lines
