"""The journal of one remote: every write that was planned, and what became of it.

    planned → intent → applied | rejected | conflict
                     ↘ in-doubt ↗

A row is ``intent``, durably, before its first byte leaves. So a row that is still ``planned`` was
never sent, one in ``intent`` or ``in-doubt`` may have been, and only the server can tell.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from fhirkit.core.resource import ResourceKey
from fhirkit.sync.plan import Action, Step
from fhirkit.sync.state import State


class OpState(StrEnum):
    """Where an operation stands."""

    PLANNED = "planned"
    INTENT = "intent"
    IN_DOUBT = "in-doubt"
    APPLIED = "applied"
    REJECTED = "rejected"
    CONFLICT = "conflict"
    DROPPED = "dropped"


_OPERATION = (
    "SELECT id, type, resource, action, state, sent_hash, seen_hash, seen_version, rung,"
    " request_ids, sent_at, note FROM journal"
)
_RUN = "SELECT id, remote, command, began, ended, said FROM run"
OPEN = (OpState.INTENT, OpState.IN_DOUBT)


@dataclass(frozen=True, slots=True)
class Operation:
    """One row: what was to be written, on which state of the server, and under which names.

    ``note`` is what a person may read of it, and of one that is open the server's id, if it gave
    one. ``request_ids`` are the X-Request-Id values it was sent with; ``sent_at`` is this machine's
    clock, only good for waiting.
    """

    number: int
    key: ResourceKey
    step: Step
    state: OpState
    sent_hash: str | None
    seen_hash: str | None
    seen_version: str | None
    rung: str | None
    request_ids: frozenset[str]
    sent_at: float | None
    note: str | None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON form for ``log --json``."""
        full = {
            "resource": str(self.key),
            "action": str(self.step),
            "state": str(self.state),
            "note": self.note,
        }
        return {name: value for name, value in full.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Run:
    """One command that wrote: times in UTC, ``ended`` None when it never came to its end."""

    number: int
    remote: str
    command: str
    began: str
    ended: str | None
    said: str | None


class Journal:
    """The rows of one remote; every method is one commit, or part of an open transaction."""

    def __init__(self, state: State, remote: str) -> None:
        self.state = state
        self.remote = remote
        self.run = 0

    def begin(self, command: str) -> None:
        """A command that may write begins."""
        with self.state.transaction():
            self.state.change(
                "INSERT INTO run (remote, command, began) VALUES (?, ?, ?)",
                self.remote, command, _now(),
            )  # fmt: skip
            ((self.run,),) = self.state.rows("SELECT last_insert_rowid()")

    def end(self, said: str) -> None:
        """The command has come to its end, and this is its summary."""
        self.state.change("UPDATE run SET ended = ?, said = ? WHERE id = ?", _now(), said, self.run)

    def plan(self, actions: Iterable[Action], hashes: dict[ResourceKey, str]) -> None:
        """Note what is going to be written; what an earlier run had planned is superseded."""
        rows = [
            (
                self.run, self.remote, *action.key, str(action.step), hashes.get(action.key),
                action.seen.hash if action.seen else None, action.if_match,
            )
            for action in actions
        ]  # fmt: skip
        with self.state.transaction():
            self.drop_planned("superseded by a later run")
            self.state.change_many(
                "INSERT INTO journal (run, remote, type, resource, action, state, sent_hash,"
                " seen_hash, seen_version, request_ids)"
                " VALUES (?, ?, ?, ?, ?, 'planned', ?, ?, ?, '')",
                rows,
            )

    def intend(self, actions: Iterable[Action], request_id: str, rung: str) -> None:
        """Before sending: these writes may from now on have happened."""
        self.state.change_many(
            "UPDATE journal SET state = 'intent', rung = ?, sent_at = ?, action = ?,"
            " seen_hash = ?, seen_version = ?, request_ids = trim(request_ids || ' ' || ?)"
            " WHERE remote = ? AND type = ? AND resource = ?"
            " AND state IN ('planned', 'intent', 'in-doubt')",
            [
                (
                    rung, time.time(), str(action.step),
                    action.seen.hash if action.seen else None, action.if_match, request_id,
                    self.remote, *action.key,
                )
                for action in actions
            ],
        )  # fmt: skip

    def unsent(self, keys: Iterable[ResourceKey]) -> None:
        """Not a byte of the request has left, so nothing can have happened."""
        self._move(keys, OpState.PLANNED, None)

    def doubt(self, keys: Iterable[ResourceKey]) -> None:
        """The answer is lost, late or wrong."""
        self._move(keys, OpState.IN_DOUBT, None)

    def named(self, ids: Mapping[ResourceKey, str]) -> None:
        """The server said that it created these under its own ids; whether it did is open yet."""
        if ids:
            self.state.change_many(
                "UPDATE journal SET note = ? WHERE remote = ? AND type = ? AND resource = ?"
                " AND state IN ('intent', 'in-doubt')",
                [(remote_id, self.remote, *key) for key, remote_id in ids.items()],
            )

    def settle(self, key: ResourceKey, state: OpState, note: str | None = None) -> None:
        """It is known what became of the write of this resource."""
        self._move([key], state, note)

    def drop_planned(self, note: str) -> int:
        """Give up what was planned and never sent; how many."""
        return self.state.change(
            "UPDATE journal SET state = 'dropped', note = ? WHERE remote = ? AND state = 'planned'",
            note,
            self.remote,
        )

    def open(self, *states: OpState) -> list[Operation]:
        """The operations in these states, by default those that may have happened."""
        return self._select(
            f"remote = ? AND state IN ({_marks(states or OPEN)})", self.remote, *(states or OPEN)
        )

    def unfinished(self) -> list[Operation]:
        """What an interrupted push had planned, or may have sent."""
        return self.open(OpState.PLANNED, *OPEN)

    def of_run(self, run: int) -> list[Operation]:
        """Everything that one command planned."""
        return self._select("run = ?", run)

    def runs(self, limit: int) -> list[Run]:
        """The latest pushes and pulls, with any remote, latest first."""
        rows = self.state.rows(f"{_RUN} ORDER BY id DESC LIMIT ?", limit)
        return [Run(*row) for row in rows]

    def numbered(self, number: int) -> Run | None:
        """One of them; None when there is none with this number (any more)."""
        rows = self.state.rows(f"{_RUN} WHERE id = ?", number)
        return Run(*rows[0]) if rows else None

    def _move(self, keys: Iterable[ResourceKey], state: OpState, note: str | None) -> None:
        self.state.change_many(
            "UPDATE journal SET state = ?, note = ? WHERE remote = ? AND type = ? AND resource = ?"
            " AND state IN ('planned', 'intent', 'in-doubt')",
            [(str(state), note, self.remote, *key) for key in keys],
        )

    def _select(self, where: str, *values: object) -> list[Operation]:
        rows = self.state.rows(f"{_OPERATION} WHERE {where} ORDER BY id", *values)
        return [
            Operation(
                number=row[0],
                key=ResourceKey(row[1], row[2]),
                step=Step(row[3]),
                state=OpState(row[4]),
                sent_hash=row[5],
                seen_hash=row[6],
                seen_version=row[7],
                rung=row[8],
                request_ids=frozenset(row[9].split()),
                sent_at=row[10],
                note=row[11],
            )
            for row in rows
        ]


def _marks(states: tuple[OpState, ...]) -> str:
    return ", ".join("?" * len(states))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
