"""Servers without transactions: each resource is a request of its own, with the same guards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_server import FakeServer
from harness import Run, read, write


def straight(tree: Path) -> None:
    """Without the circle of Condition/c and Encounter/e."""
    encounter = read(tree, "Encounter/e")
    del encounter["diagnosis"]
    write(tree, encounter)


def settled(server: FakeServer, fhirkit: Run) -> None:
    """Both sides agree, and another push has nothing to do."""
    assert fhirkit("diff", "--remote").code == 0
    before = len(writes(server))
    assert fhirkit("push").code == 0
    assert len(writes(server)) == before
    assert fhirkit("verify").code == 0


def writes(server: FakeServer) -> list[tuple[str, str]]:
    return [
        (one.method, one.target.removeprefix("/fhir"))
        for one in server.log
        if one.method not in ("GET", "HEAD")
    ]


@pytest.mark.parametrize("kind", ["refused", "unsaid"])
def test_every_resource_is_a_request_of_its_own(
    kind: str, tree: Path, server: FakeServer, fhirkit: Run
) -> None:
    server.set(transactions=kind)
    straight(tree)
    ran = fhirkit("push", "--json")
    assert ran.code == 0, ran
    assert ran.json["counts"] == {"created": 6}
    bundles = [one for one in writes(server) if one[1] in ("", "/")]
    assert len(bundles) == (1 if kind == "unsaid" else 0), "tried once where nothing is said"
    write(tree, read(tree, "Observation/x") | {"status": "amended"})
    before = len(server.log)
    assert fhirkit("push").code == 0
    assert writes(server)[-1] == ("PUT", "/Observation/x")
    assert len([one for one in server.log[before:] if one.method == "PUT"]) == 1
    assert not [one for one in server.log[before:] if one.method == "POST"], "it is remembered"
    settled(server, fhirkit)


def test_targets_go_before_what_refers_to_them(
    tree: Path, server: FakeServer, fhirkit: Run
) -> None:
    server.set(transactions="refused", checks_references=True)
    straight(tree)
    assert fhirkit("push").code == 0


@pytest.mark.parametrize("kind", ["refused", "unsaid"])
def test_a_circle_is_blocked_and_the_others_go_on(
    kind: str, tree: Path, server: FakeServer, fhirkit: Run
) -> None:
    server.set(transactions=kind)
    for _ in range(2):
        ran = fhirkit("push", "--json")
        assert ran.code == 6, ran
        results = ran.results()
        assert results["Condition/c"] == results["Encounter/e"] == "blocked"
        assert results["Provenance/v"] == "waiting"
        assert len(server.state()) == 3
    (note,) = [one for one in ran.json["notes"] if "circle" in one]
    assert "the server offers no transactions: Condition/c, Encounter/e" in note
    straight(tree)
    assert fhirkit("push").code == 0
    settled(server, fhirkit)


def test_an_update_says_which_version_it_is_based_on(
    tree: Path, server: FakeServer, fhirkit: Run
) -> None:
    server.set(transactions="refused")
    straight(tree)
    assert fhirkit("push").code == 0
    write(tree, read(tree, "Observation/x") | {"status": "amended"})

    def between() -> None:
        server.put({**(server.store.read("Observation/x") or {}), "language": "theirs"})

    class Before:
        def serve(self, exchange: object, target: str) -> bool:
            del target
            if getattr(exchange, "method", "") == "PUT":
                server.faults = None
                between()
            return False

    server.faults = Before()
    ran = fhirkit("push", "--json")
    assert ran.code == 4, ran
    assert ran.results()["Observation/x"] == "conflict"
    assert (server.store.read("Observation/x") or {})["language"] == "theirs"


def test_ids_of_the_server_and_no_transactions(
    tree: Path, server: FakeServer, fhirkit: Run
) -> None:
    """Conditional creates by a tag of ours, and references under the server's ids."""
    server.set(transactions="refused", client_ids="refused")
    straight(tree)
    assert fhirkit("push").code == 0
    assert {one[0] for one in writes(server)} == {"POST"}
    assert fhirkit("push", "--json").json["counts"] == {"unchanged": 6}
    assert len(server.state()) == 6
    assert fhirkit("verify").code == 0


def test_what_refers_to_itself_needs_an_id_first(
    tree: Path, server: FakeServer, fhirkit: Run
) -> None:
    """Without a transaction nothing could stand for the id that the server has yet to give."""
    straight(tree)
    write(tree, read(tree, "Observation/x") | {"hasMember": [{"reference": "Observation/x"}]})
    server.set(transactions="refused", client_ids="refused")
    ran = fhirkit("push", "--json")
    assert ran.code == 6, ran
    assert ran.results()["Observation/x"] == "blocked"
    assert len(server.state()) == 5
    assert not any(key.startswith("Observation/") for key in server.state())
    server.set(client_ids="any")
    fhirkit("remote", "reset", "origin")
    other = FakeServer()
    try:
        other.set(transactions="refused")
        assert fhirkit("remote", "add", "other", other.url).code == 0
        assert fhirkit("push", "other").code == 0, "with an id of ours it is known beforehand"
    finally:
        other.close()


def test_a_rehearsal_shows_the_requests_and_the_circle(
    tree: Path, server: FakeServer, fhirkit: Run
) -> None:
    server.set(transactions="refused")
    ran = fhirkit("push", "--dry-run", "--json")
    assert ran.code == 6
    assert ran.json["blocked"] == [["Condition/c", "Encounter/e"]]
    assert all(len(group) == 1 for group in ran.json["transactions"])
    assert not writes(server)
    straight(tree)
    assert fhirkit("push", "--dry-run").code == 0
    assert "transaction" not in fhirkit("push", "--dry-run").out


def test_a_bundle_without_a_tree(tree: Path, server: FakeServer, fhirkit: Run) -> None:
    server.set(transactions="refused")
    entries = [
        {"resource": read(tree, key), "request": {"method": "PUT", "url": key}}
        for key in ("Observation/x", "Patient/p", "Organization/o")
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    (tree / "bundle.json").write_text(json.dumps(bundle))
    assert fhirkit("push", "bundle.json", "--remote", server.url).code == 0
    assert len(server.state()) == 3
    assert {one[0] for one in writes(server)} == {"PUT"}
