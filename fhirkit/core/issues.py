"""What we found: an issue in an input, and the outcome that collects them.

An issue is a value, never raised. It has the shape of OperationOutcome.issue
(https://hl7.org/fhir/R4/operationoutcome.html) plus the place in the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """OperationOutcome.issue.severity, worst first."""

    FATAL = "fatal"
    ERROR = "error"
    WARNING = "warning"
    INFORMATION = "information"

    @property
    def rank(self) -> int:
        """0 for fatal … 3 for information: smaller is worse."""
        return _RANK[self]


_RANK = {
    Severity.FATAL: 0,
    Severity.ERROR: 1,
    Severity.WARNING: 2,
    Severity.INFORMATION: 3,
}


@dataclass(frozen=True, slots=True)
class Issue:
    """One finding.

    ``rule`` is the stable id in the catalogue; ``issue_type`` a code of the FHIR value set
    issue-type; ``expression`` the FHIRPath place in a resource (or key path in a case file);
    ``message`` says what is wrong and what was expected, without values from the record;
    ``advice`` what to do next. ``line`` and ``column`` count from 1, in characters.
    """

    severity: Severity
    rule: str
    message: str
    expression: str = ""
    issue_type: str = "invalid"
    advice: str | None = None
    file: str | None = None
    line: int | None = None
    column: int | None = None

    @property
    def is_error(self) -> bool:
        """Whether the input is invalid because of this issue."""
        return self.severity in (Severity.FATAL, Severity.ERROR)

    @property
    def place(self) -> str:
        """``file:line:column``, as much of it as is known."""
        parts = [self.file or ""]
        if self.line is not None:
            parts.append(str(self.line))
            if self.column is not None:
                parts.append(str(self.column))
        return ":".join(part for part in parts if part)

    def at(self, *, file: str | None, line: int | None = None, column: int | None = None) -> Issue:
        """The same issue with its place in a file."""
        return replace(self, file=file, line=line, column=column)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON form, without absent members; the form of ``--json``."""
        full = {
            "severity": str(self.severity),
            "rule": self.rule,
            "issue_type": self.issue_type,
            "expression": self.expression or None,
            "message": self.message,
            "advice": self.advice,
            "file": self.file,
            "line": self.line,
            "column": self.column,
        }
        return {name: value for name, value in full.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Outcome:
    """Ordered issues and the verdict."""

    issues: tuple[Issue, ...] = ()

    @classmethod
    def of(cls, issues: Iterable[Issue]) -> Outcome:
        """An outcome from any iterable of issues, in the order given."""
        return cls(tuple(issues))

    @property
    def valid(self) -> bool:
        """True when no issue is an error or fatal."""
        return not any(issue.is_error for issue in self.issues)

    @property
    def errors(self) -> tuple[Issue, ...]:
        """The issues that make the input invalid."""
        return tuple(issue for issue in self.issues if issue.is_error)

    def __iter__(self) -> Iterator[Issue]:
        return iter(self.issues)

    def __len__(self) -> int:
        return len(self.issues)

    def to_operation_outcome(self) -> dict[str, Any]:
        """As an OperationOutcome resource (R4); an empty outcome says "All OK"."""
        if not self.issues:
            ok = {
                "severity": "information",
                "code": "informational",
                "details": {"text": "All OK"},
            }
            return {"resourceType": "OperationOutcome", "issue": [ok]}
        entries: list[dict[str, Any]] = []
        for issue in self.issues:
            entry: dict[str, Any] = {"severity": str(issue.severity), "code": issue.issue_type}
            entry["details"] = {"text": issue.message}
            diagnostics = [f"[{issue.rule}]", issue.place, issue.advice or ""]
            entry["diagnostics"] = " ".join(part for part in diagnostics if part)
            if issue.expression:
                entry["expression"] = [issue.expression]
            entries.append(entry)
        return {"resourceType": "OperationOutcome", "issue": entries}
