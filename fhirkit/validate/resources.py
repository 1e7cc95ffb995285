"""The resources inside a resource: contained ones, those of Bundles and of Parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fhirkit.validate.location import Node, step

#: Repeating elements whose entries hold a whole resource.
_HOLDERS = (("entry", "resource"), ("parameter", "resource"))
_MAY_HOLD = frozenset({"contained", "entry", "parameter"})


def inside(document: dict[str, Any], start: Node) -> Iterator[tuple[dict[str, Any], Node]]:
    """A resource and every resource in it, each with its node."""
    if not _MAY_HOLD.intersection(document):
        yield document, start
        return
    pending = [(document, start)]
    seen: set[int] = set()
    while pending:
        resource, node = pending.pop()
        if id(resource) in seen:
            continue  # a dict made in memory may hold itself
        seen.add(id(resource))
        yield resource, node
        for index, contained in _objects(resource.get("contained")):
            pending.append((contained, step(node, "contained", index)))
        for outer, name in _HOLDERS:
            for index, part in _objects(resource.get(outer)):
                held = part.get(name)
                if isinstance(held, dict):
                    pending.append((held, step(step(node, outer, index), name)))


def _objects(value: Any) -> list[tuple[int, dict[str, Any]]]:
    if not isinstance(value, list):
        return []
    return [(index, item) for index, item in enumerate(value) if isinstance(item, dict)]
