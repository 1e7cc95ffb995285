"""Pulls from servers that are honest but odd: complete, and no more is read than has to be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from odd_server import BASE, OddServer

from fhirkit.core.errors import Incomplete, Refused
from fhirkit.remote import Client
from fhirkit.sync.results import Report
from fhirkit.sync.session import opened
from fhirkit.sync.source import Pick, Source
from fhirkit.sync.worktree import WorkingTree

ZONED = "%Y-%m-%dT%H:%M:%S.%f+00:00"


@pytest.fixture
def tree(tmp_path: Path) -> WorkingTree:
    made, _ = WorkingTree.init(tmp_path / "tree")
    return made


def pull(tree: WorkingTree, server: OddServer, **options: Any) -> Report:
    server.asked.clear()
    client = Client(BASE, transport=server)  # type: ignore[arg-type]
    with opened(tree, "origin", client) as session:
        return session.pull(session.prepare_pull(max_delete=1000, **options))


def files(tree: WorkingTree) -> dict[str, str]:
    return {
        f"{path.parent.name}/{path.stem}": json.loads(path.read_text())["implicitRules"]
        for path in tree.root.glob("[A-Z]*/*.json")
    }


def held(server: OddServer) -> dict[str, str]:
    last = {one[0]: one[3] for one in server.log}
    return {key: one["implicitRules"] for key, one in last.items() if one}


def fill(server: OddServer, number: int = 12) -> None:
    for place in range(number):
        server.put(f"Patient/p{place}", "first")
        server.later(0.5 if place % 3 else 1)
    server.later(3600)


def change(server: OddServer) -> None:
    server.put("Patient/p1", "second")
    server.put("Patient/p1", "third")
    server.delete("Patient/p2")
    server.put("Patient/new", "first")
    server.later(3600)


def whole_reads(server: OddServer) -> list[str]:
    """The walks over a whole type."""
    return [one for one in server.asked if "_sort" in one and "start=" not in one]


ODD: dict[str, dict[str, Any]] = {
    "plain": {},
    "totals of the page": {"totals": "page", "counts": "ignored"},
    "totals too low": {"totals": "low", "counts": "ignored"},
    "no totals": {"totals": "none", "counts": "refused"},
    "a search that heeds no time": {"by_time": "ignored"},
    "a search that refuses times": {"by_time": "refused"},
    "no _since": {"since": "ignored"},
    "histories of types": {"history": "type"},
    "links relative to the base": {"history": "type", "links": "base"},
    "oldest first": {"oldest_first": True},
    "versions that are no numbers": {"versions": False},
    "so, and whole seconds": {"versions": False, "written": "%Y-%m-%dT%H:%M:%SZ"},
    "so, oldest first": {
        "versions": False, "written": "%Y-%m-%dT%H:%M:%SZ", "oldest_first": True,
    },
    "deletions without a request": {"deletions": "without-request"},
    "deletions not listed": {"deletions": "hidden"},
    "a first time that is none": {"page_time": "0001-01-01T00:00:00Z"},
    "a last time that is none": {"page_time": "9999-12-31T23:59:59-12:00"},
    "a time that is no time": {"page_time": "now"},
    "a time without a zone": {"page_time": "2026-03-01T12:00:00"},
    "no time on pages": {"page_time": None},
    "a proxy's clock": {"page_time": None, "ahead": 7200.0},
    "one behind": {"page_time": None, "ahead": -7200.0},
    "no interactions told": {"interactions": False},
}  # fmt: skip


@pytest.mark.parametrize("odd", ODD.values(), ids=list(ODD))
def test_everything_comes_and_then_only_what_changed(
    tree: WorkingTree, odd: dict[str, Any]
) -> None:
    server = OddServer(**odd)
    fill(server)
    assert not pull(tree, server).incomplete
    assert files(tree) == held(server)
    change(server)
    assert not pull(tree, server).incomplete
    assert files(tree) == held(server)
    server.later(3600)
    assert not pull(tree, server).incomplete
    assert files(tree) == held(server)
    # A server that counts fewer than it has can only be read whole; others list what changed.
    assert bool(whole_reads(server)) is (server.totals == "low")


@pytest.mark.parametrize("history", ["system", "type"])
def test_what_comes_to_an_empty_type_is_not_hidden_by_a_proxys_clock(
    tree: WorkingTree, history: str
) -> None:
    server = OddServer(history=history, page_time=None, ahead=7200.0)
    pull(tree, server)
    server.later(600)
    server.put("Basic/b", "first")
    server.later(600)
    pull(tree, server)
    assert files(tree) == held(server)
    server.put("Patient/p", "first")
    server.later(600)
    pull(tree, server)
    assert files(tree) == held(server)


@pytest.mark.parametrize("odd", [{"since": "refused"}, {"history": "missing"}], ids=str)
def test_a_history_that_cannot_be_read_costs_a_whole_read(
    tree: WorkingTree, odd: dict[str, Any]
) -> None:
    server = OddServer(**odd)
    fill(server)
    pull(tree, server)
    change(server)
    report = pull(tree, server)
    assert files(tree) == held(server)
    assert not report.incomplete
    assert any(
        note.startswith("everything was read: history of all types") for note in report.notes
    )
    with pytest.raises(Refused):
        pull(tree, server, pick=Pick(source=Source.HISTORY))


@pytest.mark.parametrize("written", ["%Y-%m-%dT%H:%M:%S.%fZ", ZONED, "%Y-%m-%dT%H:%M:%S+00:00"])
def test_a_walk_whose_links_expire_goes_on_by_the_servers_times(
    tree: WorkingTree, written: str
) -> None:
    server = OddServer(expires=True, written=written)
    for place in range(14):
        server.put(f"Patient/p{place}", "first")
        server.later(2)
    server.later(3600)
    assert not pull(tree, server).incomplete
    assert files(tree) == held(server)
    assert any("_lastUpdated=ge" in one for one in server.asked)


@pytest.mark.parametrize(
    "odd", [{}, {"counts": "ignored"}, {"since": "ignored"}, {"counts": "refused"}], ids=str
)
@pytest.mark.parametrize("oldest_first", [True, False])
def test_a_history_that_is_always_cut_off_hides_nothing(
    tree: WorkingTree, odd: dict[str, Any], oldest_first: bool
) -> None:
    server = OddServer(oldest_first=oldest_first, **odd)
    fill(server)
    pull(tree, server)
    for place in range(9):
        server.put(f"Patient/p{place}", "second")
        server.put(f"Patient/q{place}", "first")
    server.later(3600)
    server.cut = "_history"
    report = pull(tree, server)
    assert files(tree) == held(server)
    assert not report.incomplete


def test_a_total_of_the_page_does_not_prove_a_walk_that_is_cut_off(tree: WorkingTree) -> None:
    server = OddServer(totals="page", counts="ignored", history="missing", cut="Patient", cut_at=5)
    fill(server)
    with pytest.raises(Incomplete):
        pull(tree, server, types=["Patient"])


@pytest.mark.parametrize("oldest_first", [True, False])
def test_two_histories_that_are_cut_off_alike_are_no_proof(
    tree: WorkingTree, *, oldest_first: bool
) -> None:
    """Nothing is counted, and no page of a history but the first ever comes."""
    server = OddServer(
        oldest_first=oldest_first, totals="none", counts="refused", by_time="refused", page=7
    )
    fill(server)
    pull(tree, server)
    for place in range(9):
        server.put(f"Patient/p{place}", "second")
    server.later(3600)
    server.cut = "_history"
    report = pull(tree, server)
    assert files(tree) == held(server)
    assert any("shows another one each time" in note for note in report.notes)


# -- one patient's record ---------------------------------------------------------------------


def record(server: OddServer, patient: str, number: int = 12) -> set[str]:
    """A patient with observations, all of whose keys are told."""
    keys = {patient}
    server.put(patient, "first")
    for place in range(number):
        keys.add(f"Observation/{patient.rpartition('/')[2]}-{place}")
        server.put(f"Observation/{patient.rpartition('/')[2]}-{place}", "first", patient)
    server.later(3600)
    return keys


RECORDS: dict[str, dict[str, Any]] = {
    "everything": {},
    "everything without a total": {"totals": "none"},
    "everything that cannot be counted": {"totals": "none", "counts": "refused"},
    "a compartment": {"everything": False, "declared": ("_lastUpdated", "subject")},
    "a compartment that is not declared": {"everything": False},
    "one that is not declared or heeded": {"everything": False, "by_reference": "ignored"},
    "one without interactions": {"everything": False, "interactions": False},
}


@pytest.mark.parametrize("odd", RECORDS.values(), ids=list(RECORDS))
def test_a_patients_record_comes_whole_and_nobody_elses(
    tree: WorkingTree, odd: dict[str, Any]
) -> None:
    server = OddServer(kinds=("Patient", "Observation"), **odd)
    record(server, "Patient/other")
    keys = record(server, "Patient/p")
    assert not pull(tree, server, patient="p").incomplete
    assert files(tree).keys() == keys


def test_an_everything_that_is_cut_off_is_counted_against_the_compartment(
    tree: WorkingTree,
) -> None:
    server = OddServer(
        kinds=("Patient", "Observation"), declared=("_lastUpdated", "subject"), totals="none"
    )
    keys = record(server, "Patient/p")
    server.page, server.cut = 5, "Patient/p/$everything"
    assert not pull(tree, server, patient="p").incomplete
    assert files(tree).keys() == keys


def test_types_that_cannot_be_searched_for_a_patient_leave_the_record_incomplete(
    tree: WorkingTree,
) -> None:
    server = OddServer(kinds=("Patient", "Observation"), everything=False, by_reference="refused")
    record(server, "Patient/p")
    report = pull(tree, server, patient="p")
    assert report.incomplete
    assert any("could not be asked for this patient's Observation" in one for one in report.notes)
