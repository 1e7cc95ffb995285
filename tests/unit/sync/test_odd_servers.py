"""Servers whose reads lag, guards that are no guards, tags that are not kept: nothing twice."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from memory_server import BASE, MemoryServer, Stop
from test_sessions import RESOURCES, pull, push, read, results, write

from fhirkit.core.errors import Blocked
from fhirkit.core.resource import ResourceKey, map_references
from fhirkit.remote import Client
from fhirkit.remote.failures import failure
from fhirkit.sync.source import Pick, Source
from fhirkit.sync.upkeep import opened_for_upkeep
from fhirkit.sync.worktree import WorkingTree


class Lagging(MemoryServer):
    """Each version is shown by a read only after so many reads of it; searches show nothing."""

    def __init__(self, lag: int, **settings: Any) -> None:
        super().__init__(**settings)
        self.lag = lag
        self.asked: dict[tuple[str, str, int], int] = {}

    def _route(
        self, method: str, url: str, body: Any, headers: Mapping[str, str]
    ) -> tuple[int, Any]:
        kind, _, logical_id = url.removeprefix(f"{BASE}/").partition("/")
        held = self.held.get((kind, logical_id))
        if method == "GET" and held:
            version = (kind, logical_id, len(held))
            self.asked[version] = self.asked.get(version, 0) + 1
            if self.asked[version] <= self.lag:
                self.held[kind, logical_id] = held[:-1]
                if not held[:-1]:
                    del self.held[kind, logical_id]
                try:
                    return super()._route(method, url, body, headers)
                finally:
                    self.held[kind, logical_id] = held
        return super()._route(method, url, body, headers)


class WithoutGuard(MemoryServer):
    """Refuses If-None-Match, and If-Match where nothing is when ``absent`` is set."""

    absent = 0

    def _guard(self, kind: str, logical_id: str, request: dict[str, str]) -> None:
        if "ifNoneMatch" in request:
            raise failure(400, "create")
        if self.absent and "ifMatch" in request and self.current(kind, logical_id) is None:
            raise failure(self.absent, "create")
        if self.current(kind, logical_id) is not None:
            super()._guard(kind, logical_id, request)


def search_as_of(server: MemoryServer, old: dict[Any, Any]) -> None:
    """From now on searches show what the server held then: an index of yesterday."""
    search = server._search

    def lagging(kind: str, query: dict[str, str]) -> Any:
        now, server.held = server.held, old
        try:
            return search(kind, query)
        finally:
            server.held = now

    server._search = lagging  # type: ignore[method-assign]  # for this server alone


@pytest.fixture
def tree(tmp_path: Path) -> WorkingTree:
    made, _ = WorkingTree.init(tmp_path / "tree")
    for resource in RESOURCES:
        write(made, resource)
    return made


@pytest.mark.parametrize("gives_ids", [False, True])
@pytest.mark.parametrize("lag", [1, 2, 3])
def test_what_a_read_does_not_show_yet_is_not_sent_again(
    tree: WorkingTree, lag: int, *, gives_ids: bool
) -> None:
    server = Lagging(lag, gives_ids=gives_ids, representation=False)
    report = push(tree, server)
    assert report.complete, report.trouble
    assert set(results(report).values()) == {"created"}
    assert sorted(kind for kind, _ in server.creations) == sorted(
        one["resourceType"] for one in RESOURCES
    )
    assert all(len(held) == 1 for held in server.held.values())
    write(tree, {**read(tree, "Organization/o"), "name": "Another"})
    again = push(tree, server)
    assert again.complete, again.trouble
    assert results(again)["Organization/o"] == "updated"
    assert sorted(len(held) for held in server.held.values()) == [1, 1, 1, 2]


def test_a_server_that_never_shows_it_is_sent_it_again_and_not_believed(tree: WorkingTree) -> None:
    server = MemoryServer(representation=False)
    report = push(tree, server)
    assert report.complete
    server._store = lambda kind, logical_id, resource: server.held["Organization", "o"][0]  # type: ignore[method-assign]  # says yes and does nothing
    write(tree, {**read(tree, "Organization/o"), "name": "Another"})
    assert not push(tree, server).complete


def test_what_is_deleted_before_it_is_looked_at_is_not_made_again(tree: WorkingTree) -> None:
    server = MemoryServer(representation=False)
    deleted: list[str] = []

    def trouble(method: str, url: str, *, done: bool) -> None:
        if method == "POST" and done and ("Observation", "x") in server.held and not deleted:
            deleted.append("x")
            server.delete("Observation", "x")

    server.trouble = trouble
    report = push(tree, server)
    assert deleted
    assert report.complete, report.trouble
    (line,) = [one for key, one in report.lines.items() if str(key) == "Observation/x"]
    assert "deleted" in line.note
    assert server.current("Observation", "x") is None


def test_a_search_that_lags_makes_no_difference_for_verify(tree: WorkingTree) -> None:
    server = MemoryServer()
    push(tree, server)
    write(tree, {**read(tree, "Patient/p"), "gender": "other"})
    assert push(tree, server).complete
    old = {key: held[:1] for key, held in server.held.items()}
    search_as_of(server, old)
    client = Client(BASE, transport=server)  # type: ignore[arg-type]
    with opened_for_upkeep(tree, "origin", client) as session:
        assert session.verify().complete
    write(tree, {**read(tree, "Patient/p"), "gender": "female"})
    write(tree, {**read(tree, "Patient/q"), "gender": "female"})
    report = push(tree, server)
    assert results(report)["Patient/p"] == results(report)["Patient/q"] == "updated"


@pytest.mark.parametrize("absent", [0, 400, 409, 412])
def test_a_guard_that_is_refused_where_nothing_is_is_none(tree: WorkingTree, absent: int) -> None:
    server = WithoutGuard()
    server.absent = absent
    report = push(tree, server)
    assert report.complete, report.trouble
    assert set(results(report).values()) == {"created"}
    write(tree, {"resourceType": "Organization", "id": "new", "name": "Later"})
    assert results(push(tree, server))["Organization/new"] == "created"


class Tagless(MemoryServer):
    """Gives ids itself and does not keep tags; ``silent``: nor says what it made, ``finds_all``:
    and takes any resource of the type for the one that a condition asks for.
    """

    silent = finds_all = keeps = False

    def _store(self, kind: str, logical_id: str, resource: dict[str, Any] | None) -> Any:
        if resource is not None and not self.keeps:
            resource = {name: value for name, value in resource.items() if name != "meta"}
        return super()._store(kind, logical_id, resource)

    def _by_condition(self, kind: str, condition: str | None) -> str | None:
        found = [name for (other, name) in self.held if other == kind]
        return found[0] if self.finds_all and found else super()._by_condition(kind, condition)

    def _carry_out(self, bundle: Any, headers: Mapping[str, str]) -> Any:
        answer = super()._carry_out(bundle, headers)
        for entry in answer["entry"]:
            if self.silent:
                del entry["response"]["location"]
        return answer


@pytest.mark.parametrize("silent", [False, True])
def test_a_server_that_does_not_keep_the_tag_is_not_sent_more(
    tree: WorkingTree, *, silent: bool
) -> None:
    server = Tagless(gives_ids=True, representation=False)
    server.silent = silent
    report = push(tree, server)
    assert isinstance(report.trouble, Blocked)
    assert len(server.creations) == 1
    if not silent:
        assert isinstance(push(tree, server).trouble, Blocked)
        assert len(server.creations) == 1
        assert push(tree, server, at_least_once=True).complete
        assert len(server.creations) == len(RESOURCES)
        write(tree, {"resourceType": "Organization", "id": "new", "name": "Later"})
        assert isinstance(push(tree, server).trouble, Blocked)


def test_what_a_condition_finds_is_ours_only_with_our_tag(tree: WorkingTree) -> None:
    server = Tagless(gives_ids=True)
    server.finds_all, server.keeps = True, True
    server.put({"resourceType": "Organization", "id": "theirs", "name": "Theirs"})
    assert isinstance(push(tree, server).trouble, Blocked)
    assert server.current("Organization", "theirs").number == 1  # type: ignore[union-attr]
    assert len(server.held["Organization", "theirs"]) == 1


def test_the_id_in_the_resource_is_enough(tree: WorkingTree) -> None:
    server = Tagless(gives_ids=True)
    server.keeps, server.silent = True, True
    report = push(tree, server)
    assert report.complete, report.trouble
    assert server.slept < 30
    assert len(server.creations) == len(RESOURCES)
    assert not server.trouble


def test_references_in_full_to_the_server_itself_are_ours(tree: WorkingTree) -> None:
    def full(resource: dict[str, Any]) -> dict[str, Any]:
        return map_references(  # type: ignore[no-any-return]
            resource, lambda one: one if one.startswith(("#", BASE)) else f"{BASE}/{one}"
        )

    server = MemoryServer(gives_ids=True, normalise=full, checks_references=False)
    report = push(tree, server)
    assert report.complete, report.trouble
    (key,) = [name for name in server.held if name[0] == "Observation"]
    server.put({**server.contents()["/".join(key)], "status": "amended"})
    pull(tree, server)
    now = read(tree, "Observation/x")
    assert (now["status"], now["subject"]) == ("amended", {"reference": "Patient/p"})


def test_an_update_of_what_a_server_leaves_out_makes_no_new_version(tree: WorkingTree) -> None:
    def plain(resource: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in resource.items() if name != "extension"}

    server = MemoryServer(normalise=plain)
    assert push(tree, server).complete
    more = [{"url": "urn:example:more", "valueString": "x"}]
    for key in ("Patient/p", "Patient/q"):
        write(tree, {**read(tree, key), "extension": more})
    report = push(tree, server)
    assert report.complete, report.trouble
    assert results(push(tree, server))["Patient/p"] == "unchanged"


def test_what_refers_to_a_file_that_cannot_be_used_waits(tree: WorkingTree) -> None:
    server = MemoryServer(gives_ids=True, checks_references=False)
    path = tree.root / "Patient" / "p.json"
    whole = path.read_text()
    path.write_text(whole[:20])
    report = push(tree, server)
    assert not report.complete
    # The other patient refers to it, and so does the observation.
    assert results(report) == {
        "Organization/o": "created", "Patient/q": "waiting", "Observation/x": "waiting",
    }  # fmt: skip
    path.write_text(whole)
    assert push(tree, server).complete
    ids = {kind: logical_id for kind, logical_id in server.held if kind != "Patient"}
    about = server.contents()[f"Observation/{ids['Observation']}"]["subject"]["reference"]
    assert about in server.contents()
    # What is there already may be referred to, whatever its file now holds.
    path.write_text(whole[:20])
    write(tree, {**read(tree, "Observation/x"), "status": "amended"})
    assert results(push(tree, server))["Observation/x"] == "updated"


def test_the_id_that_a_server_named_survives_a_crash(tree: WorkingTree) -> None:
    server = Tagless(gives_ids=True, representation=False)

    def dies(method: str, url: str, *, done: bool) -> str | None:
        if method == "GET" and server.creations and not done:
            raise Stop
        return None

    server.trouble = dies
    with pytest.raises(Stop):
        push(tree, server)
    server.trouble = None
    assert push(tree, server, at_least_once=True).complete
    assert len(server.creations) == len(RESOURCES)


def test_a_search_that_lags_does_not_take_back_what_is_known(tree: WorkingTree) -> None:
    server = MemoryServer()
    assert push(tree, server).complete
    old = {key: list(held) for key, held in server.held.items()}
    server.put({**server.contents()["Patient/p"], "gender": "female"})
    client = Client(BASE, transport=server)  # type: ignore[arg-type]
    with opened_for_upkeep(tree, "origin", client) as session:
        session.fetch()  # a first time, of everything
        assert session.store.tracked().keys() == {ResourceKey("Patient", "p")}
    search_as_of(server, old)
    with opened_for_upkeep(tree, "origin", client) as session:
        session.fetch(pick=Pick(source=Source.SEARCH))
        assert session.store.tracked().keys() == {ResourceKey("Patient", "p")}
    pull(tree, server)
    assert read(tree, "Patient/p")["gender"] == "female"


class Single(MemoryServer):
    """Takes a PUT of one resource."""

    def _route(
        self, method: str, url: str, body: Any, headers: Mapping[str, str]
    ) -> tuple[int, Any]:
        if method != "PUT":
            return super()._route(method, url, body, headers)
        guards = {"ifMatch": headers.get("If-Match"), "ifNoneMatch": headers.get("If-None-Match")}
        request = {"method": "PUT", "url": url.removeprefix(f"{BASE}/")}
        request |= {name: value for name, value in guards.items() if value is not None}
        entries = [{"resource": body, "request": request}]
        answer = self._carry_out({"entry": entries}, {"Prefer": "return=representation"})
        return int(answer["entry"][0]["response"]["status"]), answer["entry"][0]["resource"]


@pytest.mark.parametrize("status", [404, 405, 501])
def test_transactions_that_are_only_said_to_be_taken(tree: WorkingTree, status: int) -> None:
    server = Single()
    bundles: list[str] = []

    def refuses(method: str, url: str, *, done: bool) -> None:
        if method == "POST" and url.rstrip("/") == BASE and not done:
            bundles.append(url)
            raise failure(status, "transaction")

    server.trouble = refuses
    capabilities = server._capabilities

    def said() -> dict[str, Any]:
        statement = capabilities()
        statement["rest"][0]["interaction"] = [{"code": "transaction"}]
        return statement

    server._capabilities = said  # type: ignore[method-assign]
    # The circle of two patients needs a transaction.
    (tree.root / "Patient" / "q.json").unlink()
    write(tree, {"resourceType": "Patient", "id": "p"})
    report = push(tree, server)
    assert report.complete, (report.trouble, results(report))
    tried = len(bundles)
    write(tree, {"resourceType": "Patient", "id": "new"})
    assert push(tree, server).complete
    assert len(bundles) == tried
