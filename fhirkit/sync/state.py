"""``.fhirkit/state.db``: the one SQLite file of a working tree, its schema and its migrations.

WAL and ``synchronous=FULL``: what a commit says is on the disk. One connection, guarded by one
lock, since workers hand in what they learned; the tree's kernel lock keeps other processes away.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import uuid
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from fhirkit.core.errors import Blocked, FhirkitError, InvalidInput
from fhirkit.core.jsonio import dump_bytes, loads
from fhirkit.core.resource import content_hash
from fhirkit.sync.entry import tree_form

VERSION = 3
#: Stands for all pushes without a tree: the same Bundle from anywhere creates the same resources.
_NAMELESS = uuid.UUID("5d0e7c52-3a42-5c7b-9a3e-1f5e4b8f2a10")
_SCHEMA = """
CREATE TABLE tree (id TEXT NOT NULL) STRICT;
CREATE TABLE remote (name TEXT PRIMARY KEY, identity TEXT NOT NULL, rung TEXT) STRICT;
CREATE TABLE statement (remote TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE export (
    remote TEXT NOT NULL, selection TEXT NOT NULL, status TEXT NOT NULL, since TEXT,
    began REAL NOT NULL, PRIMARY KEY (remote, selection)) STRICT, WITHOUT ROWID;
CREATE TABLE content (hash TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE base (
    remote TEXT NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL,
    sent_hash TEXT NOT NULL, remote_hash TEXT NOT NULL, version_id TEXT, remote_id TEXT,
    PRIMARY KEY (remote, type, id)) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX base_remote_id ON base (remote, type, remote_id) WHERE remote_id IS NOT NULL;
CREATE TABLE tracked (
    remote TEXT NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL,
    hash TEXT, version_id TEXT, PRIMARY KEY (remote, type, id)) STRICT, WITHOUT ROWID;
CREATE TABLE tombstone (
    remote TEXT NOT NULL, type TEXT NOT NULL, id TEXT NOT NULL, version_id TEXT,
    PRIMARY KEY (remote, type, id)) STRICT, WITHOUT ROWID;
CREATE TABLE watermark (
    remote TEXT NOT NULL, selection TEXT NOT NULL, instant TEXT NOT NULL,
    PRIMARY KEY (remote, selection)) STRICT, WITHOUT ROWID;
CREATE TABLE run (
    id INTEGER PRIMARY KEY, remote TEXT NOT NULL, command TEXT NOT NULL,
    began TEXT NOT NULL, ended TEXT, said TEXT) STRICT;
CREATE TABLE journal (
    id INTEGER PRIMARY KEY, run INTEGER NOT NULL, remote TEXT NOT NULL,
    type TEXT NOT NULL, resource TEXT NOT NULL, action TEXT NOT NULL, state TEXT NOT NULL,
    sent_hash TEXT, seen_hash TEXT, seen_version TEXT, rung TEXT, request_ids TEXT NOT NULL,
    sent_at REAL, note TEXT) STRICT;
CREATE INDEX journal_open ON journal (remote, type, resource)
    WHERE state IN ('planned', 'intent', 'in-doubt');
CREATE INDEX journal_run ON journal (run);
CREATE TABLE file (
    path TEXT PRIMARY KEY, size INTEGER NOT NULL, mtime INTEGER NOT NULL,
    inode INTEGER NOT NULL, hash TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""
_SINCE_THIRD = ("statement", "export")


class _Undone(Exception):  # no error: the way out of a rehearsal
    """What was tried is taken back."""


class State:
    """The state of one tree, or without a path one that lives as long as the process.

    Open it under the tree's lock to write; use it as a context manager.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or Path(":memory:")
        self.lock = threading.RLock()
        #: Whether nothing of what is noted now will be there after the command.
        self.rehearsing = False
        self._depth = 0
        self._tree: uuid.UUID | None = None
        try:
            if path is not None and not path.exists():
                # A record's content goes in here: readable by its owner alone from the start.
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            self._db = sqlite3.connect(
                self.path, isolation_level=None, timeout=5, check_same_thread=False
            )
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._prepare()
        except (sqlite3.Error, OSError) as problem:
            raise broken(self.path, problem) from None
        except UnicodeDecodeError:
            raise broken(self.path, ValueError("its table of contents is damaged")) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes inside become durable together, or none does; an inner one joins."""
        with self.lock:
            if self._depth:
                yield
                return
            try:
                self._db.execute("BEGIN IMMEDIATE")
                self._depth += 1
                try:
                    yield
                    self._db.execute("COMMIT")
                except BaseException:
                    if self._db.in_transaction:
                        self._db.execute("ROLLBACK")
                    raise
                finally:
                    self._depth -= 1
            except sqlite3.Error as problem:
                raise broken(self.path, problem) from None

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """Everything that is changed inside is undone at its end."""
        self.rehearsing = True
        try:
            with suppress(_Undone), self.transaction():
                yield
                raise _Undone
        finally:
            self.rehearsing = False

    def change(self, statement: str, *values: object) -> int:
        """Carry out one statement; the rows that it changed."""
        with self.lock:
            try:
                return self._db.execute(statement, values).rowcount
            except sqlite3.Error as problem:
                raise broken(self.path, problem) from None

    def change_many(self, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
        """Carry out one statement for each row, in one transaction."""
        with self.transaction():
            self._db.executemany(statement, rows)

    def rows(self, statement: str, *values: object) -> list[Any]:
        """All rows of a query."""
        with self.lock:
            try:
                return self._db.execute(statement, values).fetchall()
            except sqlite3.Error as problem:
                raise broken(self.path, problem) from None

    def tree_id(self) -> uuid.UUID:
        """The name of this tree, by which what it creates is told from what others create."""
        if self._tree is None:
            with self.transaction():
                rows = self.rows("SELECT id FROM tree")
                if not rows:
                    made = _NAMELESS if str(self.path) == ":memory:" else uuid.uuid4()
                    self.change("INSERT INTO tree VALUES (?)", str(made))
                    rows = [(str(made),)]
            self._tree = uuid.UUID(rows[0][0])
        return self._tree

    def keep(self, resource: dict[str, Any], digest: str | None = None) -> str:
        """Keep a resource as a tree has it; its hash (``digest`` if known)."""
        digest = digest or content_hash(resource)
        if not self.rows("SELECT 1 FROM content WHERE hash = ?", digest):
            body = zlib.compress(dump_bytes(tree_form(resource), indent=False), 1)
            self.change("INSERT OR IGNORE INTO content VALUES (?, ?)", digest, body)
        return digest

    def content(self, digest: str | None) -> dict[str, Any] | None:
        """The body with this hash; None when it is not kept."""
        rows = self.rows("SELECT body FROM content WHERE hash = ?", digest)
        try:
            resource: dict[str, Any] | None = loads(zlib.decompress(rows[0][0])) if rows else None
        except (zlib.error, InvalidInput) as problem:
            raise broken(self.path, problem) from None
        return resource

    def tidy(self, *, runs: int = 100) -> None:
        """Drop bodies that nothing names any more, and the journal of all but the last runs."""
        with self.transaction():
            self.change(
                "DELETE FROM journal WHERE state NOT IN ('planned', 'intent', 'in-doubt')"
                " AND run <= (SELECT max(id) FROM run) - ?",
                runs,
            )
            self.change(
                "DELETE FROM run WHERE id <= (SELECT max(id) FROM run) - ?"
                " AND id NOT IN (SELECT run FROM journal)",
                runs,
            )
            self.change(
                "DELETE FROM content WHERE hash NOT IN (SELECT sent_hash FROM base UNION"
                " SELECT remote_hash FROM base UNION"
                " SELECT hash FROM tracked WHERE hash IS NOT NULL UNION"
                " SELECT sent_hash FROM journal WHERE sent_hash IS NOT NULL AND"
                " state IN ('planned', 'intent', 'in-doubt'))"
            )

    def _prepare(self) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise Blocked(
                f"{self.path}: was written by a newer fhirkit", advice="use the newer fhirkit here"
            )
        if version == 0:
            self._db.executescript(f"BEGIN;{_SCHEMA}PRAGMA user_version={VERSION};COMMIT;")
        elif version == 1:
            self._from_first()
        elif version == 2:
            self._from_second()

    def _from_first(self) -> None:
        """From version 1: the same base, bodies deflated, intents as rows of the journal."""
        with self.transaction():
            for table in ("remote", "base", "intent", "content"):
                self._db.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
            for statement in _SCHEMA.split(";"):
                self._db.execute(statement)
            self._db.execute("INSERT INTO remote SELECT name, identity, NULL FROM old_remote")
            self._db.execute(
                "INSERT INTO base SELECT remote, type, id, sent_hash, remote_hash, version_id, NULL"
                " FROM old_base"
            )
            for digest, body in self._db.execute("SELECT hash, json FROM old_content"):
                packed = zlib.compress(body, 1)
                self._db.execute("INSERT INTO content VALUES (?, ?)", (digest, packed))
            self._db.execute(
                "INSERT INTO run VALUES (1, '', 'push', '', NULL, 'before the journal')"
            )
            self._db.execute(
                "INSERT INTO journal SELECT NULL, 1, i.remote, i.type, i.id, 'update', 'intent',"
                " i.sent_hash, b.remote_hash, b.version_id, 'id', group_concat(i.request_id, ' '),"
                " NULL, NULL FROM old_intent i LEFT JOIN old_base b USING (remote, type, id)"
                " GROUP BY i.remote, i.type, i.id, i.sent_hash"
            )
            for table in ("remote", "base", "intent", "content"):
                self._db.execute(f"DROP TABLE old_{table}")
            self._db.execute(f"PRAGMA user_version={VERSION}")

    def _from_second(self) -> None:
        """From version 2: what is remembered of servers and exports beside everything else."""
        with self.transaction():
            for statement in _SCHEMA.split(";"):
                if statement.split()[:3] in (["CREATE", "TABLE", name] for name in _SINCE_THIRD):
                    self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version={VERSION}")


def broken(path: Path, problem: Exception) -> FhirkitError:
    """What to say when the file cannot be used."""
    return Blocked(
        f"{path}: the state cannot be used ({problem})",
        advice="if it is damaged, move it away: what is equal on both sides is found again",
    )
