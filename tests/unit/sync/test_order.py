"""Components and packing: references decide what travels together and what goes first."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fhirkit.core.resource import ResourceKey
from fhirkit.sync.order import Limits, components, graph_of, pack

graphs = st.integers(1, 12).flatmap(
    lambda size: st.lists(st.sets(st.integers(0, size - 1)), min_size=size, max_size=size)
)


def resources(graph: list[set[int]]) -> dict[ResourceKey, dict[str, Any]]:
    return {
        key(number): {
            "resourceType": "Basic",
            "id": f"n{number:02}",
            "extension": [{"valueReference": {"reference": str(key(to))}} for to in sorted(found)],
        }
        for number, found in enumerate(graph)
    }


def key(number: int) -> ResourceKey:
    return ResourceKey("Basic", f"n{number:02}")


def reachable(graph: list[set[int]], start: int) -> set[int]:
    seen: set[int] = set()
    waiting = [start]
    while waiting:
        for to in graph[waiting.pop()] - seen:
            seen.add(to)
            waiting.append(to)
    return seen


@given(graphs)
def test_components_are_the_circles_and_come_after_their_targets(graph: list[set[int]]) -> None:
    held = resources(graph)
    found = components(graph_of(held, held).edges, held)
    assert sorted(member for part in found for member in part) == sorted(held)
    place = {member: number for number, part in enumerate(found) for member in part}
    reach = [reachable(graph, number) for number in range(len(graph))]
    for one in range(len(graph)):
        for other in range(len(graph)):
            together = one == other or (other in reach[one] and one in reach[other])
            assert (place[key(one)] == place[key(other)]) == together
            if other in graph[one]:
                assert place[key(other)] <= place[key(one)]


@given(graphs, st.integers(1, 5))
def test_packing_keeps_order_and_limits(graph: list[set[int]], most: int) -> None:
    held = resources(graph)
    whole = graph_of(held, held)
    groups = pack(whole, held, Limits(entries=most))
    sent = [part for group in groups for part in group]
    assert sorted(sent) == sorted(components(whole.edges, held))
    place = {member: number for number, part in enumerate(sent) for member in part}
    for one, found in enumerate(graph):
        assert all(place[key(other)] <= place[key(one)] for other in found)
    for group in groups:
        assert len(group) == 1 or sum(map(len, group)) <= most


def test_a_long_chain_does_not_end_in_recursion() -> None:
    graph = [{number + 1} if number < 4999 else set() for number in range(5000)]
    held = {
        ResourceKey("Basic", f"n{n:02}"): one for n, one in enumerate(resources(graph).values())
    }
    assert len(components(graph_of(held, held).edges, held)) == 5000


def test_bytes_limit_a_transaction_too() -> None:
    held = resources([set(), set(), set()])
    assert len(pack(graph_of(held, held), held, Limits(size=60))) == 3
