"""A probe tells what is true, keeps it, and leaves nothing behind whatever happens."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fhirkit.chaos import PROFILES, Behaviour, ChaosServer
from fhirkit.chaos.schedule import schedule_of
from fhirkit.core.errors import Blocked, FhirkitError
from fhirkit.remote import Client, Policy, Transport
from fhirkit.remote.capability import Capability
from fhirkit.remote.probe import probe
from fhirkit.remote.probed import Probed, Rung, load, save


@pytest.fixture
def server() -> Iterator[ChaosServer]:
    server = ChaosServer()
    yield server
    server.close()


def client_of(server: ChaosServer) -> Client:
    policy = Policy(timeout=20, tries=2, first_wait=0.01, longest_wait=0.05)
    return Client(server.url, transport=Transport(server.url, policy=policy))


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({}, {"guarded_create": True, "if_match_update": True, "stale_status": 412,
              "transaction_atomic": True, "identical_update_is_new_version": True,
              "transaction_representation": True, "keeps_request_id": False}),
        ({"heeds_guard": False}, {"guarded_create": False, "transaction_guarded_create": False}),
        ({"heeds_if_match": False}, {"if_match_update": False, "if_match_delete": False,
                                     "transaction_if_match": False, "stale_status": 0}),
        ({"heeds_if_match_on_delete": False}, {"if_match_delete": False, "if_match_update": True}),
        ({"stale_status": 409}, {"stale_status": 409}),
        ({"conditional_create": False}, {"conditional_create": False,
                                         "conditional_create_by_tag": False,
                                         "transaction_conditional_create": False}),
        ({"transactions": "batch"}, {"transaction": True, "transaction_atomic": False}),
        ({"transactions": "refused"}, {"transaction": False, "transaction_atomic": None}),
        ({"client_ids": "refused"}, {"client_ids": False, "guarded_create": None}),
        ({"client_ids": "reassigned"}, {"client_ids": False}),
        ({"representation": False}, {"transaction_representation": False}),
        ({"keeps_request_id": True}, {"keeps_request_id": True}),
        ({"identical_update_is_new_version": False}, {"identical_update_is_new_version": False}),
        ({"instance_history": False}, {"instance_history": False, "type_history": True}),
        ({"system_history": False}, {"system_history": False}),
        ({"history_deletions": False}, {"history_shows_deletions": False}),
        ({"deleted_status": 404}, {"deleted_status": 404}),
        ({"export": False}, {"export": False}),
        ({"locations": "none"}, {"transaction": True, "transaction_atomic": True}),
    ],
)  # fmt: skip
def test_each_setting_of_a_server_is_found_out(
    server: ChaosServer, settings: dict[str, Any], found: dict[str, Any]
) -> None:
    server.behaviour = Behaviour().changed(dict(settings))
    table = msgspec.to_builtins(probe(client_of(server)))
    assert {name: table[name] for name in found} == found
    assert table["left"] == ()
    assert server.state() == {}


@pytest.mark.parametrize(
    ("settings", "rung"),
    [
        ({}, Rung.GUARDED_PUT),
        ({"heeds_guard": False}, Rung.PUT),
        ({"client_ids": "refused"}, Rung.CONDITIONAL_BY_TAG),
        ({"client_ids": "refused", "conditional_create": False}, Rung.POST),
    ],
)
def test_the_ladder(server: ChaosServer, settings: dict[str, Any], rung: Rung) -> None:
    server.behaviour = Behaviour().changed(settings)
    assert probe(client_of(server), export=False).rung is rung


@pytest.mark.parametrize("fault", ["drop-after", "drop-before", "html"])
def test_nothing_is_left_wherever_it_is_cut(server: ChaosServer, fault: str) -> None:
    """The n-th request fails, for each n there is; afterwards there is nothing, or it is told."""
    failed = 0
    for number in range(1, 200):
        schedule = schedule_of({"fault": [{"do": fault, "nth": number}]})
        server.faults = schedule
        told = ""
        try:
            told = " ".join(probe(client_of(server)).left)
        except FhirkitError as problem:
            failed += 1
            told = str(problem.advice)
        server.faults = None
        for key in server.state():
            assert key in told
            server.delete(key)
        if schedule.unmet:
            break
    assert number > 30
    assert failed > 10 or fault != "drop-after"


def test_a_server_without_a_type_to_write_is_not_probed(server: ChaosServer) -> None:
    class Nothing:
        def serve(self, exchange: Any, target: str) -> bool:
            from fhirkit.chaos.reply import Reply

            statement = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}
            exchange.send(Reply(200, statement))
            return True

    server.faults = Nothing()
    with pytest.raises(Blocked, match="none of the types"):
        probe(client_of(server))
    assert [one.method for one in server.log] == ["GET"]


def test_what_was_found_is_kept_for_this_server_alone(server: ChaosServer, tmp_path: Path) -> None:
    found = probe(client_of(server), export=False)
    path = tmp_path / "probed.json"
    save(path, found)
    same = Capability.of(client_of(server).capabilities())
    assert load(path, server.url, same) == found
    assert load(path, "https://elsewhere.example", same) is None
    server.behaviour = PROFILES["hapi"]
    assert load(path, server.url, Capability.of(client_of(server).capabilities())) is None
    for text in ("", "{", "{}", '{"url": 5}'):
        path.write_text(text)
        assert load(path, server.url, same) is None
    assert load(tmp_path / "missing", server.url, same) is None


def test_the_command(server: ChaosServer, tmp_path: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "fhirkit.cli.main", *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert run("init").returncode == 0
    assert run("remote", "add", "origin", server.url).returncode == 0
    done = run("remote", "probe", "--json")
    assert done.returncode == 0, done.stderr
    table = json.loads(done.stdout)
    assert table["rung"] == "guarded-put"
    kept = json.loads((tmp_path / ".fhirkit/probed/origin.json").read_text())
    assert msgspec.convert(kept, Probed).rung is Rung.GUARDED_PUT
    assert "guarded create\tyes" in run("remote", "probe", "origin", "--no-export").stdout
    server.close()
    assert run("remote", "probe").returncode == 5
