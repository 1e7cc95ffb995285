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
from fhirkit.sync.journal import Journal, Operation, OpState
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


def settle_open(server: Counterpart, store: BaseStore, journal: Journal, *, quiet: float) -> int:
    """Find out what became of the writes of a run that did not end; how many had arrived.

    ``quiet`` are the seconds after which a server no longer commits what it was sent.
    """
    arrived = 0
    for operation in journal.open():
        if operation.step is Step.DELETE:
            arrived += _settle_delete(server, store, journal, operation)
            continue
        stored = _stored(server, store, operation, quiet)
        sent = store.content(operation.sent_hash)
        with store.transaction():
            if stored is not None and sent is not None:
                remote_id = server.there(operation.key).id
                store.agree(operation.key, sent, stored, remote_id=remote_id)
                journal.settle(operation.key, OpState.APPLIED, "found on the server by a later run")
                arrived += 1
            else:
                journal.settle(operation.key, OpState.DROPPED, "had not arrived")
    return arrived


def _stored(
    server: Counterpart, store: BaseStore, operation: Operation, quiet: float
) -> dict[str, Any] | None:
    """What the server made of a create or update; None when it did nothing with it."""
    key, seen, sent = operation.key, None, operation.sent_hash or ""
    if operation.seen_hash is not None:
        seen = Entry(key, operation.seen_hash, operation.seen_version)
    if operation.rung == Rung.TAG and operation.step is Step.CREATE:
        return _by_tag(server, store, operation, quiet)
    now = server.read(key)
    verdict = fate(sent, operation.request_ids, seen=seen, now=now, written=None)
    if verdict is Fate.APPLIED:
        return now
    if verdict is Fate.FOREIGN and now is not None:
        return past_version(server, key, sent, operation.request_ids, seen=seen)
    return None


def _by_tag(
    server: Counterpart, store: BaseStore, operation: Operation, quiet: float
) -> dict[str, Any] | None:
    key = operation.key
    tag = str(uuid.uuid5(store.state.tree_id(), str(key)))
    found = server.tagged(key.type, tag)
    left = quiet - max(0.0, time.time() - (operation.sent_at or 0.0))
    if not found and left > 0:
        server.client.transport.sleep(min(left, quiet))
        found = server.tagged(key.type, tag)
    if not found:
        return None
    server.learn(key, found[0]["id"])
    sent, now = operation.sent_hash or "", server.inward(found[0])
    if content_hash(now) == sent or trace_of(now) in operation.request_ids:
        return now
    past = past_version(server, key, sent, operation.request_ids, seen=None)
    if past is None:
        # It is ours, and nobody can tell any more what of it somebody else has changed since.
        store.link(key, found[0]["id"])
    return past


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
