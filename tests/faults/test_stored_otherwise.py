"""N20: a server that answers by 200 and stores something else than it was sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from harness import Run, fhirkit

from fhirkit.chaos import Behaviour, ChaosServer

__all__ = ["fhirkit"]

TEXT = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">weight</div>'}
Sent = Callable[[Behaviour], ChaosServer]


class Lying:
    """Shows what it was sent, and stores it without its narrative."""

    def serve(self, exchange: Any, target: str) -> bool:
        del target
        if exchange.method != "POST":
            return False
        reply = deepcopy(exchange.answer())
        _strip(exchange.fhir)
        exchange.send(reply)
        return True


def _strip(server: Any) -> None:
    for held in server.store.versions.values():
        (held[-1].resource or {}).pop("text", None)


@pytest.fixture
def sent(tmp_path: Path, fhirkit: Run) -> Iterator[Sent]:
    """Files beside a server of a kind."""
    made: list[ChaosServer] = []

    def beside(behaviour: Behaviour) -> ChaosServer:
        server = ChaosServer(behaviour)
        made.append(server)
        assert fhirkit("init").code == 0
        assert fhirkit("remote", "add", "origin", server.url).code == 0
        (tmp_path / "Observation").mkdir()
        for name in ("x", "y"):
            resource = {"resourceType": "Observation", "id": name, "status": "final", "text": TEXT}
            (tmp_path / f"Observation/{name}.json").write_text(json.dumps(resource))
        return server

    yield beside
    for server in made:
        server.close()


def differing(fhirkit: Run) -> set[str]:
    """What the server holds otherwise than the files, as diff shows it."""
    found = fhirkit("diff", "--remote", "--json")
    assert found.code in (0, 1)
    return {
        f"{one['resource']} {change['expression']}"
        for one in found.json for change in one["changes"]
    }  # fmt: skip


@pytest.mark.parametrize("openly", [True, False], ids=["says so", "says otherwise"])
def test_n20_what_is_stored_in_another_form_is_told_by_verify_and_diff(
    openly: bool, sent: Sent, fhirkit: Run
) -> None:
    server = sent(Behaviour(normalisation="strips-narrative" if openly else ""))
    if not openly:
        server.faults = Lying()
    pushed = fhirkit("push", "--json")
    server.faults = None
    assert pushed.code == 0, pushed
    assert all("another form" in one["note"] for one in pushed.json["resources"])
    verified = fhirkit("verify", "--json")
    assert verified.code == 0, "it is as it was agreed on"
    assert verified.json["otherwise"] == ["Observation/x", "Observation/y"]
    assert "2 stored in another form" in fhirkit("verify").err
    assert differing(fhirkit) == {
        "Observation/x Observation.text",
        "Observation/y Observation.text",
    }
    again = fhirkit("push", "--json").results()
    assert set(again.values()) == {"unchanged"}, "nor is it sent again and again"


def test_n20_what_changed_after_it_was_shown_is_found_by_verify(sent: Sent, fhirkit: Run) -> None:
    server = sent(Behaviour())
    assert fhirkit("push").code == 0
    assert fhirkit("verify", "--json").json["otherwise"] == []
    assert differing(fhirkit) == set()
    _strip(server)
    verified = fhirkit("verify", "--json")
    assert verified.code == 1
    assert not verified.json["same"]
    assert [one["resource"] for one in verified.json["differing"]] == [
        "Observation/x", "Observation/y",
    ]  # fmt: skip


@pytest.mark.parametrize("ids", ["refused", "reassigned"])
def test_n20_an_id_that_the_server_gives_is_no_difference(
    ids: str, sent: Sent, fhirkit: Run
) -> None:
    server = sent(Behaviour(client_ids=ids))
    assert fhirkit("push").code == 0
    assert "Observation/x" not in server.state()
    verified = fhirkit("verify", "--json")
    assert verified.code == 0
    assert verified.json["otherwise"] == []
    assert differing(fhirkit) == set()
    key = min(server.state())
    server.put({**server.state()[key], "status": "amended"})
    assert fhirkit("verify").code == 1
    assert {one.partition(" ")[2] for one in differing(fhirkit)} == {"Observation.status"}
