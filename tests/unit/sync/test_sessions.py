"""Push and pull against a server in memory: other ids, histories, late commits, lost answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from memory_server import BASE, MemoryServer, Stop

from fhirkit.core.errors import Blocked
from fhirkit.remote import Client
from fhirkit.sync.prepared import Options
from fhirkit.sync.results import Report
from fhirkit.sync.session import opened
from fhirkit.sync.treeless import prepare_bundle
from fhirkit.sync.worktree import WorkingTree

RESOURCES: list[dict[str, Any]] = [
    {"resourceType": "Organization", "id": "o", "name": "Example clinic",
     "endpoint": [{"reference": "#e"}]},
    {"resourceType": "Patient", "id": "p", "managingOrganization": {"reference": "Organization/o"},
     "link": [{"other": {"reference": "Patient/q"}}]},
    {"resourceType": "Patient", "id": "q", "link": [{"other": {"reference": "Patient/p"}}]},
    {"resourceType": "Observation", "id": "x", "status": "final",
     "subject": {"reference": "Patient/p"}},
]  # fmt: skip


@pytest.fixture
def server() -> MemoryServer:
    return MemoryServer()


@pytest.fixture
def tree(tmp_path: Path) -> WorkingTree:
    made, _ = WorkingTree.init(tmp_path / "tree")
    for resource in RESOURCES:
        write(made, resource)
    return made


def write(tree: WorkingTree, resource: dict[str, Any]) -> None:
    path = tree.root / resource["resourceType"] / f"{resource['id']}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(resource))


def read(tree: WorkingTree, key: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((tree.root / f"{key}.json").read_text())
    return found


def push(tree: WorkingTree, server: MemoryServer, **options: Any) -> Report:
    with opened(tree, "origin", Client(BASE, transport=server)) as session:  # type: ignore[arg-type]
        return session.push(session.prepare_push(), Options(**options))


def pull(tree: WorkingTree, server: MemoryServer, **options: Any) -> Report:
    with opened(tree, "origin", Client(BASE, transport=server)) as session:  # type: ignore[arg-type]
        return session.pull(session.prepare_pull(**options))


def results(report: Report) -> dict[str, str]:
    return {str(key): str(line.result) for key, line in report.lines.items()}


def once(*what: str, method: str = "POST", after: bool = True) -> Callable[..., str | None]:
    """Trouble for the first requests of a kind, one word each."""
    waiting = list(what)

    def trouble(met: str, url: str, *, done: bool) -> str | None:
        if met == method and done == after and waiting:
            return waiting.pop(0)
        return None

    return trouble


def test_a_server_with_its_own_ids_gets_and_gives_references_that_lead_home(
    tree: WorkingTree, server: MemoryServer
) -> None:
    server.gives_ids = True
    assert push(tree, server).complete
    assert len(server.creations) == 4
    held = server.contents()
    assert not held.keys() & {"Patient/p", "Organization/o"}
    (observation,) = (one for key, one in held.items() if key.startswith("Observation/"))
    patient = held[observation["subject"]["reference"]]
    other = held[patient["link"][0]["other"]["reference"]]
    assert held[other["link"][0]["other"]["reference"]] == patient, "a circle stays one"
    assert held[patient["managingOrganization"]["reference"]]["name"] == "Example clinic"
    requests = len(server.log)
    again = push(tree, server)
    assert set(results(again).values()) == {"unchanged"}
    assert {method for method, _ in server.log[requests:]} == {"GET"}
    write(tree, read(tree, "Observation/x") | {"status": "amended"})
    assert results(push(tree, server))["Observation/x"] == "updated"
    there = next(key for key in server.contents() if key.startswith("Observation/"))
    server.put(server.contents()[there] | {"status": "corrected"})
    assert results(pull(tree, server))["Observation/x"] == "written"
    assert read(tree, "Observation/x")["status"] == "corrected"
    assert read(tree, "Observation/x")["subject"] == {"reference": "Patient/p"}
    assert "tag" not in json.dumps(read(tree, "Observation/x"))
    assert len(server.creations) == 4


@pytest.mark.parametrize("gives_ids", [False, True])
@pytest.mark.parametrize(
    ("word", "after"), [("lost", True), ("lost", False), ("late", False), ("unsent", False)]
)
def test_a_lost_answer_makes_nothing_twice(
    word: str, after: bool, gives_ids: bool, tree: WorkingTree, server: MemoryServer
) -> None:
    server.gives_ids = gives_ids
    server.trouble = once(word, word, after=after)
    report = push(tree, server)
    server.commit_late()
    assert report.complete, report.lines
    assert len(server.contents()) == 4
    assert len(server.creations) == 4
    if word == "late" and gives_ids:
        assert server.slept > 149, "a late commit is waited for where a twin would be another"
    requests = len(server.log)
    assert push(tree, server).complete
    assert {method for method, _ in server.log[requests:]} == {"GET"}


@pytest.mark.parametrize("gives_ids", [False, True])
def test_killed_anywhere_and_run_again(gives_ids: bool, tmp_path: Path, tree: WorkingTree) -> None:
    def kill_at(number: int, *, after: bool) -> Callable[..., str | None]:
        count = 0

        def trouble(method: str, url: str, *, done: bool) -> str | None:
            nonlocal count
            count += done == after
            return "kill" if count == number and done == after else None

        return trouble

    for after in (False, True):
        for number in range(1, 40):
            server = MemoryServer(gives_ids=gives_ids, trouble=kill_at(number, after=after))
            fresh = WorkingTree.init(tmp_path / f"t{after}{number}")[0]
            for resource in RESOURCES:
                write(fresh, resource)
            try:
                push(fresh, server)
                break
            except Stop:
                server.trouble = None
            write(fresh, read(fresh, "Observation/x") | {"status": "amended"})
            assert push(fresh, server).complete
            assert len(server.contents()) == len(server.creations) == 4, (after, number)
            statuses = [one["status"] for one in server.contents().values() if "status" in one]
            assert statuses == ["amended"]
        assert number > 3


def test_a_history_brings_changes_and_deletions_and_little_else(
    tree: WorkingTree, server: MemoryServer
) -> None:
    for number in range(40):
        server.put({"resourceType": "Organization", "id": f"n{number:02}", "name": "x" * 500})
    assert push(tree, server).complete
    assert pull(tree, server).complete
    for newest_first in (True, False):
        server.newest_first = newest_first
        server.sleep(1000)
        server.commit_late()
        assert pull(tree, server).complete, "the window moves on"
        server.sleep(1000)
        server.bytes_out = 0
        server.put({"resourceType": "Organization", "id": "n01", "name": f"one {newest_first}"})
        server.put({"resourceType": "Organization", "id": "n01", "name": f"two {newest_first}"})
        gone = "n02" if newest_first else "n03"
        server.delete("Organization", gone)
        server.put({"resourceType": "Organization", "id": "back", "name": "there"})
        server.delete("Organization", "back")
        server.put({"resourceType": "Organization", "id": "back", "name": f"{newest_first}"})
        report = pull(tree, server)
        assert report.complete
        assert read(tree, "Organization/n01")["name"] == f"two {newest_first}"
        assert read(tree, "Organization/back")["name"] == f"{newest_first}"
        assert not (tree.root / f"Organization/{gone}.json").exists()
        assert server.bytes_out < 8000, "40 resources of 500 bytes were not sent again"


def test_a_row_that_becomes_visible_late_is_not_missed(
    tree: WorkingTree, server: MemoryServer
) -> None:
    assert push(tree, server).complete
    assert pull(tree, server).complete
    early = server.now
    server.sleep(60)
    server.put({"resourceType": "Organization", "id": "seen", "name": "later"})
    assert pull(tree, server).complete
    late = {"resourceType": "Organization", "id": "hidden", "name": "earlier"}
    server.put(late)
    server.held["Organization", "hidden"][0].at = early
    assert pull(tree, server).complete
    assert read(tree, "Organization/hidden")["name"] == "earlier"


@pytest.mark.parametrize("history", [True, False])
def test_an_expired_link_is_gone_on_from(
    history: bool, tree: WorkingTree, server: MemoryServer
) -> None:
    server.history = history
    server.checks_references = False
    for number in range(30):
        server.put({"resourceType": "Organization", "id": f"n{number:02}", "name": "x"})
    expire = [5, 8, 11]

    def trouble(method: str, url: str, *, done: bool) -> str | None:
        if "page=" in url and not done and expire and expire[0] == len(server.log):
            expire.pop(0)
            server._pages.clear()
        return None

    server.trouble = trouble
    assert pull(tree, server).complete
    assert not expire
    assert len(list((tree.root / "Organization").iterdir())) == 31


def test_many_deletions_are_a_question(tree: WorkingTree, server: MemoryServer) -> None:
    assert push(tree, server).complete
    for path in tree.root.glob("[A-Z]*/*.json"):
        path.unlink()
    with pytest.raises(Blocked, match="would be deleted"):
        push(tree, server, delete=True, max_delete=100)
    assert len(server.contents()) == 4
    write(tree, RESOURCES[0])
    with pytest.raises(Blocked, match="would be deleted"):
        push(tree, server, delete=True, max_delete=2)
    report = push(tree, server, delete=True, max_delete=3)
    assert results(report)["Observation/x"] == "deleted"
    assert list(server.contents()) == ["Organization/o"]


def test_groups_follow_their_targets_however_small(tree: WorkingTree, server: MemoryServer) -> None:
    server.most_entries = 2
    for number in range(30):
        about = {"subject": {"reference": "Patient/q"}}
        write(tree, {"resourceType": "Observation", "id": f"n{number}", "status": "final", **about})
    report = push(tree, server)
    assert report.complete, report.trouble
    assert len(server.contents()) == 34
    refused = sum(1 for method, _ in server.log if method == "POST") - 17
    assert refused < 20, "after the first refusals groups are small from the start"


def test_somebody_elses_resource_with_an_id_of_ours_is_not_ours(
    tree: WorkingTree, server: MemoryServer
) -> None:
    server.gives_ids = True
    server._next = 999
    assert push(tree, server).complete
    server.put({"resourceType": "Patient", "id": "p", "active": False})
    assert pull(tree, server).complete
    assert read(tree, "Patient/p").get("active") is None
    assert read(tree, "Patient/server-p")["active"] is False
    write(tree, read(tree, "Patient/server-p") | {"active": True})
    assert push(tree, server).complete
    assert server.contents()["Patient/p"]["active"] is True
    assert len(server.creations) == 4


def test_a_bundle_is_pushed_twice_to_a_server_with_its_own_ids(server: MemoryServer) -> None:
    from fhirkit.sync.intake import take_in
    from fhirkit.sync.treeless import push_bundle

    server.gives_ids = True
    bundle = {"resourceType": "Bundle", "type": "collection",
              "entry": [{"resource": one} for one in RESOURCES]}  # fmt: skip
    for _ in range(2):
        client = Client(BASE, transport=server)  # type: ignore[arg-type]
        assert push_bundle(client, prepare_bundle(client, take_in(bundle))).complete
    assert len(server.creations) == 4
