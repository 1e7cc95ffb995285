"""Which writes go together: references decide, so that no server sees one that leads nowhere.

Resources that refer to each other in a circle form one component and must travel in one
transaction; components are packed in the order of their references, targets first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fhirkit.core.jsonio import dump_bytes
from fhirkit.core.resource import ResourceKey, references
from fhirkit.remote.reference import local_key

Resources = Mapping[ResourceKey, dict[str, Any]]
Component = tuple[ResourceKey, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a transaction may become; a single component is never cut."""

    entries: int = 100
    size: int = 4 * 1024 * 1024


def targets(resource: dict[str, Any]) -> set[ResourceKey]:
    """The keys that a resource refers to, anywhere in it."""
    found = (local_key(element["reference"]) for element in references(resource))
    return {key for key in found if key is not None}


def components(resources: Resources, keys: Iterable[ResourceKey]) -> list[Component]:
    """Strongly connected components among ``keys``, each after all that it refers to.

    Tarjan's algorithm, with a stack of its own instead of recursion: chains of references can be
    longer than Python's stack is deep.
    """
    wanted = set(keys)
    edges = {key: sorted(targets(resources[key]) & wanted) for key in wanted}
    index: dict[ResourceKey, int] = {}
    low: dict[ResourceKey, int] = {}
    stack: list[ResourceKey] = []
    on_stack: set[ResourceKey] = set()
    result: list[Component] = []
    for root in sorted(wanted):
        if root in index:
            continue
        work = [(root, iter(edges[root]))]
        while work:
            node, children = work[-1]
            if node not in index:
                index[node] = low[node] = len(index)
                stack.append(node)
                on_stack.add(node)
            for child in children:
                if child not in index:
                    work.append((child, iter(edges[child])))
                    break
                if child in on_stack:
                    low[node] = min(low[node], index[child])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    result.append(_unwind(stack, on_stack, node))
    return result


def _unwind(stack: list[ResourceKey], on_stack: set[ResourceKey], root: ResourceKey) -> Component:
    members: list[ResourceKey] = []
    while True:
        member = stack.pop()
        on_stack.discard(member)
        members.append(member)
        if member == root:
            return tuple(sorted(members))


def pack(
    resources: Resources, ordered: Iterable[Component], limits: Limits | None = None
) -> list[list[Component]]:
    """Components filled into transactions, in order, up to the limits."""
    limits = limits or Limits()
    packed: list[list[Component]] = []
    entries = size = 0
    for component in ordered:
        weight = sum(len(dump_bytes(resources[key], indent=False)) for key in component)
        full = entries + len(component) > limits.entries or size + weight > limits.size
        if not packed or full:
            packed.append([])
            entries = size = 0
        packed[-1].append(component)
        entries += len(component)
        size += weight
    return packed
