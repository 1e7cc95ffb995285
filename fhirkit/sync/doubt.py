"""What became of a write: told from the server's state, never assumed.

An answer can be lost, cut short or wrong although the server did what was asked. So after every
write the resource is read back, and its fate is judged by content, by version and by the request
id that some servers keep.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection
from enum import Enum, auto
from typing import Any

from fhirkit.core.resource import ResourceKey, content_hash
from fhirkit.remote.client import Written
from fhirkit.sync.answer import Rung
from fhirkit.sync.base import BaseStore
from fhirkit.sync.counterpart import Counterpart
from fhirkit.sync.entry import Entry, trace_of, version_id
from fhirkit.sync.habits import Habits
from fhirkit.sync.journal import Journal, Operation, OpState
from fhirkit.sync.ownership import Whose, agree_on_sent, whose
from fhirkit.sync.plan import Step


class Fate(Enum):
    """Ours is there; nothing has happened; ours was there and is changed; someone else's is."""

    APPLIED = auto()
    OPEN = auto()
    OVERTAKEN = auto()
    FOREIGN = auto()


def fate(
    sent_hash: str,
    request_ids: Collection[str],
    *,
    seen: Entry | None,
    now: dict[str, Any] | None,
    written: Written | None,
) -> Fate:
    """The fate of a write, from the state before it (``seen``) and after it (``now``)."""
    if now is None:
        return Fate.OPEN if seen is None else Fate.FOREIGN
    digest, version = content_hash(now), version_id(now)
    if digest == sent_hash or trace_of(now) in request_ids:
        return Fate.APPLIED
    if seen is not None and digest == seen.hash and version == seen.version_id:
        return Fate.OPEN
    if written is None:
        return Fate.FOREIGN
    # The server said yes and holds another content: its own spelling of ours, or a later change.
    if written.version_id in (None, version):
        return Fate.APPLIED
    return Fate.OVERTAKEN


def past_version(
    server: Counterpart,
    key: ResourceKey,
    sent_hash: str,
    request_ids: Collection[str],
    *,
    seen: Entry | None,
) -> dict[str, Any] | None:
    """The version in the history, later than ``seen``, that is what was sent; None without one."""
    for version in server.history(key):
        if ResourceKey(str(version.get("resourceType")), str(version.get("id"))) != key:
            continue
        if seen is not None and version_id(version) == seen.version_id:
            return None
        if content_hash(version) == sent_hash or trace_of(version) in request_ids:
            return version
    return None


def written_over(
    server: Counterpart, key: ResourceKey, sent_hash: str, request_ids: Collection[str]
) -> str | None:
    """The version of somebody else that a create replaced, on a server without a guard."""
    for version in server.history(key):
        if content_hash(version) != sent_hash and trace_of(version) not in request_ids:
            return version_id(version) or "before"
    return None


def settle_open(server: Counterpart, store: BaseStore, journal: Journal, *, quiet: float) -> int:
    """Find out what became of the writes of a run that did not end; how many had arrived.

    ``quiet`` are the seconds after which a server no longer commits what it was sent.
    """
    operations = journal.open()
    made = _created(server, store, operations, quiet)
    arrived, habits = 0, Habits(store)
    for operation in operations:
        if operation.step is Step.DELETE:
            arrived += _settle_delete(server, store, journal, operation)
            continue
        sent = store.content(operation.sent_hash)
        stored, grown = _stored(server, store, operation, made, habits, sent)
        with store.transaction():
            if stored is not None and sent is not None:
                remote_id = server.there(operation.key).id
                if grown:
                    agree_on_sent(store, operation.key, sent, stored, remote_id)
                else:
                    store.agree(operation.key, sent, stored, remote_id=remote_id)
                journal.settle(operation.key, OpState.APPLIED, "found on the server by a later run")
                arrived += 1
            else:
                journal.settle(operation.key, OpState.DROPPED, "had not arrived")
    return arrived


_Made = dict[ResourceKey, dict[str, Any] | None]


def _created(
    server: Counterpart, store: BaseStore, operations: list[Operation], quiet: float
) -> _Made:
    """What came of creates on a server that gives ids, found by the id that it named or else by
    their tags; ids are learned.

    "Not there" is believed when the last of them is older than ``quiet`` seconds.
    """
    theirs = [
        one for one in operations
        if one.step is Step.CREATE and one.rung in (Rung.TAG, Rung.POST)
    ]  # fmt: skip
    made: _Made = {}
    for one in theirs:
        found = server.client.read(ResourceKey(one.key.type, one.note)) if one.note else None
        if found is not None and one.note:
            server.learn(one.key, one.note)
            made[one.key] = found
    creates = [one for one in theirs if one.rung == Rung.TAG and one.key not in made]
    tags = {one.key: str(uuid.uuid5(store.state.tree_id(), str(one.key))) for one in creates}
    made |= {key: server.created_by(key, tag) for key, tag in tags.items()}
    if all(found is not None for found in made.values()):
        return made
    left = quiet - max(0.0, time.time() - max(one.sent_at or 0.0 for one in creates))
    if left > 0:
        server.client.transport.sleep(min(left, quiet))
    return made | {key: made[key] or server.created_by(key, tag) for key, tag in tags.items()}


def _stored(
    server: Counterpart,
    store: BaseStore,
    operation: Operation,
    made: _Made,
    habits: Habits,
    body: dict[str, Any] | None,
) -> tuple[dict[str, Any] | None, bool]:
    """What the server made of a create or update of ``body``; None when it did nothing with it.

    And whether that may hold something of somebody else's besides.
    """
    key, seen, sent = operation.key, None, operation.sent_hash or ""
    if operation.seen_hash is not None:
        seen = Entry(key, operation.seen_hash, operation.seen_version)
    if key in made:
        found = made[key]
        now = None if found is None else server.inward(found)
    else:
        now = server.read(key)
    verdict = fate(sent, operation.request_ids, seen=seen, now=now, written=None)
    if verdict is Fate.APPLIED:
        return now, False
    if verdict is not Fate.FOREIGN or now is None:
        return None, False
    owner = Whose.UNKNOWN if body is None else whose(habits, operation.step, body, now)
    if owner is Whose.OURS:
        return now, False
    past = past_version(server, key, sent, operation.request_ids, seen=seen)
    if past is None and owner is Whose.GROWN:
        return now, True
    if past is None and key in made:
        # It is ours, and nobody can tell any more what of it somebody else changed since.
        store.link(key, server.there(key).id)
    return past, False


def _settle_delete(
    server: Counterpart, store: BaseStore, journal: Journal, operation: Operation
) -> int:
    gone = server.read(operation.key) is None
    with store.transaction():
        if gone:
            store.forget(operation.key, version=operation.seen_version)
            journal.settle(operation.key, OpState.APPLIED, "found deleted by a later run")
        else:
            journal.settle(operation.key, OpState.DROPPED, "had not arrived")
    return int(gone)
