"""What became of a write: told from the server's state, never assumed.

An answer can be lost, cut short or wrong although the server did what was asked. So after every
write the resource is read back, and its fate is judged by content, by version and by the request
id that some servers keep.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum, auto
from typing import Any

from fhirkit.core.resource import ResourceKey, content_hash
from fhirkit.remote.client import Client, Written
from fhirkit.sync.base import BaseStore
from fhirkit.sync.entry import Entry, trace_of, version_id


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
    client: Client,
    key: ResourceKey,
    sent_hash: str,
    request_ids: Collection[str],
    *,
    seen: Entry | None,
) -> dict[str, Any] | None:
    """The version in the history, later than ``seen``, that is what was sent; None without one."""
    for version in client.history(key):
        if ResourceKey(str(version.get("resourceType")), str(version.get("id"))) != key:
            continue
        if seen is not None and version_id(version) == seen.version_id:
            return None
        if content_hash(version) == sent_hash or trace_of(version) in request_ids:
            return version
    return None


def settle_intents(client: Client, store: BaseStore) -> int:
    """Find out what became of the writes of a run that did not end; how many had arrived."""
    intents = store.intents()
    base = store.entries()
    arrived = 0
    for intent in intents:
        agreed = base.get(intent.key)
        seen = Entry(agreed.key, agreed.remote_hash, agreed.version_id) if agreed else None
        now = client.read(intent.key)
        verdict = fate(intent.sent_hash, intent.request_ids, seen=seen, now=now, written=None)
        stored = now if verdict is Fate.APPLIED else None
        if verdict is Fate.FOREIGN and now is not None:
            stored = past_version(
                client, intent.key, intent.sent_hash, intent.request_ids, seen=seen
            )
        sent = store.content(intent.sent_hash)
        with store.transaction():
            if stored is not None and sent is not None:
                store.agree(intent.key, sent, stored)
                arrived += 1
    with store.transaction():
        for intent in intents:
            store.settle(intent.key)
    return arrived
