"""``--format gitlab``: a Code Quality report, which GitLab shows in merge requests."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote

from fhirkit.core.issues import Issue, Severity
from fhirkit.core.jsonio import dumps
from fhirkit.report.formats.escape import artifact_uri, one_line
from fhirkit.report.formats.fingerprint import Fingerprints
from fhirkit.report.formats.outcomes import FileOutcome, Settings

_SEVERITIES = {
    Severity.FATAL: "blocker",
    Severity.ERROR: "major",
    Severity.WARNING: "minor",
    Severity.INFORMATION: "info",
}


class GitLabFormat:
    """One JSON list of findings."""

    def __init__(self, settings: Settings) -> None:
        del settings
        self._root = Path.cwd()
        self._fingerprints = Fingerprints()
        self._entries: list[dict[str, Any]] = []

    def add(self, one: FileOutcome) -> str:
        """Nothing is written before the end."""
        self._entries.extend(self._entry(issue, one.name) for issue in one.outcome)
        return ""

    def end(self) -> str:
        """The report."""
        return dumps(self._entries)

    def _entry(self, issue: Issue, file: str) -> dict[str, Any]:
        path = unquote(artifact_uri(issue.file or file, self._root))
        where = f" ({issue.expression})" if issue.expression else ""
        return {
            "description": one_line(issue.message + where),
            "check_name": issue.rule,
            "fingerprint": self._fingerprints.of(path, issue),
            "severity": _SEVERITIES[issue.severity],
            "location": {"path": path, "lines": {"begin": issue.line or 1}},
        }
