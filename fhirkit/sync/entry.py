"""What the planner knows of a resource: its key, a hash of its content, a version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from fhirkit.core.resource import ResourceKey, content_hash


class Entry(NamedTuple):
    """One copy of a resource, in the working tree or on the remote (only there with a version)."""

    key: ResourceKey
    hash: str
    version_id: str | None = None

    @classmethod
    def of(cls, resource: dict[str, Any]) -> Entry:
        """The entry of a resource that has type and id."""
        return cls(ResourceKey.of(resource), content_hash(resource), version_id(resource))


class BaseEntry(NamedTuple):
    """What both sides last agreed on.

    A server may store something else than it was sent (drop, add or respell). So two hashes are
    kept: ``sent_hash`` of our form and ``remote_hash`` of the form the server returned; a side
    has changed when it differs from its own. ``remote_id`` is the server's id where it is not
    ours.
    """

    key: ResourceKey
    sent_hash: str
    remote_hash: str
    version_id: str | None = None
    remote_id: str | None = None

    def stored(self) -> Entry:
        """The remote's copy as it was agreed on."""
        return Entry(self.key, self.remote_hash, self.version_id)


Listing = Mapping[ResourceKey, Entry]
Base = Mapping[ResourceKey, BaseEntry]


def version_id(resource: dict[str, Any]) -> str | None:
    """``meta.versionId``, when there is one."""
    meta = resource.get("meta")
    version = meta.get("versionId") if isinstance(meta, dict) else None
    return version if isinstance(version, str) and version else None


def tree_form(resource: dict[str, Any]) -> dict[str, Any]:
    """The resource as a working tree keeps it and as it is sent.

    Version and time are the server's and left out, and so is a ``meta.source`` that is only the
    server's trace of a request (HAPI writes ``#id``); a source that somebody stated is kept.
    """
    meta = resource.get("meta")
    if not isinstance(meta, dict):
        return resource
    kept = {name: value for name, value in meta.items() if name not in ("versionId", "lastUpdated")}
    source = kept.get("source")
    if isinstance(source, str):
        stated = source.partition("#")[0]
        if stated:
            kept["source"] = stated
        else:
            del kept["source"]
    result: dict[str, Any] = {}
    for name, value in resource.items():
        if name != "meta":
            result[name] = value
        elif kept:
            result["meta"] = kept
    return result


def trace_of(resource: dict[str, Any]) -> str | None:
    """The request id that HAPI noted after ``#`` in ``meta.source``."""
    meta = resource.get("meta")
    source = meta.get("source") if isinstance(meta, dict) else None
    return source.rpartition("#")[2] or None if isinstance(source, str) else None
