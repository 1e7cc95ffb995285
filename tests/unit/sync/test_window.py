"""A stretch of history is whole, or it is noticed that it is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirkit.chaos import Behaviour, ChaosServer
from fhirkit.core.resource import ResourceKey
from fhirkit.remote import Client
from fhirkit.remote.capability import Capability
from fhirkit.remote.changes import Change
from fhirkit.sync.window import Window, more_than


def key(name: str) -> ResourceKey:
    return ResourceKey("Observation", name)


def version(name: str, number: int = 1, at: str = "2026-01-01T00:00:00Z") -> Change:
    meta = {"versionId": str(number), "lastUpdated": at}
    return Change(key(name), {"resourceType": "Observation", "id": name, "meta": meta}, at)


def named(word: str, at: str = "2026-01-01T00:00:00Z") -> Change:
    meta = {"versionId": word, "lastUpdated": at}
    return Change(key("a"), {"resourceType": "Observation", "id": "a", "meta": meta}, at)


def gone(name: str, at: str | None = "2026-01-02T00:00:00Z") -> Change:
    return Change(key(name), None, at)


def seen(*pages: list[Change]) -> Window:
    window = Window()
    for page in pages:
        window.begin_page([(change.key, change) for change in page])
        for change in page:
            window.is_last(change.key, change)
    return window


@given(rows=st.integers(2, 40), size=st.integers(2, 7), moved=st.lists(st.integers(0, 6)))
def test_rows_that_moved_on_while_others_wrote_are_no_repeats(
    rows: int, size: int, moved: list[int]
) -> None:
    """Newest first, by offset: each write in between shows the last rows once more."""
    listed = [version(f"n{number}") for number in range(rows)]
    pages, place = [], 0
    while place < rows:
        pages.append(listed[place : place + size])
        place += size
        if moved and place < rows:
            place -= min(moved.pop(), size - 1)
    assert not seen(*pages).repeats


@given(rows=st.integers(6, 40), size=st.integers(3, 7), data=st.data())
def test_a_row_in_place_of_another_is_a_repeat(rows: int, size: int, data: st.DataObject) -> None:
    listed = [version(f"n{number}") for number in range(rows)]
    pages = [listed[start : start + size] for start in range(0, rows, size)]
    page = data.draw(st.integers(0, len(pages) - 1))
    place = data.draw(st.integers(0, len(pages[page]) - 1))
    earlier = [one for one in listed[: page * size + place] if one is not pages[page - 1][-1]]
    if not earlier:
        return
    pages[page] = [*pages[page]]
    pages[page][place] = data.draw(st.sampled_from(earlier))
    assert seen(*pages).repeats


def test_a_page_that_comes_again_whole_is_a_repeat() -> None:
    one, two, three = ([version(f"{page}{row}") for row in range(3)] for page in "abc")
    assert seen(one, one, three).repeats
    assert seen(one, two, one).repeats
    assert not seen(one, two, three).repeats


def test_deletions_of_which_no_time_is_told_are_no_repeats() -> None:
    assert not seen([gone("a", None), version("a"), gone("a", None)]).repeats
    assert seen([gone("a"), version("a"), gone("a")]).repeats


def test_whether_the_newest_come_first_is_seen() -> None:
    old, new = version("a", at="2026-01-01T00:00:00Z"), version("b", at="2026-01-02T00:00:00Z")
    assert seen([new, old]).newest_first
    assert seen([new], [old]).newest_first
    assert seen([new, old], [old, version("c", at="2025-01-01T00:00:00Z")]).newest_first, "moved on"
    assert not seen([old, new]).newest_first
    assert not seen([version("d", at="")]).newest_first, "nothing is known"


def test_two_windows_are_the_same_by_their_last_versions_and_deletions() -> None:
    one = seen([version("a", 2), version("a", 1), gone("b")])
    assert one.shows_the_same(seen([version("a", 2), gone("b")]))
    assert not one.shows_the_same(seen([version("a", 1), gone("b")]))
    assert not one.shows_the_same(seen([version("a", 2), version("c", 1)]))
    assert not one.shows_the_same(seen([version("a", 2, at="2026-01-03T00:00:00Z")]))


def test_what_is_newer_than_all_that_the_first_window_showed_may_come_to_the_second() -> None:
    first = [version("a", 2), gone("b")]
    assert seen([version("a", 3, at="2026-01-03T00:00:00Z"), *first]).shows_the_same(seen(first))
    assert seen([gone("c", "2026-01-03T00:00:00Z"), *first]).shows_the_same(seen(first))
    assert not seen([gone("c", "2025-01-03T00:00:00Z"), *first]).shows_the_same(seen(first))
    assert not seen([gone("c", None), *first]).shows_the_same(seen(first))
    assert not seen([version("c", at="2025-01-03T00:00:00Z"), *first]).shows_the_same(seen(first))


@pytest.mark.parametrize("pages", [lambda one, two: [one, two], lambda one, two: [two, one]])
@pytest.mark.parametrize(
    ("one", "two", "doubtful"),
    [
        (version("a", 1), version("a", 2), False),
        (version("a", 1), version("a", 2, at="2026-01-03T00:00:00Z"), False),
        (version("a", 2), version("a", 1, at="2026-01-03T00:00:00Z"), True),
        (named("x"), named("y"), True),
        (named("x"), named("y", at="2026-01-03T00:00:00Z"), False),
        (named("x"), named("x"), False),
    ],
)  # fmt: skip
def test_versions_that_cannot_be_put_in_order_are_in_doubt(
    pages: Any, one: Change, two: Change, *, doubtful: bool
) -> None:
    assert bool(seen(pages(one, two)).doubtful) is doubtful


def test_a_last_page_of_rows_that_were_shown_before_is_no_repeat() -> None:
    one, two, three = (version(name) for name in "abc")
    assert not seen([one, two, three], [three]).repeats
    assert seen([one], [one]).repeats


# -- against a server's counts ------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[ChaosServer]:
    running = ChaosServer(Behaviour())
    yield running
    running.close()


def missing(server: ChaosServer, written: dict[str, str], *living: str) -> set[str] | None:
    client = Client(server.url)
    capability = Capability.of(client.capabilities())
    pages = [[version(one, at=at)] for one, at in written.items()]
    held = {key(one) for one in living}
    try:
        return more_than(
            client, capability, {"Observation"}, seen(*pages), held, "ge2020-01-01T00:00:00Z"
        )
    finally:
        client.close()


def put(server: ChaosServer, *names: str) -> dict[str, str]:
    """Write these; when each was, as a window tells it."""
    times = {}
    for name in names:
        server.put({"resourceType": "Observation", "id": name, "status": "final",
                    "code": {"text": name}})  # fmt: skip
        stored: dict[str, Any] = server.store.read(f"Observation/{name}") or {}
        times[name] = seen([version(name, at=stored["meta"]["lastUpdated"])]).written()[key(name)]
    return times


def test_counts_that_fit_prove_a_window(server: ChaosServer) -> None:
    assert missing(server, put(server, "a", "b"), "a", "b") == set()


def test_a_write_that_was_not_shown_is_missed(server: ChaosServer) -> None:
    times = put(server, "a", "b")
    del times["b"]
    assert missing(server, times, "a", "b") == {"Observation"}


def test_a_deletion_that_was_not_shown_is_missed(server: ChaosServer) -> None:
    times = put(server, "a", "b")
    server.delete("Observation/b")
    assert missing(server, times, "a", "b") == {"Observation"}
    assert missing(server, times, "a") == set(), "where it was asked about it is known to be gone"


def test_the_newest_versions_are_missed_where_only_older_ones_were_shown(
    server: ChaosServer,
) -> None:
    put(server, "a", "b")
    times = {"a": "2025-01-01T00:00:00.000000+00:00", "b": "2025-01-02T00:00:00.000000+00:00"}
    assert missing(server, times, "a", "b") == {"Observation"}, "as many, but newer ones"


def test_a_server_that_does_not_count_proves_nothing(server: ChaosServer) -> None:
    times = put(server, "a")
    server.behaviour.counts = False
    server.behaviour.totals = "never"
    assert missing(server, times, "a") is None
