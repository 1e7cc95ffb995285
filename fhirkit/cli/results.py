"""How a push, a pull or an addition is told: while it runs, at its end, and as an exit code."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fhirkit.cli import exits
from fhirkit.cli.console import complain, emit, emit_json, plain, say, show_issues

if TYPE_CHECKING:
    from fhirkit.sync.results import Report


@contextmanager
def busy(text: str) -> Iterator[None]:
    """A sign of life on standard error while something takes its time, on a terminal only."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        yield


def show_report(report: Report, *, as_json: bool) -> int:
    """Print what became of everything; the exit code says whether all of it is done."""
    lines = [report.lines[key] for key in sorted(report.lines)]
    if as_json:
        emit_json(
            {
                "complete": report.complete,
                "counts": report.count(),
                "resources": [line.to_dict() for line in lines],
                "issues": [issue.to_dict() for issue in report.issues],
                "notes": report.notes,
                "trouble": report.trouble.message if report.trouble else None,
            }
        )
    else:
        for line in lines:
            if line.result != "unchanged":
                note = f"  ({line.note})" if line.note else ""
                emit(plain(f"{line.result:<10} {line.key}{note}\n"))
                for text in line.said:
                    say(f"           server: {text}")
    show_issues(report.issues, err=True)
    for note in report.notes:
        say(f"note: {note}")
    if report.trouble is not None:
        complain(report.trouble.message, advice=report.trouble.advice)
    say(", ".join(f"{count} {word}" for word, count in report.count().items()) or "nothing to do")
    return exit_code(report)


def exit_code(report: Report) -> int:
    """The worst of what happened, 0 only for a complete run."""
    from fhirkit.sync.results import Result

    codes = [exits.CLEAN]
    if report.trouble is not None:
        codes.append(report.trouble.exit_code)
    if any(issue.is_error for issue in report.issues):
        codes.append(exits.FINDINGS)
    if report.has(Result.CONFLICT):
        codes.append(exits.CONFLICT)
    if report.has(Result.REFUSED):
        codes.append(exits.REMOTE)
    if report.has(Result.BLOCKED):
        codes.append(exits.BLOCKED)
    if not report.complete:
        codes.append(exits.FINDINGS if codes != [exits.CLEAN] else exits.INCOMPLETE)
    return exits.worst(*(exits.INCOMPLETE if code == exits.USAGE else code for code in codes))
