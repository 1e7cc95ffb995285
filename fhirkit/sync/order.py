"""Which writes go together: references decide, so that no server sees one that leads nowhere.

Resources that refer to each other in a circle form one component and must travel in one
transaction; a component is sent when all that it refers to is there.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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


#: The first group for a server that nothing was ever created on.
FIRST = Limits(entries=1)


@dataclass(slots=True)
class Graph:
    """Among some resources: what each refers to, and its size in bytes as it is sent."""

    edges: dict[ResourceKey, tuple[ResourceKey, ...]] = field(default_factory=dict)
    sizes: dict[ResourceKey, int] = field(default_factory=dict)


def graph_of(
    resources: Resources,
    keys: Iterable[ResourceKey],
    *,
    besides: Iterable[ResourceKey] = (),
    each: Callable[[ResourceKey, dict[str, Any]], None] | None = None,
) -> Graph:
    """The graph of ``keys``, each resource looked at once and shown to ``each``.

    References to ``besides`` are in it too: keys that are not sent and that others hang on.
    """
    wanted = {key: key for key in keys}
    named = {key: key for key in besides} | wanted
    graph = Graph()
    for key in sorted(wanted):
        resource = resources[key]
        found = sorted(targets(resource) & named.keys())
        # The same key objects throughout: a large tree has many references to few targets.
        graph.edges[key] = tuple(named[target] for target in found)
        graph.sizes[key] = len(dump_bytes(resource, indent=False))
        if each is not None:
            each(key, resource)
    return graph


def targets(resource: dict[str, Any]) -> set[ResourceKey]:
    """The keys that a resource refers to, anywhere in it."""
    found = (local_key(element["reference"]) for element in references(resource))
    return {key for key in found if key is not None}


def hanging(
    edges: Mapping[ResourceKey, Sequence[ResourceKey]],
    keys: Iterable[ResourceKey],
    on: Iterable[ResourceKey],
) -> dict[ResourceKey, ResourceKey]:
    """Those of ``keys`` that refer to one of ``on``, or to one that does; and what they name."""
    referrers: dict[ResourceKey, list[ResourceKey]] = {}
    for key in keys:
        for target in edges.get(key, ()):
            referrers.setdefault(target, []).append(key)
    found: dict[ResourceKey, ResourceKey] = {}
    work = sorted(on)
    known = set(work)
    for target in work:  # grows while it is gone through
        for key in referrers.get(target, ()):
            if key not in known:
                known.add(key)
                found[key] = target
                work.append(key)
    return found


def components(
    edges: Mapping[ResourceKey, Sequence[ResourceKey]], keys: Iterable[ResourceKey]
) -> list[Component]:
    """Strongly connected components among ``keys``, each after all that it refers to.

    Tarjan's algorithm, with a stack of its own instead of recursion: chains of references can be
    longer than Python's stack is deep.
    """
    wanted = set(keys)
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
                if child not in wanted:
                    continue
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


class Schedule:
    """Components handed out in groups as soon as what they refer to is there.

    ``take`` gives the next group; whoever takes it says ``done`` for each component when its fate
    is known, good or bad.
    """

    def __init__(self, graph: Graph, keys: Iterable[ResourceKey]) -> None:
        self._parts = components(graph.edges, keys)
        place = {key: number for number, part in enumerate(self._parts) for key in part}
        self._weights = [sum(graph.sizes[key] for key in part) for part in self._parts]
        self._dependents: list[list[int]] = [[] for _ in self._parts]
        self._missing = [0] * len(self._parts)
        for number, part in enumerate(self._parts):
            needs = {place[to] for key in part for to in graph.edges[key] if to in place}
            for need in needs - {number}:
                self._dependents[need].append(number)
                self._missing[number] += 1
        self._ready = [number for number, count in enumerate(self._missing) if not count]
        self._place = place
        self._open = set(place)
        self._edges = graph.edges
        self._taken = bytearray(len(self._parts))
        self.left = len(self._parts)

    def take(self, limits: Limits) -> list[Component]:
        """The next components that may be sent together, targets first; empty when none may."""
        group: list[int] = []
        entries = size = 0
        inside: dict[int, int] = {}
        follow: list[int] = []
        while self._ready or follow:
            first = self._ready and (not follow or self._ready[0] < follow[0])
            source = self._ready if first else follow
            number = source[0]
            entries += len(self._parts[number])
            size += self._weights[number]
            if group and (entries > limits.entries or size > limits.size):
                break
            heapq.heappop(source)
            group.append(number)
            self._taken[number] = 1
            for later in self._dependents[number]:
                inside[later] = inside.get(later, 0) + 1
                if inside[later] == self._missing[later]:
                    heapq.heappush(follow, later)
        self.left -= len(group)
        return [self._parts[number] for number in group]

    def may_go(self, group: list[Component]) -> bool:
        """Whether all that a group refers to is in it or has its fate: a part of a larger one
        may have to wait for another part.
        """
        inside = {key for part in group for key in part}
        return not any(
            target in self._open and target not in inside
            for key in inside
            for target in self._edges[key]
        )

    def done(self, part: Component) -> None:
        """The component's fate is known: what waited for it may go."""
        self._open.difference_update(part)
        for later in self._dependents[self._place[part[0]]]:
            self._missing[later] -= 1
            if not self._missing[later] and not self._taken[later]:
                heapq.heappush(self._ready, later)


def pack(
    graph: Graph, keys: Iterable[ResourceKey], limits: Limits, *, known: bool = True
) -> list[list[Component]]:
    """The groups as they are sent when each succeeds before the next.

    ``known``: something was created on this server before; else the first group is small.
    """
    schedule = Schedule(graph, keys)
    packed: list[list[Component]] = []
    while group := schedule.take(limits if known or packed else FIRST):
        packed.append(group)
        for part in group:
            schedule.done(part)
    return packed
