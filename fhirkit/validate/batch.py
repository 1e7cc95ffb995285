"""Many inputs, one after the other: files, folders, globs, NDJSON lines and standard input.

An input that cannot be read is an outcome like any other, so that it never stops the rest.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import replace
from io import BytesIO
from itertools import chain
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
#: So many lines that are objects make NDJSON of standard input that has no name to tell it by.
_ENOUGH = 2


class Input(NamedTuple):
    """One resource to check. ``line`` is its line in an NDJSON file; no ``data``: not readable.

    ``profiles`` are those that it must follow beside the ones given for every input.
    """

    name: str
    data: bytes | None
    line: int | None = None
    trouble: str = ""
    profiles: tuple[str, ...] = ()


class Checked(NamedTuple):
    """An input and what was found in it. ``crash`` says where fhirkit itself failed, if it did."""

    input: Input
    outcome: Outcome
    crash: str = ""

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


def read_all(names: Iterable[str], stdin: BinaryIO, stdin_name: str = "<stdin>") -> Iterator[Input]:
    """Every resource of the files, in order; NDJSON line by line, each as soon as it is there.

    ``stdin_name`` is what standard input (the name ``-``) is called in issues.
    """
    for name in names:
        try:
            if name == STDIN:
                yield from _from_stdin(stdin, stdin_name)
            elif name.lower().endswith(_NDJSON):
                with Path(name).open("rb") as lines:
                    yield from _lines(name, lines)
            else:
                yield Input(name, Path(name).read_bytes())
        except IsADirectoryError:
            yield Input(name, None, trouble="the folder cannot be looked into")
        except OSError as problem:
            yield Input(name, None, trouble=problem.strerror or "unknown reason")


def inputs_of(name: str, data: bytes) -> Iterator[Input]:
    """The resources of a text that is not in a file yet, or not as it is there."""
    if name.lower().endswith(_NDJSON):
        yield from _lines(name, BytesIO(data))
    else:
        yield Input(name, data)


def check(
    validator: Validator,
    inputs: Iterable[Input],
    profiles: tuple[str, ...] = (),
    *,
    jobs: int = 1,
) -> Iterator[Checked]:
    """The outcome of each input, in order, as it comes.

    ``jobs`` is how many processes share the work (see ``parallel``); 0 stands for as many as
    there are processors to use. Neither an input nor a process that dies stops the others.
    """
    jobs = jobs or _processors()
    if jobs > 1:
        from fhirkit.validate.parallel import check_in_processes

        yield from check_in_processes(validator, inputs, profiles, jobs)
        return
    for item in inputs:
        if item.data is None:
            yield Checked(item, Outcome((_unreadable(item.name, item.trouble),)))
            continue
        try:
            outcome = validator.validate(item.data, (*profiles, *item.profiles), file=item.name)
        except FhirkitError as problem:
            outcome = Outcome((_unreadable(item.name, problem.message),))
        except Exception as bug:  # noqa: BLE001  # a bug, said to be one; the others are checked
            yield Checked(item, failed(item), crash_text(bug))
            continue
        if item.line is not None:
            outcome = Outcome.of(_moved(issue, item.line) for issue in outcome)
        yield Checked(item, outcome)


def _processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _inside(folder: Path) -> Iterator[Path]:
    """The records below a folder, sorted; and each folder in it that cannot be looked into."""
    found: list[Path] = []

    def closed(problem: OSError) -> None:
        # Unnamed, it would be a green run over records that nobody looked at.
        found.append(Path(problem.filename))

    for place, folders, files in os.walk(folder, onerror=closed):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = (Path(place, name) for name in files if not name.startswith("."))
        found += [path for path in paths if path.suffix.lower() in _SUFFIXES and path.is_file()]
    yield from sorted(found)


def _lines(name: str, lines: Iterable[bytes]) -> Iterator[Input]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield Input(name, line.rstrip(b"\r\n"), number)


def _from_stdin(stream: BinaryIO, name: str) -> Iterator[Input]:
    """Two lines, each an object, are NDJSON; where a name ends so, any lines are."""
    head: list[bytes] = []
    if not name.lower().endswith(_NDJSON):
        for line in stream:
            head.append(line)
            if line.strip() and not _is_object(line):
                yield Input(name, b"".join([*head, stream.read()]))
                return
            if sum(bool(each.strip()) for each in head) == _ENOUGH:
                break
        else:
            yield Input(name, b"".join(head))
            return
    yield from _lines(name, chain(head, stream))


def _is_object(line: bytes) -> bool:
    line = line.strip()
    return line.startswith(b"{") and line.endswith(b"}")


def _moved(issue: Issue, line: int) -> Issue:
    return replace(issue, line=line + (issue.line or 1) - 1)


def crash_text(bug: BaseException) -> str:
    """The kind of a bug and where it struck, without its message: that may quote the record."""
    frames = traceback.extract_tb(bug.__traceback__)
    where = " < ".join(f"{frame.name} ({Path(frame.filename).name}:{frame.lineno})"
                       for frame in reversed(frames[-6:]))  # fmt: skip
    return f"please report {type(bug).__name__} in {where}"


def failed(item: Input) -> Outcome:
    """The outcome of an input on which fhirkit itself failed."""
    message = "fhirkit failed on this input, so it was not checked"
    return Outcome((_issue("internal-error", message, item.name, item.line),))


def _unreadable(name: str, trouble: str) -> Issue:
    return _issue("file-unreadable", f"cannot be read: {trouble}", name)


def _issue(rule_id: str, message: str, file: str, line: int | None = None) -> Issue:
    """An issue about an input as a whole, with the advice of its rule."""
    rule = RULES[rule_id]
    return Issue(
        rule.severity,
        rule.id,
        message,
        issue_type=rule.issue_type,
        advice=advice(rule.id),
        file=file,
        line=line,
    )
