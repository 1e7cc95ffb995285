"""A resource as data: its key, its references, and the form that two copies are compared in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from fhirkit.core.jsonio import dump_bytes

#: What a server owns in ``meta``: never part of a comparison.
SERVER_META = ("versionId", "lastUpdated", "source")


class ResourceKey(NamedTuple):
    """Type and logical id; renders as ``Type/id``."""

    type: str
    id: str

    def __str__(self) -> str:
        return f"{self.type}/{self.id}"

    @classmethod
    def of(cls, resource: dict[str, Any]) -> ResourceKey:
        """The key of a resource that has both ``resourceType`` and ``id``."""
        return cls(resource["resourceType"], resource["id"])


def references(value: Any) -> Iterator[dict[str, Any]]:
    """Every Reference element at any depth (extensions included) that has a literal reference."""
    stack = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            if isinstance(node.get("reference"), str):
                yield node
            stack.extend(reversed(node.values()))
        elif isinstance(node, list):
            stack.extend(reversed(node))


def map_references(value: Any, change: Callable[[str], str]) -> Any:
    """A copy in which ``change`` was applied to every literal reference."""
    if isinstance(value, dict):
        return {
            name: change(member)
            if name == "reference" and isinstance(member, str)
            else map_references(member, change)
            for name, member in value.items()
        }
    if isinstance(value, list):
        return [map_references(member, change) for member in value]
    return value


def comparable(resource: dict[str, Any]) -> dict[str, Any]:
    """The resource without what the server owns (``SERVER_META``); an emptied meta is dropped."""
    meta = resource.get("meta")
    if not isinstance(meta, dict):
        return resource
    kept = {name: member for name, member in meta.items() if name not in SERVER_META}
    if kept == meta:
        return resource
    without = {name: member for name, member in resource.items() if name != "meta"}
    return {**without, "meta": kept} if kept else without


def content_hash(resource: dict[str, Any]) -> str:
    """SHA-256 (hex) of the comparable form, keys sorted, decimals with their digits."""
    data = dump_bytes(comparable(resource), indent=False, sort_keys=True)
    return hashlib.sha256(data).hexdigest()
