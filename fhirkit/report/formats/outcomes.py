"""What every format is made of: the outcome of one input, and a server's word on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from fhirkit.core.issues import Issue, Outcome, Severity


@dataclass(frozen=True, slots=True)
class ServerVerdict:
    """What a server says of an input: its OperationOutcome, or why there is none."""

    outcome: dict[str, Any] | None = None
    silence: str = ""

    @property
    def unanswered(self) -> bool:
        """Whether the server was asked and gave no verdict."""
        return bool(self.silence) and not self.silence.startswith("not asked")

    @property
    def errors(self) -> list[dict[str, Any]]:
        """The issues that make the input invalid for the server."""
        issues = self.outcome.get("issue") if self.outcome is not None else None
        return [
            issue
            for issue in (issues if isinstance(issues, list) else ())
            if isinstance(issue, dict) and issue.get("severity") in ("error", "fatal")
        ]

    @property
    def word(self) -> str:
        """The verdict in a word or two."""
        if self.outcome is None:
            return f"no verdict ({self.silence})"
        return f"invalid ({len(self.errors)} errors)" if self.errors else "valid"


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What was found in one input.

    ``line`` is its line in an NDJSON file. ``complete`` is false when something could not be
    checked. ``data`` are the bytes that were read, for excerpts; a format must not keep them.
    """

    name: str
    outcome: Outcome
    line: int | None = None
    complete: bool = True
    data: bytes | None = None
    server: ServerVerdict | None = None

    @property
    def place(self) -> str:
        """The name, and the line where an NDJSON file holds several inputs."""
        return self.name if self.line is None else f"{self.name}:{self.line}"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON form: the entry of the json and ndjson formats."""
        entry: dict[str, Any] = {"file": self.name}
        if self.line is not None:
            entry["line"] = self.line
        entry["valid"] = self.outcome.valid
        entry["complete"] = self.complete
        entry["issues"] = [issue.to_dict() for issue in self.outcome]
        if self.server is not None:
            entry["remote"] = {"verdict": self.server.word, "outcome": self.server.outcome}
        return entry


@dataclass(frozen=True, slots=True)
class Settings:
    """How findings are to be shown.

    ``meanings`` tells a rule's meaning by its id. ``fail_on`` is the severity that fails a run;
    None: none does. ``show_values`` lets the source be shown as it is.
    """

    meanings: Mapping[str, str] = field(default_factory=dict)
    fail_on: Severity | None = Severity.ERROR
    allow_incomplete: bool = False
    show_values: bool = False
    colour: bool = False
    version: str = ""

    def fails(self, issue: Issue) -> bool:
        """Whether this issue alone fails the run."""
        return self.fail_on is not None and issue.severity.rank <= self.fail_on.rank


class Format(Protocol):
    """Turns outcomes into text: each at once where the form allows it, the rest at the end."""

    def add(self, one: FileOutcome) -> str:
        """What can be written as soon as this input is done."""

    def end(self) -> str:
        """What is written when all inputs are done."""
