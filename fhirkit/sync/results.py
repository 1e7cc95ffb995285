"""What a push or pull came to: a line for each resource, and why anything was left undone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from fhirkit.core.errors import FhirkitError
from fhirkit.core.issues import Issue
from fhirkit.core.resource import ResourceKey


class Result(StrEnum):
    """What became of one resource."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    UNCHANGED = "unchanged"
    WRITTEN = "written"
    MERGED = "merged"
    DISCARDED = "discarded"
    CONFLICT = "conflict"
    REFUSED = "refused"
    BLOCKED = "blocked"
    WAITING = "waiting"
    UNKNOWN = "unknown"
    KEPT = "kept"
    DIFFERS = "differs"


#: Results that leave something undone.
UNDONE = (
    Result.CONFLICT,
    Result.REFUSED,
    Result.BLOCKED,
    Result.WAITING,
    Result.UNKNOWN,
    Result.KEPT,
    Result.DIFFERS,
)


@dataclass(frozen=True, slots=True)
class Line:
    """One resource's result. ``said`` is the server's own explanation, for a person's eyes."""

    key: ResourceKey
    result: Result
    version_id: str | None = None
    note: str = ""
    said: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON form without absent members."""
        full = {
            "resource": str(self.key),
            "result": str(self.result),
            "version_id": self.version_id,
            "note": self.note or None,
            "server_said": list(self.said) or None,
        }
        return {name: value for name, value in full.items() if value is not None}


@dataclass(slots=True)
class Report:
    """All lines, the issues found in files, notes, and the trouble that ended the run early."""

    lines: dict[ResourceKey, Line] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    trouble: FhirkitError | None = None
    incomplete: bool = False

    def add(self, line: Line) -> None:
        """Put in a line; a later one for the same resource replaces it."""
        self.lines[line.key] = line

    def count(self) -> dict[str, int]:
        """How many resources came to each result, in the order of ``Result``."""
        counted = Counter(line.result for line in self.lines.values())
        return {str(result): counted[result] for result in Result if counted[result]}

    @property
    def summary(self) -> str:
        """The counts in a line."""
        return ", ".join(f"{count} {word}" for word, count in self.count().items())

    def has(self, *results: Result) -> bool:
        """Whether any resource came to one of these."""
        return any(line.result in results for line in self.lines.values())

    @property
    def complete(self) -> bool:
        """Whether everything asked for is done and proven."""
        undone = self.has(*UNDONE) or any(issue.is_error for issue in self.issues)
        return not undone and self.trouble is None and not self.incomplete
