"""Many inputs, one after the other: files, folders, globs, NDJSON lines and standard input.

An input that cannot be read is an outcome like any other, so that it never stops the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, NamedTuple

from fhirkit.core.errors import FhirkitError
from fhirkit.core.issues import Issue, Outcome
from fhirkit.validate.catalogue import RULES
from fhirkit.validate.explanation import advice
from fhirkit.validate.validator import Validator

_SUFFIXES = (".json", ".xml", ".ndjson")
_NDJSON = ".ndjson"
_MAGIC = frozenset("*?[")
STDIN = "-"


class Input(NamedTuple):
    """One resource to check. ``line`` is its line in an NDJSON file; no ``data``: not readable."""

    name: str
    data: bytes | None
    line: int | None = None
    trouble: str = ""


class Checked(NamedTuple):
    """An input and what was found in it."""

    input: Input
    outcome: Outcome

    @property
    def incomplete(self) -> bool:
        """Whether something could not be checked."""
        return any(RULES[issue.rule].incomplete for issue in self.outcome if issue.rule in RULES)


def expand(patterns: Iterable[str]) -> list[str]:
    """The files that paths, folders and globs stand for, each once, folders in sorted order."""
    names: dict[str, None] = {}
    for pattern in patterns:
        path = Path(pattern)
        if pattern != STDIN and path.is_dir():
            names.update(dict.fromkeys(str(file) for file in _inside(path)))
        elif pattern != STDIN and not path.exists() and _MAGIC & set(pattern):
            anchor = Path(path.anchor)
            found = anchor.glob(str(path.relative_to(anchor)))
            names.update(dict.fromkeys(str(file) for file in sorted(found) if file.is_file()))
        else:
            names[pattern] = None
    return list(names)


def read_all(names: Iterable[str], stdin: BinaryIO) -> Iterator[Input]:
    """Every resource of the files, in order; NDJSON line by line."""
    for name in names:
        try:
            if name == STDIN:
                yield from _from_stdin(stdin.read())
            elif name.lower().endswith(_NDJSON):
                with Path(name).open("rb") as lines:
                    yield from _lines(name, lines)
            else:
                yield Input(name, Path(name).read_bytes())
        except OSError as problem:
            yield Input(name, None, trouble=problem.strerror or "unknown reason")


def check(
    validator: Validator, inputs: Iterable[Input], profiles: tuple[str, ...] = ()
) -> Iterator[Checked]:
    """The outcome of each input, as it comes."""
    for item in inputs:
        if item.data is None:
            yield Checked(item, Outcome((_unreadable(item.name, item.trouble),)))
            continue
        try:
            outcome = validator.validate(item.data, profiles, file=item.name)
        except FhirkitError as problem:
            outcome = Outcome((_unreadable(item.name, problem.message),))
        if item.line is not None:
            outcome = Outcome.of(_moved(issue, item.line) for issue in outcome)
        yield Checked(item, outcome)


def _inside(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and path.suffix.lower() in _SUFFIXES and path.is_file():
            yield path


def _lines(name: str, lines: Iterable[bytes]) -> Iterator[Input]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield Input(name, line.rstrip(b"\r\n"), number)


def _from_stdin(data: bytes) -> Iterator[Input]:
    """Standard input has no name to tell NDJSON by: two lines, each an object, are NDJSON."""
    lines = [line.strip() for line in data[: 1 << 20].splitlines() if line.strip()][:2]
    if len(lines) == 2 and all(line.startswith(b"{") and line.endswith(b"}") for line in lines):
        yield from _lines("<stdin>", data.splitlines())
    else:
        yield Input("<stdin>", data)


def _moved(issue: Issue, line: int) -> Issue:
    return replace(issue, line=line + (issue.line or 1) - 1)


def _unreadable(name: str, trouble: str) -> Issue:
    rule = RULES["file-unreadable"]
    message = f"cannot be read: {trouble}"
    return Issue(
        rule.severity,
        rule.id,
        message,
        issue_type=rule.issue_type,
        advice=advice(rule.id),
        file=name,
    )
