"""Issues as an editor shows them."""

from __future__ import annotations

from collections.abc import Sequence

from lsprotocol import types as lsp

from fhirkit.core.issues import Issue, Severity
from fhirkit.editor.documents import spans_of
from fhirkit.editor.text import Document
from fhirkit.validate.explanation import explanation

SOURCE = "fhirkit"
_SEVERITIES = {
    Severity.FATAL: lsp.DiagnosticSeverity.Error,
    Severity.ERROR: lsp.DiagnosticSeverity.Error,
    Severity.WARNING: lsp.DiagnosticSeverity.Warning,
    Severity.INFORMATION: lsp.DiagnosticSeverity.Information,
}
#: More than these nobody reads, and editors grow slow with them.
_MOST = 1000


def diagnostics_of(document: Document, issues: Sequence[Issue]) -> list[lsp.Diagnostic]:
    """The issues of a document, the worst where there are too many, in the order of the text."""
    shown = issues
    if len(issues) > _MOST:
        worst = sorted(range(len(issues)), key=lambda place: issues[place].severity.rank)[:_MOST]
        shown = [issues[place] for place in sorted(worst)]
    spans = sorted(spans_of(shown, document.source), key=lambda one: one[1])
    found = [_diagnostic(document, issue, start, end) for issue, start, end in spans]
    if len(issues) > _MOST:
        message = f"{len(issues) - _MOST} more issues are not shown; `fhirkit validate` lists them"
        severity = lsp.DiagnosticSeverity.Information
        found.append(lsp.Diagnostic(document.range_of(0, 0), message, severity, source=SOURCE))
    return found


def message_of(issue: Issue) -> str:
    """What an issue says, of which place, and what to do."""
    message = issue.message + (f" ({issue.expression})" if issue.expression else "")
    return message + (f"\ntry: {issue.advice}" if issue.advice else "")


def _diagnostic(document: Document, issue: Issue, start: int, end: int) -> lsp.Diagnostic:
    told = explanation(issue.rule)
    link = told.link if told is not None else ""
    return lsp.Diagnostic(
        range=document.range_of(start, end),
        severity=_SEVERITIES[issue.severity],
        code=issue.rule,
        code_description=lsp.CodeDescription(link) if link else None,
        source=SOURCE,
        message=message_of(issue),
    )
