"""A listing is proven to be whole by a total, a count, or by showing the same twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fhirkit.chaos import Behaviour, ChaosServer
from fhirkit.chaos.schedule import Schedule, schedule_of
from fhirkit.core.errors import Incomplete
from fhirkit.remote import Client
from fhirkit.remote.changes import every_resource
from fhirkit.remote.paging import announced, collect

NOTHING = {"totals": "never", "counts": False}
PAGES = Behaviour(page_size=5, most_page=5)


@pytest.fixture
def server() -> Iterator[ChaosServer]:
    running = ChaosServer(PAGES.changed({}))
    for number in range(23):
        running.put({"resourceType": "Basic", "id": f"b{number}", "code": {"text": "x"}})
    yield running
    running.close()


def fault(server: ChaosServer, do: str, nth: int, times: int = 1) -> Schedule:
    schedule = schedule_of({"fault": [{"do": do, "nth": nth, "times": times}]})
    server.faults = schedule
    return schedule


def walked(server: ChaosServer) -> set[str]:
    client = Client(server.url)
    try:
        rows = every_resource(client, "Basic", clock=lambda _at, _own: None)
        return {str(row["id"]) for page in rows for row in page}
    finally:
        client.close()


def searched(server: ChaosServer, **more: Any) -> set[str]:
    client = Client(server.url)
    try:
        return {key.id for key in client.search("Basic", {"_count": "5"}, **more).resources}
    finally:
        client.close()


ALL = {f"b{number}" for number in range(23)}


@pytest.mark.parametrize("told", [{}, {"totals": "never"}, NOTHING], ids=["total", "count", "-"])
@pytest.mark.parametrize("ways", [walked, searched])
@pytest.mark.parametrize("do", ["next-link-missing", "repeat"])
@pytest.mark.parametrize("nth", [1, 2, 4])
def test_a_page_that_is_wrong_once_hides_nothing(
    server: ChaosServer, told: dict[str, Any], ways: Any, do: str, nth: int
) -> None:
    server.behaviour = PAGES.changed(dict(told))
    schedule = fault(server, do, nth)
    assert ways(server) == ALL
    assert not schedule.unmet


@pytest.mark.parametrize("told", [{}, {"totals": "never"}], ids=["total", "count"])
@pytest.mark.parametrize("ways", [walked, searched])
def test_pages_that_are_always_cut_off_are_incomplete(
    server: ChaosServer, told: dict[str, Any], ways: Any
) -> None:
    server.behaviour = PAGES.changed(dict(told))
    fault(server, "next-link-missing", 1, 1000)
    with pytest.raises(Incomplete, match="18 more than it delivered"):
        ways(server)


def test_a_walk_from_the_other_end_shows_that_the_first_was_cut_off(server: ChaosServer) -> None:
    server.behaviour = PAGES.changed(dict(NOTHING))
    fault(server, "next-link-missing", 1, 1000)
    with pytest.raises(Incomplete, match="tells no total, and shows other"):
        walked(server)


def test_a_total_costs_no_further_request(server: ChaosServer) -> None:
    assert walked(server) == searched(server) == ALL
    assert len([one for one in server.log if "Basic" in one.target or "_getpages" in one.target
                ]) == 2 * 5  # fmt: skip
    assert not [one for one in server.log if "_summary" in one.target]


@pytest.mark.parametrize("name", ["entry", "link"])
def test_a_null_where_a_list_is_meant_is_an_empty_one(name: str) -> None:
    page = {"resourceType": "Bundle", "type": "searchset", "total": 0, name: None}
    assert not collect(lambda _: page, base="b", asked="Basic", query="", what="search").matches


@pytest.mark.parametrize(
    ("page", "total"),
    [
        ({"total": 7}, 7),
        ({}, None),
        ({"total": "7"}, None),
        ({"total": 2, "entry": [{}, {}]}, 2),
        ({"total": 2, "entry": [{}, {}], "link": [{"relation": "next", "url": "x"}]}, None),
        ({"total": 3, "entry": [{}, {}], "link": [{"relation": "next", "url": "x"}]}, 3),
    ],
)
def test_a_total_that_counts_one_of_several_pages_is_none(
    page: dict[str, Any], total: int | None
) -> None:
    assert announced(page, "search") == total


def test_what_need_not_be_whole_is_not_counted(server: ChaosServer) -> None:
    server.behaviour = PAGES.changed(dict(NOTHING))
    assert searched(server, whole=False) == ALL
    assert len(server.log) == 5
