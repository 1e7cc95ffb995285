"""``--format github``: workflow commands, which GitHub shows as annotations of lines."""

from __future__ import annotations

from fhirkit.core.issues import Issue, Severity
from fhirkit.report.formats.escape import workflow_data, workflow_property
from fhirkit.report.formats.outcomes import FileOutcome, Settings

_COMMANDS = {
    Severity.FATAL: "error",
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFORMATION: "notice",
}


class GitHubFormat:
    """One command an issue, as it is found."""

    def __init__(self, settings: Settings) -> None:
        del settings

    def add(self, one: FileOutcome) -> str:
        """The commands of one input."""
        return "".join(_command(issue, one.name) for issue in one.outcome)

    def end(self) -> str:
        """Nothing is left to say."""
        return ""


def _command(issue: Issue, file: str) -> str:
    properties = {"file": issue.file or file, "line": issue.line, "col": issue.column}
    properties["title"] = f"fhirkit {issue.rule}"
    listed = ",".join(
        f"{name}={workflow_property(str(value))}"
        for name, value in properties.items()
        if value is not None
    )
    where = f" ({issue.expression})" if issue.expression else ""
    message = f"{issue.message}{where}" + (f"\ntry: {issue.advice}" if issue.advice else "")
    return f"::{_COMMANDS[issue.severity]} {listed}::{workflow_data(message)}\n"
