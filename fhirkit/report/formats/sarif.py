"""``--format sarif``: SARIF 2.1.0 (OASIS), for GitHub code scanning and whoever else reads it.

GitHub takes 25,000 results of a run, shows 5,000 and keeps 100 places of each; so equal findings
of a file are one result with several places, the worst come first, and what does not fit is
counted in a notification of the run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fhirkit.core.issues import Issue, Severity
from fhirkit.core.jsonio import dumps
from fhirkit.report.formats.escape import artifact_uri, one_line
from fhirkit.report.formats.fingerprint import Fingerprints
from fhirkit.report.formats.outcomes import FileOutcome, Settings

MOST_RESULTS, MOST_PLACES = 25_000, 100
_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS = {
    Severity.FATAL: "error",
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFORMATION: "note",
}
_INDEX = re.compile(r"\[\d+\]")


@dataclass(slots=True)
class _Result:
    """A finding and every further place in the file where the same was found."""

    issue: Issue
    uri: str
    fingerprint: str
    places: list[Issue] = field(default_factory=list)


class SarifFormat:
    """One JSON document with one run."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._root = Path.cwd()
        self._fingerprints = Fingerprints()
        self._results: dict[tuple[str, str, str, str], _Result] = {}

    def add(self, one: FileOutcome) -> str:
        """Nothing is written before the end."""
        for issue in one.outcome:
            uri = artifact_uri(_file(issue.file or one.name), self._root)
            slot = (uri, issue.rule, issue.message, _INDEX.sub("", issue.expression))
            result = self._results.get(slot)
            if result is None:
                fingerprint = self._fingerprints.of(uri, issue)
                result = self._results[slot] = _Result(issue, uri, fingerprint)
            result.places.append(issue)
        return ""

    def end(self) -> str:
        """The document."""
        # Stable: within a severity the order in which inputs were given stays.
        results = sorted(self._results.values(), key=lambda one: one.issue.severity.rank)
        shown = results[:MOST_RESULTS]
        rules = sorted({result.issue.rule for result in shown})
        indexes = {rule: index for index, rule in enumerate(rules)}
        run: dict[str, Any] = {
            "tool": {
                "driver": {
                    "name": "fhirkit",
                    "semanticVersion": self._settings.version,
                    "rules": [self._rule(rule, shown) for rule in rules],
                }
            },
            "columnKind": "unicodeCodePoints",
            "invocations": [_invocation(len(results) - len(shown))],
            "results": [_result(result, indexes) for result in shown],
        }
        return dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})

    def _rule(self, rule: str, results: list[_Result]) -> dict[str, Any]:
        worst = min((r.issue.severity for r in results if r.issue.rule == rule), key=_rank)
        issue_type = next(r.issue.issue_type for r in results if r.issue.rule == rule)
        return {
            "id": rule,
            "shortDescription": {"text": self._settings.meanings.get(rule, rule)},
            "help": {"text": f"fhirkit explain {rule}"},
            "defaultConfiguration": {"level": _LEVELS[worst]},
            "properties": {"tags": ["fhir", issue_type]},
        }


def _rank(severity: Severity) -> int:
    return severity.rank


def _file(name: str) -> str:
    return "stdin" if name == "<stdin>" else name


def _result(result: _Result, indexes: dict[str, int]) -> dict[str, Any]:
    issue = result.issue
    text = one_line(issue.message)
    if issue.expression:
        text += f" ({issue.expression})"
    if len(result.places) > 1:
        text += f"; the same at {len(result.places) - 1} more places of this file"
    if issue.advice:
        text += f". Try: {one_line(issue.advice)}"
    return {
        "ruleId": issue.rule,
        "ruleIndex": indexes[issue.rule],
        "level": _LEVELS[issue.severity],
        "message": {"text": text},
        "locations": [_location(place, result.uri) for place in result.places[:MOST_PLACES]],
        "partialFingerprints": {"fhirkitFinding/v1": result.fingerprint},
    }


def _location(issue: Issue, uri: str) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": uri}}
    if issue.line is not None:
        physical["region"] = {"startLine": issue.line}
        if issue.column is not None:
            physical["region"]["startColumn"] = issue.column
    else:
        # Code scanning shows nothing of a result that has no line.
        physical["region"] = {"startLine": 1}
    location: dict[str, Any] = {"physicalLocation": physical}
    if issue.expression:
        location["logicalLocations"] = [{"fullyQualifiedName": issue.expression}]
    return location


def _invocation(left_out: int) -> dict[str, Any]:
    invocation: dict[str, Any] = {"executionSuccessful": True}
    if left_out:
        text = f"{left_out} more results of the lowest severities are not listed"
        notice = {"level": "warning", "message": {"text": text}}
        invocation["toolExecutionNotifications"] = [notice]
    return invocation
