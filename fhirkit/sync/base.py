"""The base of one remote: what tree and server last agreed on, and what a fetch learned since.

A view of ``state.State`` for one remote. Agreement is written only after the server has said or
shown what it holds, in one commit with the end of the operation that led to it.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from typing import Any

from fhirkit.core.resource import ResourceKey, content_hash
from fhirkit.sync.entry import BaseEntry, Entry, version_id
from fhirkit.sync.state import State

#: Behind a rung: without transactions.
_ALONE = " alone"
_TABLES = ("base", "tracked", "tombstone", "watermark", "journal", "statement", "export")


class BaseStore:
    """What is agreed on with the remote called ``remote``."""

    def __init__(self, state: State, remote: str) -> None:
        self.state = state
        self.remote = remote
        self.transaction = state.transaction

    def entries(self) -> dict[ResourceKey, BaseEntry]:
        """Everything agreed on with this remote."""
        rows = self.state.rows(
            "SELECT type, id, sent_hash, remote_hash, version_id, remote_id FROM base"
            " WHERE remote = ? ORDER BY type, id",
            self.remote,
        )
        entries = (BaseEntry(ResourceKey(row[0], row[1]), *row[2:]) for row in rows)
        return {entry.key: entry for entry in entries}

    def entries_of(self, keys: Iterable[ResourceKey]) -> dict[ResourceKey, BaseEntry]:
        """What is agreed on of these resources."""
        found: dict[ResourceKey, BaseEntry] = {}
        for key in keys:
            for row in self.state.rows(
                "SELECT sent_hash, remote_hash, version_id, remote_id FROM base"
                " WHERE remote = ? AND type = ? AND id = ?",
                *self._at(key),
            ):
                found[key] = BaseEntry(key, *row)
        return found

    def content(self, digest: str | None) -> dict[str, Any] | None:
        """The content with this hash, without what servers own; None when it is not kept."""
        return self.state.content(digest)

    def agree(
        self,
        key: ResourceKey,
        ours: dict[str, Any],
        theirs: dict[str, Any],
        *,
        sent: str | None = None,
        remote_id: str | None = None,
    ) -> None:
        """The remote holds ``ours`` as ``theirs``; ``remote_id`` is its own id for it, if new.

        ``sent`` is the hash of ours, where it is known.
        """
        sent = self.state.keep(ours, sent)
        stored = content_hash(theirs)
        if stored != sent:
            self.state.keep(theirs, stored)
        with self.transaction():
            if remote_id is None:
                remote_id = self.remote_id(key)
            elif remote_id == key.id:
                remote_id = None
            row = (*self._at(key), sent, stored, version_id(theirs), remote_id)
            self.state.change("INSERT OR REPLACE INTO base VALUES (?, ?, ?, ?, ?, ?, ?)", *row)
            self._drop("tracked", key)
            self._drop("tombstone", key)

    def forget(self, key: ResourceKey, *, version: str | None = None) -> None:
        """Neither side has it any more; ``version`` is the last one that was agreed on."""
        with self.transaction():
            self._drop("base", key)
            self._drop("tracked", key)
            self.state.change(
                "INSERT OR REPLACE INTO tombstone VALUES (?, ?, ?, ?)", *self._at(key), version
            )

    def link(self, key: ResourceKey, remote_id: str) -> None:
        """The same resource on both sides, without a content that was ever agreed on."""
        rid = None if remote_id == key.id else remote_id
        self.state.change(
            "INSERT OR REPLACE INTO base VALUES (?, ?, ?, '', '', NULL, ?)", *self._at(key), rid
        )

    def unlink(self, key: ResourceKey) -> None:
        """Begin anew with one resource: whatever either side holds is new to the other."""
        with self.transaction():
            self._drop("base", key)

    def forget_all(self) -> None:
        """Begin anew with this remote: no agreement, no journal, no identity."""
        with self.transaction():
            for table in _TABLES:
                self.state.change(f"DELETE FROM {table} WHERE remote = ?", self.remote)  # noqa: S608  # fixed names
            self.state.change("DELETE FROM remote WHERE name = ?", self.remote)

    def tombstones(self) -> dict[ResourceKey, str | None]:
        """Deletions that were agreed on, with the last version before each."""
        rows = self.state.rows(
            "SELECT type, id, version_id FROM tombstone WHERE remote = ?", self.remote
        )
        return {ResourceKey(row[0], row[1]): row[2] for row in rows}

    # -- the id map -------------------------------------------------------------------------

    def remote_ids(self) -> dict[ResourceKey, str]:
        """Keys here whose resource has another id on the server, with that id."""
        rows = self.state.rows(
            "SELECT type, id, remote_id FROM base WHERE remote = ? AND remote_id IS NOT NULL",
            self.remote,
        )
        return {ResourceKey(row[0], row[1]): row[2] for row in rows}

    def remote_id(self, key: ResourceKey) -> str | None:
        """The server's own id for a resource; None where it is ours."""
        rows = self.state.rows(
            "SELECT remote_id FROM base WHERE remote = ? AND type = ? AND id = ?", *self._at(key)
        )
        return rows[0][0] if rows else None

    # -- what a fetch learned ---------------------------------------------------------------

    def track(self, key: ResourceKey, theirs: dict[str, Any] | None) -> None:
        """The server now holds this, or with None nothing, other than was agreed."""
        digest = self.state.keep(theirs) if theirs is not None else None
        version = version_id(theirs) if theirs is not None else None
        row = (*self._at(key), digest, version)
        self.state.change("INSERT OR REPLACE INTO tracked VALUES (?, ?, ?, ?, ?)", *row)

    def respelled(self, kind: str, most: int) -> set[tuple[str, str]]:
        """Pairs of hashes (sent, stored) of what the server is known to have stored otherwise.

        At most so many of this type, and as many of any.
        """
        statement = (
            "SELECT sent_hash, remote_hash FROM base WHERE remote = ? AND sent_hash <> remote_hash"
            " AND sent_hash <> '' AND version_id IS NOT NULL"
        )
        found = self.state.rows(f"{statement} LIMIT ?", self.remote, most)
        found += self.state.rows(f"{statement} AND type = ? LIMIT ?", self.remote, kind, most)
        return {(sent, stored) for sent, stored in found}

    def grown(self) -> list[tuple[BaseEntry, Entry]]:
        """What was agreed on as it was sent although the server holds more: both forms."""
        rows = self.state.rows(
            "SELECT base.type, base.id, sent_hash, remote_hash, base.version_id, remote_id,"
            " tracked.hash, tracked.version_id FROM base JOIN tracked USING (remote, type, id)"
            " WHERE remote = ? AND base.version_id IS NULL AND sent_hash = remote_hash"
            " AND sent_hash <> '' AND tracked.hash IS NOT NULL",
            self.remote,
        )
        keys = [ResourceKey(row[0], row[1]) for row in rows]
        return [
            (BaseEntry(key, *row[2:6]), Entry(key, row[6], row[7]))
            for key, row in zip(keys, rows, strict=True)
        ]

    def untrack(self, key: ResourceKey) -> None:
        """What the server holds is what was agreed."""
        self._drop("tracked", key)

    def tracked(self) -> dict[ResourceKey, Entry | None]:
        """What the server is known to hold other than agreed; None for a deletion."""
        rows = self.state.rows(
            "SELECT type, id, hash, version_id FROM tracked WHERE remote = ? ORDER BY type, id",
            self.remote,
        )
        found: dict[ResourceKey, Entry | None] = {}
        for kind, logical_id, digest, version in rows:
            key = ResourceKey(kind, logical_id)
            found[key] = Entry(key, digest, version) if digest is not None else None
        return found

    def version_moved(self, key: ResourceKey, version: str | None) -> None:
        """The server counts a new version of the content that was agreed on."""
        self.state.change(
            "UPDATE base SET version_id = ? WHERE remote = ? AND type = ? AND id = ?",
            version,
            *self._at(key),
        )

    def watermark(self, selection: str) -> str | None:
        """The server's time up to which the selection is known; None before a first time."""
        rows = self.state.rows(
            "SELECT instant FROM watermark WHERE remote = ? AND selection = ?",
            self.remote,
            selection,
        )
        return rows[0][0] if rows else None

    def advance(self, selections: Collection[str], instant: str) -> None:
        """Everything up to this moment of the server's clock is stored."""
        self.state.change_many(
            "INSERT OR REPLACE INTO watermark VALUES (?, ?, ?)",
            [(self.remote, selection, instant) for selection in selections],
        )

    # -- what the server is -----------------------------------------------------------------

    def identity(self) -> str | None:
        """What the server said it was when this base was begun."""
        rows = self.state.rows("SELECT identity FROM remote WHERE name = ?", self.remote)
        return rows[0][0] if rows else None

    def identify(self, identity: str) -> None:
        """Remember what the server says it is."""
        self.state.change(
            "INSERT OR REPLACE INTO remote VALUES (?, ?, NULL)", self.remote, identity
        )

    def statement(self) -> bytes | None:
        """What is remembered of its CapabilityStatement; None before a first time."""
        rows = self.state.rows("SELECT body FROM statement WHERE remote = ?", self.remote)
        return rows[0][0] if rows else None

    def keep_statement(self, body: bytes | None) -> None:
        """Remember this of its CapabilityStatement, or nothing."""
        if body is None:
            self.state.change("DELETE FROM statement WHERE remote = ?", self.remote)
        else:
            self.state.change("INSERT OR REPLACE INTO statement VALUES (?, ?)", self.remote, body)

    def exports(self) -> list[tuple[str, str, str | None]]:
        """Bulk exports under way: the selection of each, where its status is, and its start."""
        rows = self.state.rows(
            "SELECT selection, status, since FROM export WHERE remote = ?", self.remote
        )
        return [(row[0], row[1], row[2]) for row in rows]

    def keep_export(self, selection: str, status: str, since: str | None) -> None:
        """An export has begun, and this is where its status is."""
        self.state.change(
            "INSERT OR REPLACE INTO export VALUES (?, ?, ?, ?, ?)",
            self.remote, selection, status, since, time.time(),
        )  # fmt: skip

    def drop_export(self, selection: str) -> None:
        """Nobody has to ask for this export any more."""
        self.state.change(
            "DELETE FROM export WHERE remote = ? AND selection = ?", self.remote, selection
        )

    def rung(self) -> str | None:
        """The way of creating that this server was found to need; None before a first create."""
        return self._way().partition(_ALONE)[0] or None

    def goes_alone(self) -> bool:
        """Whether this server was found to take no transactions."""
        return self._way().endswith(_ALONE)

    def set_rung(self, rung: str, *, alone: bool) -> None:
        """Remember how this server creates, and whether ``alone``, without transactions."""
        way = f"{rung}{_ALONE if alone else ''}"
        self.state.change("UPDATE remote SET rung = ? WHERE name = ?", way, self.remote)

    def _way(self) -> str:
        rows = self.state.rows("SELECT rung FROM remote WHERE name = ?", self.remote)
        return (rows[0][0] if rows else None) or ""

    def sample(self, count: int) -> list[ResourceKey]:
        """Some resources agreed on, spread over all of them, always the same; small ones first."""
        rows = self.state.rows(
            "SELECT type, id FROM (SELECT type, id, remote_hash FROM base WHERE remote = ?"
            " ORDER BY remote_hash LIMIT ?) LEFT JOIN content ON hash = remote_hash"
            " ORDER BY length(body)",
            self.remote,
            count,
        )
        return [ResourceKey(*row) for row in rows]

    def count(self) -> int:
        """How many resources are agreed on."""
        (row,) = self.state.rows("SELECT count(*) FROM base WHERE remote = ?", self.remote)
        number: int = row[0]
        return number

    def _drop(self, table: str, key: ResourceKey) -> None:
        self.state.change(
            f"DELETE FROM {table} WHERE remote = ? AND type = ? AND id = ?",  # noqa: S608  # fixed names
            *self._at(key),
        )

    def _at(self, key: ResourceKey) -> tuple[str, str, str]:
        return self.remote, key.type, key.id
