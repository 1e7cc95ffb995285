"""`fhirkit validate --fix` and `--diff`: repair what is safe, or show what would change."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from fhirkit.cli.console import complain, emit, plain, say
from fhirkit.core.errors import FhirkitError
from fhirkit.core.issues import Outcome

if TYPE_CHECKING:
    from fhirkit.cli.project import Project
    from fhirkit.validate.batch import Checked

_BOM = "\ufeff"


class Fixes:
    """Repairs files as they are checked. ``write`` writes them; else a diff is printed.

    ``show_values``: the diff shows lines as they are, rather than with values hidden.
    """

    def __init__(self, project: Project, *, write: bool, show_values: bool) -> None:
        self._project = project
        self._write = write
        self._show_values = show_values
        self.issues = self.files = 0

    def over(self, checked: Iterator[Checked]) -> Iterator[Checked]:
        """The same inputs, each with the outcome that it has after its repairs."""
        yield from map(self._repaired, checked)

    def say_summary(self) -> None:
        """What was repaired, on standard error."""
        verb = "repaired" if self._write else "would be repaired"
        if self.issues:
            say(f"{self.issues} issues in {self.files} files {verb}")
        else:
            say("nothing can be repaired safely")
        if self.issues and not self._write and not self._show_values:
            say("values are hidden in the diff; --show-values shows them")

    def _repaired(self, checked: Checked) -> Checked:
        from fhirkit.fix import fix

        item = checked.input
        source = _json_text(item.data) if _is_file(checked) else None
        if source is None:
            return checked

        def validate(text: str) -> Outcome:
            data = text.encode()
            return self._project.outcome_of(item._replace(data=data))

        done = fix(source, checked.outcome, validate)
        if not done.repaired:
            return checked
        if self._write:
            try:
                _write(Path(item.name), item.data or b"", done.text)
            except FhirkitError as problem:
                # The others are repaired all the same, and what is wrong with this one is reported.
                complain(problem.message, advice=problem.advice)
                return checked
        self.issues += len(done.repaired)
        self.files += 1
        if not self._write:
            emit(plain(_diff(item.name, source, done.text, show_values=self._show_values)))
            return checked
        return checked._replace(input=item._replace(data=done.text.encode()), outcome=done.outcome)


def _is_file(checked: Checked) -> bool:
    """Whether the input is a whole file: a line of NDJSON and standard input are not."""
    item = checked.input
    return item.line is None and item.data is not None and Path(item.name).is_file()


def _json_text(data: bytes | None) -> str | None:
    if data is None or data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{":
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _write(path: Path, before: bytes, text: str) -> None:
    """Write the file anew, with the permissions it had; not when it changed in the meantime."""
    from fhirkit.core.errors import UsageError
    from fhirkit.core.files import write_atomic

    mode = path.stat().st_mode & 0o777
    if path.is_symlink():
        raise UsageError(f"{path}: is a link, so it was not repaired", advice="name its target")
    if not os.access(path, os.W_OK):
        raise UsageError(f"{path}: may not be written to, so it was not repaired")
    if path.read_bytes() != before:
        raise UsageError(f"{path}: changed while it was checked, so it was not repaired")
    bom = _BOM if before.startswith(_BOM.encode()) else ""
    write_atomic(path, (bom + text).encode())
    path.chmod(mode)


def _diff(name: str, before: str, after: str, *, show_values: bool) -> str:
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"a/{name}", f"b/{name}", lineterm=""
    )
    return "".join(f"{_shown(line, show_values=show_values)}\n" for line in lines)


def _shown(line: str, *, show_values: bool) -> str:
    from fhirkit.report.formats.excerpt import hidden

    if show_values or line.startswith(("---", "+++", "@@")):
        return line
    return line[:1] + hidden(line[1:])
