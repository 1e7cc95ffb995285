"""``--format html``: every finding on one page, by severity and rule, with filters, offline."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from fhirkit.core.issues import Issue, Severity
from fhirkit.report.formats.outcomes import FileOutcome, Settings
from fhirkit.report.markup import asset, environment, policy
from fhirkit.report.visible import Whole

#: Rows of the page; a browser filters so many without a pause.
MOST_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class _Row:
    """An issue as the page shows it; names and places are never shortened."""

    issue: Issue
    file: Whole
    place: Whole
    expression: Whole
    message: Whole
    advice: Whole


class SummaryFormat:
    """One HTML page."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._rows: list[_Row] = []
        self._rules: Counter[str] = Counter()
        self._severities: Counter[Severity] = Counter()
        self._files = self._invalid = self._incomplete = 0

    def add(self, one: FileOutcome) -> str:
        """Nothing is written before the end."""
        self._files += 1
        self._invalid += not one.outcome.valid
        self._incomplete += not one.complete
        for issue in one.outcome:
            self._rules[issue.rule] += 1
            self._severities[issue.severity] += 1
            self._rows.append(_row(issue, one))
        return ""

    def end(self) -> str:
        """The page."""
        rows = sorted(self._rows, key=lambda row: row.issue.severity.rank)[:MOST_ROWS]
        style, script = asset("summary.css"), asset("summary.js")
        return (
            environment()
            .get_template("summary.html.j2")
            .render(
                files=self._files,
                invalid=self._invalid,
                incomplete=self._incomplete,
                rows=rows,
                left_out=len(self._rows) - len(rows),
                severities=[(s, self._severities[s]) for s in Severity if self._severities[s]],
                rules=self._rules.most_common(),
                meanings=self._settings.meanings,
                version=self._settings.version,
                style=style,
                script=script,
                policy=policy(style, script),
            )
        )


def _row(issue: Issue, one: FileOutcome) -> _Row:
    place = ":".join(str(n) for n in (issue.line, issue.column) if n is not None)
    return _Row(
        issue,
        Whole(issue.file or one.name),
        Whole(place),
        Whole(issue.expression),
        Whole(issue.message),
        Whole(issue.advice or ""),
    )
