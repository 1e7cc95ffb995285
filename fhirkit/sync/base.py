"""The base: what tree and remote last agreed on, in ``.fhirkit/state.db`` (SQLite).

Written only after the server has been read back. ``synchronous=FULL`` and one transaction a
group of writes, so after a crash the base is never ahead of the remote. What is about to be sent
is noted first (an intent): the next run finds out what became of it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from fhirkit.core.errors import Blocked, FhirkitError
from fhirkit.core.jsonio import dump_bytes, loads
from fhirkit.core.resource import ResourceKey, comparable, content_hash
from fhirkit.sync.entry import BaseEntry, version_id

_VERSION = 1
_SCHEMA = """
CREATE TABLE remote (name TEXT PRIMARY KEY, identity TEXT NOT NULL) STRICT;
CREATE TABLE base (
    remote TEXT NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL,
    sent_hash TEXT NOT NULL, remote_hash TEXT NOT NULL, version_id TEXT,
    PRIMARY KEY (remote, type, id)) STRICT, WITHOUT ROWID;
CREATE TABLE intent (
    remote TEXT NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL,
    sent_hash TEXT NOT NULL, request_id TEXT NOT NULL,
    PRIMARY KEY (remote, type, id, request_id)) STRICT, WITHOUT ROWID;
CREATE TABLE content (hash TEXT PRIMARY KEY, json BLOB NOT NULL) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Intent:
    """A write that was sent, or about to be: the hash of its content, and its request ids."""

    key: ResourceKey
    sent_hash: str
    request_ids: frozenset[str]


class BaseStore:
    """The base of one remote. Open it under the tree's lock; use it as a context manager."""

    def __init__(self, path: Path, remote: str) -> None:
        self.remote = remote
        try:
            if not path.exists():
                # A record's content goes in here: readable by its owner alone from the start.
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            self._db = sqlite3.connect(path, isolation_level=None, timeout=5)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._prepare(path)
        except (sqlite3.Error, OSError) as problem:
            raise _broken(path, problem) from None
        self._path = path

    def _prepare(self, path: Path) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > _VERSION:
            raise Blocked(
                f"{path}: was written by a newer fhirkit", advice="use the newer fhirkit here"
            )
        if version == 0:
            self._db.executescript(f"BEGIN;{_SCHEMA}PRAGMA user_version={_VERSION};COMMIT;")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def tidy(self) -> None:
        """Drop content that nothing names any more; under the tree's lock only."""
        self._change(
            "DELETE FROM content WHERE hash NOT IN (SELECT sent_hash FROM base UNION"
            " SELECT remote_hash FROM base UNION SELECT sent_hash FROM intent)"
        )

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes inside become durable together, or none does."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        except sqlite3.Error as problem:
            raise _broken(self._path, problem) from None

    def entries(self) -> dict[ResourceKey, BaseEntry]:
        """Everything agreed on with this remote."""
        rows = self._rows(
            "SELECT type, id, sent_hash, remote_hash, version_id FROM base WHERE remote = ?"
            " ORDER BY type, id",
            self.remote,
        )
        entries = (BaseEntry(ResourceKey(row[0], row[1]), *row[2:]) for row in rows)
        return {entry.key: entry for entry in entries}

    def content(self, digest: str) -> dict[str, Any] | None:
        """The content with this hash, without what servers own; None when it is not kept."""
        rows = self._rows("SELECT json FROM content WHERE hash = ?", digest)
        resource: dict[str, Any] | None = loads(rows[0][0]) if rows else None
        return resource

    def record(
        self, key: ResourceKey, sent: dict[str, Any], stored: dict[str, Any], version: str | None
    ) -> None:
        """Both sides agree: ours is ``sent``, which the remote holds as ``stored``."""
        row = (*self._at(key), self._keep(sent), self._keep(stored), version)
        self._change("INSERT OR REPLACE INTO base VALUES (?, ?, ?, ?, ?, ?)", *row)
        self.settle(key)

    def agree(self, key: ResourceKey, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
        """As ``record``, with the version that the remote's copy names."""
        self.record(key, ours, theirs, version_id(theirs))

    def forget(self, key: ResourceKey) -> None:
        """Neither side has it any more."""
        self._change("DELETE FROM base WHERE remote = ? AND type = ? AND id = ?", *self._at(key))
        self.settle(key)

    def forget_all(self) -> None:
        """Begin anew with this remote: no agreement, no intent, no identity."""
        with self.transaction():
            for table in ("base", "intent"):
                self._change(f"DELETE FROM {table} WHERE remote = ?", self.remote)  # noqa: S608  # two fixed names
            self._change("DELETE FROM remote WHERE name = ?", self.remote)

    def intend(self, writes: Iterable[tuple[ResourceKey, dict[str, Any]]], request_id: str) -> None:
        """Note durably what is about to be sent."""
        with self.transaction():
            for key, resource in writes:
                row = (*self._at(key), self._keep(resource), request_id)
                self._change("INSERT OR REPLACE INTO intent VALUES (?, ?, ?, ?, ?)", *row)

    def settle(self, key: ResourceKey) -> None:
        """It is known what became of every write of this resource."""
        self._change("DELETE FROM intent WHERE remote = ? AND type = ? AND id = ?", *self._at(key))

    def intents(self) -> list[Intent]:
        """The writes of earlier runs whose end is not known."""
        rows = self._rows(
            "SELECT type, id, sent_hash, request_id FROM intent WHERE remote = ? ORDER BY type, id",
            self.remote,
        )
        grouped: dict[tuple[ResourceKey, str], set[str]] = {}
        for kind, logical_id, sent_hash, request_id in rows:
            grouped.setdefault((ResourceKey(kind, logical_id), sent_hash), set()).add(request_id)
        return [Intent(key, sent, frozenset(ids)) for (key, sent), ids in grouped.items()]

    def identity(self) -> str | None:
        """What the server said it was when this base was begun."""
        rows = self._rows("SELECT identity FROM remote WHERE name = ?", self.remote)
        return rows[0][0] if rows else None

    def identify(self, identity: str) -> None:
        """Remember what the server says it is."""
        self._change("INSERT OR REPLACE INTO remote VALUES (?, ?)", self.remote, identity)

    def _keep(self, resource: dict[str, Any]) -> str:
        digest = content_hash(resource)
        data = dump_bytes(comparable(resource), indent=False)
        self._change("INSERT OR IGNORE INTO content VALUES (?, ?)", digest, data)
        return digest

    def _at(self, key: ResourceKey) -> tuple[str, str, str]:
        return self.remote, key.type, key.id

    def _change(self, statement: str, *values: object) -> None:
        try:
            self._db.execute(statement, values)
        except sqlite3.Error as problem:
            raise _broken(self._path, problem) from None

    def _rows(self, statement: str, *values: object) -> list[Any]:
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as problem:
            raise _broken(self._path, problem) from None


def _broken(path: Path, problem: Exception) -> FhirkitError:
    return Blocked(
        f"{path}: the state cannot be used ({problem})",
        advice="if it is damaged, move it away: what is equal on both sides is found again",
    )
