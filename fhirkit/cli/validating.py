"""A run of `fhirkit validate`: inputs in, text of a format and an exit code out."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fhirkit.cli import exits
from fhirkit.cli.console import complain, emit, progress, say, wants_colour
from fhirkit.core.errors import UsageError
from fhirkit.core.issues import Severity
from fhirkit.report.outcomes import FileOutcome, Format

if TYPE_CHECKING:
    from fhirkit.cli.verdicts import Judge
    from fhirkit.validate.batch import Checked

#: Formats by name, and what one may call them otherwise.
FORMATS = ("text", "concise", "json", "ndjson", "outcome")
ALIASES = {"operation-outcome": "outcome"}


def make_format(name: str, *, show_values: bool = False) -> Format:
    """The format of this name."""
    if name in ("text", "concise"):
        from fhirkit.report.text import TextFormat

        return TextFormat(colour=wants_colour(), concise=name == "concise", show_values=show_values)
    from fhirkit.report import documents

    if name == "ndjson":
        return documents.NdjsonFormat()
    return documents.OutcomeFormat() if name == "outcome" else documents.JsonFormat()


def named_inputs(paths: Iterable[str], files_from: str | None, *, allow_empty: bool) -> list[str]:
    """The names of everything to check; ``UsageError`` when there is nothing."""
    from fhirkit.validate.batch import STDIN, expand

    listed = [] if files_from is None else _listed(files_from)
    asked = [*paths, *listed]
    names = expand(asked)
    if allow_empty or any(name == STDIN or Path(name).exists() for name in names):
        return names
    raise UsageError(
        f"nothing to validate: {', '.join(asked[:5]) or 'no path is named'}",
        advice="name files (.json, .xml, .ndjson), folders or globs that exist",
    )


def _listed(file: str) -> list[str]:
    """The names in a file, one a line, or NUL-separated; ``-`` is standard input."""
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as problem:
        raise UsageError(f"{file}: cannot be read ({problem.strerror})") from None
    separator = b"\0" if b"\0" in data else b"\n"
    import os

    return [os.fsdecode(name.rstrip(b"\r")) for name in data.split(separator) if name.strip()]


@dataclass(slots=True)
class Run:
    """What decides the exit code, and the counts of the summary."""

    fail_on: Severity | None = Severity.ERROR
    allow_incomplete: bool = False
    code: int = exits.CLEAN
    checked: int = 0
    invalid: int = 0
    incomplete: int = 0

    def over(self, outcomes: Iterable[Checked], form: Format, judge: Judge | None) -> int:
        """Write every outcome as it comes; the exit code."""
        for checked in progress(outcomes, what="validating"):
            data = checked.input.data
            server = None if judge is None else judge.ask(data)
            one = FileOutcome(
                checked.input.name,
                checked.outcome,
                checked.input.line,
                complete=not checked.incomplete,
                data=data,
                server=server,
            )
            emit(form.add(one))
            if checked.crash:
                complain(f"{one.place}: fhirkit failed on this input", advice=checked.crash)
            self._count(one, crashed=bool(checked.crash))
        emit(form.end())
        self._say_summary()
        return self.code

    def _count(self, one: FileOutcome, *, crashed: bool) -> None:
        self.checked += 1
        self.invalid += not one.outcome.valid
        self.incomplete += not one.complete
        self.code = exits.worst(self.code, *self._codes(one, crashed=crashed))
        if one.server is not None:
            count = len(one.outcome.errors)
            ours = "valid" if one.outcome.valid else f"invalid ({count} errors)"
            say(f"{one.place}: fhirkit says {ours}, the server says {one.server.word}")

    def _codes(self, one: FileOutcome, *, crashed: bool) -> Iterator[int]:
        if crashed:
            yield exits.INTERNAL
        limit = None if self.fail_on is None else self.fail_on.rank
        if limit is not None and any(issue.severity.rank <= limit for issue in one.outcome):
            yield exits.FINDINGS
        if not one.complete and not self.allow_incomplete:
            yield exits.INCOMPLETE
        if one.server is not None and one.server.errors:
            yield exits.FINDINGS
        if one.server is not None and one.server.unanswered:
            yield exits.REMOTE

    def _say_summary(self) -> None:
        line = (
            f"{self.checked} checked: {self.checked - self.invalid} valid, {self.invalid} invalid"
        )
        say(line + (f", {self.incomplete} not fully checked" if self.incomplete else ""))
