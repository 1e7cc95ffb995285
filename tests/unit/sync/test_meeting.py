"""A server that is remembered is still found out when it changes; and pulls stay small."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fhirkit.chaos import PROFILES, ChaosServer
from fhirkit.core.errors import Blocked, UsageError
from fhirkit.remote import Client
from fhirkit.sync.results import Report
from fhirkit.sync.session import opened
from fhirkit.sync.worktree import WorkingTree


@pytest.fixture
def server() -> Iterator[ChaosServer]:
    server = ChaosServer()
    for number in range(40):
        server.put({"resourceType": "Patient", "id": f"p{number}", "birthDate": "1970"})
    yield server
    server.close()


@pytest.fixture
def tree(tmp_path: Path) -> WorkingTree:
    made, _ = WorkingTree.init(tmp_path / "tree")
    return made


def pull(tree: WorkingTree, server: ChaosServer, **options: Any) -> Report:
    server.log.clear()
    with opened(tree, "origin", Client(server.url)) as session:
        return session.pull(session.prepare_pull(**options))


def targets(server: ChaosServer) -> list[str]:
    return [one.target.partition("?")[0] for one in server.log]


def test_a_pull_of_a_change_asks_for_little(tree: WorkingTree, server: ChaosServer) -> None:
    assert pull(tree, server).complete
    server.put({"resourceType": "Patient", "id": "p7", "birthDate": "1980"})
    report = pull(tree, server)
    assert report.count()["written"] == 1
    assert len(server.log) <= 6, targets(server)
    assert targets(server).count("/metadata") == 1
    assert "_elements" in server.log[0].target


@pytest.mark.parametrize(
    "change",
    [
        lambda server: setattr(server, "behaviour", PROFILES["hapi"].changed({})),
        lambda server: server.store.empty(),
    ],
    ids=["another server", "an empty one"],
)
def test_a_server_that_is_remembered_and_another_now_is_noticed(
    tree: WorkingTree, server: ChaosServer, change: Any
) -> None:
    pull(tree, server)
    change(server)
    with pytest.raises(Blocked):
        pull(tree, server)


def test_another_fhir_version_is_noticed(
    tree: WorkingTree, server: ChaosServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fhirkit.chaos import capability

    pull(tree, server)
    real = capability.statement
    monkeypatch.setattr(
        capability, "statement", lambda behaviour: {**real(behaviour), "fhirVersion": "5.0.0"}
    )
    with pytest.raises(Blocked, match="speaks FHIR 5"):
        pull(tree, server)


def test_a_history_that_is_switched_off_without_a_sign_is_done_without(
    tree: WorkingTree, server: ChaosServer
) -> None:
    pull(tree, server)
    # The card shows the interactions of the whole system only, and this is one of the types.
    server.behaviour = server.behaviour.changed({"type_history": False})
    server.put({"resourceType": "Patient", "id": "p7", "birthDate": "1980"})
    report = pull(tree, server, types=["Patient"])
    assert report.complete
    assert report.count()["written"] == 1


def test_a_type_that_is_new_there_is_found(
    tree: WorkingTree, server: ChaosServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fhirkit.chaos import capability

    monkeypatch.setattr(capability, "TYPES", ("Patient",))
    pull(tree, server)
    with pytest.raises(UsageError, match="does not offer Observation"):
        pull(tree, server, types=["Observation"])
    monkeypatch.undo()
    assert pull(tree, server, types=["Observation"]).complete


def test_resetting_the_remote_forgets_the_statement(tree: WorkingTree, server: ChaosServer) -> None:
    from fhirkit.sync.base import BaseStore
    from fhirkit.sync.state import State

    pull(tree, server)
    with State(tree.database) as state:
        store = BaseStore(state, "origin")
        assert store.statement() is not None
        store.forget_all()
        assert store.statement() is None
