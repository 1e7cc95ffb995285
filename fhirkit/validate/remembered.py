"""Outcomes of inputs that were checked before, so that what did not change is not checked again.

An input is known by the hash of its bytes, together with everything its outcome depends on: this
version of fhirkit, the options, profiles, definitions and packages. What is stored are issues,
which hold no values of a record; no name of a file and no text of a record is.

The store is a convenience: where it cannot be read or written, everything is checked.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import msgspec

import fhirkit
from fhirkit.core.issues import Issue, Outcome, Severity
from fhirkit.validate.batch import Checked, Input

#: The layout of the file; another one is thrown away.
_LAYOUT = 1
_DAY = 86_400
#: Days after which an outcome nobody asked for is dropped.
_KEPT_DAYS = 30
_WRITES_AT_ONCE = 500
#: Outcomes held back at most while an earlier input is being checked.
_AHEAD = 2_000


class _StoredIssue(msgspec.Struct, array_like=True):
    """An issue without the name of its file; its line counts from the beginning of the input."""

    severity: Severity
    rule: str
    message: str
    expression: str
    issue_type: str
    advice: str | None
    line: int | None
    column: int | None


_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder(list[_StoredIssue]).decode


def identity(*parts: object) -> str:
    """What outcomes depend on besides the input, as a digest: this program and the given parts.

    A path among the parts stands for what is there: a file for its content, a folder for the
    names, sizes and times of its files.
    """
    digest = hashlib.sha256(fhirkit.__version__.encode())
    digest.update(_shape_of(Path(fhirkit.__file__).parent))
    for part in parts:
        if isinstance(part, Path):
            digest.update(_shape_of(part) if part.is_dir() else _content_of(part))
        else:
            digest.update(repr(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()


class Remembered:
    """The store of outcomes in one SQLite file. Use it as a context: it is written at the end."""

    def __init__(self, file: Path, identity: str) -> None:
        self._identity = identity.encode()
        self._file = file
        self._today = int(time.time() // _DAY)
        self._new: list[tuple[bytes, int, bytes]] = []
        self._connection: sqlite3.Connection | None = None
        with suppress(sqlite3.Error, OSError):
            self._connection = self._opened()

    def check(
        self, inputs: Iterable[Input], check: Callable[[Iterable[Input]], Iterator[Checked]]
    ) -> Iterator[Checked]:
        """The outcome of each input in order: the remembered one, else that of ``check``."""
        waiting: deque[Checked | bytes] = deque()

        def unknown() -> Iterator[Input]:
            for item in inputs:
                key = self._key(item)
                # Far ahead of the outcomes that were yielded, one more check brings them on.
                ahead = len(waiting) >= _AHEAD
                found = None if key is None or ahead else self._find(key, item)
                waiting.append(found or key or b"")
                if found is None:
                    yield item

        checking = check(unknown())
        while True:
            checked = next(checking, None)
            while waiting and isinstance(waiting[0], Checked):
                yield waiting.popleft()  # type: ignore[misc]  # the line above tells its type
            if checked is None:
                return
            key = waiting.popleft()
            if isinstance(key, bytes) and key:
                self._keep(key, checked)
            yield checked

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is None:
            return
        with suppress(sqlite3.Error):
            self._write()
            self._connection.execute(
                "DELETE FROM outcome WHERE day < ?", (self._today - _KEPT_DAYS,)
            )
            self._connection.commit()
        self._connection.close()

    def _opened(self) -> sqlite3.Connection:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        try:
            connection = self._connected()
        except sqlite3.DatabaseError:
            connection = None
        if connection is None:
            # Damaged, or of another layout: it holds nothing that cannot be found again.
            for suffix in ("", "-wal", "-shm"):
                self._file.with_name(self._file.name + suffix).unlink(missing_ok=True)
            connection = self._connected()
        if connection is None:
            raise sqlite3.DatabaseError("a new file of another layout")
        return connection

    def _connected(self) -> sqlite3.Connection | None:
        """A connection to the file, made ready; None when it is of another layout."""
        connection = sqlite3.connect(self._file, timeout=2, isolation_level="DEFERRED")
        try:
            layout = connection.execute("PRAGMA user_version").fetchone()[0]
            if layout not in (0, _LAYOUT):
                connection.close()
                return None
            # Losing the last run's outcomes in a power cut costs a second run, nothing else.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS outcome"
                " (key BLOB PRIMARY KEY, day INTEGER NOT NULL, issues BLOB NOT NULL) WITHOUT ROWID"
            )
            connection.execute(f"PRAGMA user_version = {_LAYOUT}")
            connection.commit()
            self._file.chmod(0o600)
        except BaseException:
            connection.close()
            raise
        return connection

    def _key(self, item: Input) -> bytes | None:
        if item.data is None or self._connection is None:
            return None
        digest = hashlib.sha256(self._identity)
        digest.update(repr(item.profiles).encode())
        digest.update(item.data)
        return digest.digest()

    def _find(self, key: bytes, item: Input) -> Checked | None:
        if self._connection is None:
            return None
        try:
            row = self._connection.execute(
                "SELECT issues, day FROM outcome WHERE key = ?", (key,)
            ).fetchone()
            if row is None:
                return None
            stored = _DECODE(row[0])
        except (sqlite3.Error, msgspec.MsgspecError):
            return None
        if row[1] != self._today:
            self._note(key, row[0])
        return Checked(item, Outcome(tuple(_issue(one, item) for one in stored)))

    def _keep(self, key: bytes, checked: Checked) -> None:
        if not checked.crash:
            first = checked.input.line or 1
            self._note(key, _ENCODE([_stored(issue, first) for issue in checked.outcome]))

    def _note(self, key: bytes, issues: bytes) -> None:
        self._new.append((key, self._today, issues))
        if len(self._new) >= _WRITES_AT_ONCE:
            with suppress(sqlite3.Error):
                self._write()

    def _write(self) -> None:
        new, self._new = self._new, []
        if self._connection is not None and new:
            with self._connection:
                self._connection.executemany("INSERT OR REPLACE INTO outcome VALUES (?, ?, ?)", new)


def _stored(issue: Issue, first: int) -> _StoredIssue:
    line = None if issue.line is None else issue.line - first + 1
    return _StoredIssue(
        issue.severity,
        issue.rule,
        issue.message,
        issue.expression,
        issue.issue_type,
        issue.advice,
        line,
        issue.column,
    )


def _issue(stored: _StoredIssue, item: Input) -> Issue:
    values: dict[str, Any] = {name: getattr(stored, name) for name in stored.__struct_fields__}
    issue = Issue(**values, file=item.name)
    if issue.line is not None and item.line is not None:
        return replace(issue, line=issue.line + item.line - 1)
    return issue


def _shape_of(folder: Path) -> bytes:
    """Names, sizes and times of the files below a folder; compiled Python does not count."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".pyc" or not path.is_file():
            continue
        state = path.stat()
        name = path.relative_to(folder).as_posix()
        digest.update(f"{name}\0{state.st_size}\0{state.st_mtime_ns}\0".encode())
    return digest.digest()


def _content_of(path: Path) -> bytes:
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError:
        return b"missing"
