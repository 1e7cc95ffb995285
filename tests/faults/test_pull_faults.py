"""Every fault against a pull: complete or an error, and no edit lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import faults
import pytest
from fake_server import FakeServer
from faults import Fault
from harness import Run, expected, read, sample, under, write


@pytest.fixture
def full(server: FakeServer) -> FakeServer:
    """A server with the sample and fifty observations, in pages of ten."""
    for resource in sample():
        server.put(resource)
    for number in range(50):
        about = {"subject": {"reference": "Patient/p"}}
        server.put({"resourceType": "Observation", "id": f"n{number}", "status": "final", **about})
    server.set(most_page=10)
    return server


@pytest.fixture
def empty(tmp_path: Path, full: FakeServer, fhirkit: Run) -> Path:
    assert fhirkit("init").code == 0
    assert fhirkit("remote", "add", "origin", full.url).code == 0
    return tmp_path


def files(root: Path) -> dict[str, Any]:
    found = root.glob("[A-Z]*/*.json")
    return expected([json.loads(path.read_text()) for path in found])


NEXT = {"method": "GET", "path": "_getpages"}

GONE = "page 2 is gone, always"
COMPLETES = [
    Fault("page 2 fails once", faults.status(500), **NEXT),
    Fault("page 3 is cut", faults.truncate, **NEXT, first=2),
    Fault("page 2 is gone once: begun again", faults.status(410), **NEXT),
    Fault("page 2 is forgotten once", faults.status(404), **NEXT),
    Fault("page 4 asks to wait", faults.status(429, {"Retry-After": "0"}), **NEXT, first=3),
    Fault("a page lacks a row once", faults.changed(faults.without_last), **NEXT),
    Fault("a web page once", faults.page(b"<html>"), **NEXT),
    Fault("connection cut", faults.drop_after, **NEXT, times=2),
]  # fmt: skip

FAILS = [
    (Fault(GONE, faults.status(410), **NEXT, times=0), 3),
    (Fault("page 2 fails, always", faults.status(500), **NEXT, times=0), 5),
    (Fault("next links in a circle", faults.changed(faults.loops), "GET", "", times=0), 5),
    (Fault("pages lack rows", faults.changed(faults.without_last), **NEXT, times=0), 3),
    (Fault("a page is an outcome", faults.outcome_200, **NEXT, times=0), 5),
    (Fault("a page drips", faults.drip, **NEXT, times=0), 5),
    (Fault("a page is a bomb", faults.bomb, **NEXT, times=0), 5),
    (Fault("a page redirects", faults.redirect, **NEXT, times=0), 5),
    (Fault("a page is half", faults.half_json, **NEXT, times=0), 5),
]  # fmt: skip

SELECTIONS = [("--patient", "p"), ("--type", "Observation"), ()]


@pytest.mark.parametrize("fault", COMPLETES, ids=lambda fault: fault.name)
@pytest.mark.parametrize("selection", SELECTIONS, ids=str)
def test_a_passing_fault_is_survived(
    fault: Fault, selection: tuple[str, ...], empty: Path, full: FakeServer, fhirkit: Run
) -> None:
    fault.met = fault.struck = 0
    under(full, fault)
    ran = fhirkit("pull", *selection, "--json")
    assert fault.struck
    assert ran.code == 0, ran
    held = full.state()
    if "--type" in selection:
        held = {key: one for key, one in held.items() if key.startswith("Observation/")}
    assert files(empty) == held
    under(full)
    again = fhirkit("pull", *selection, "--json")
    assert again.code == 0
    assert set(again.results().values()) == {"unchanged"}
    assert full.version_count() == 56, "a pull writes nothing"


@pytest.mark.parametrize(("fault", "code"), FAILS, ids=lambda one: getattr(one, "name", ""))
@pytest.mark.parametrize("selection", SELECTIONS, ids=str)
def test_a_lasting_fault_fails_the_command(
    fault: Fault,
    code: int,
    selection: tuple[str, ...],
    empty: Path,
    full: FakeServer,
    fhirkit: Run,
) -> None:
    fault.met = fault.struck = 0
    under(full, fault)
    ran = fhirkit("pull", *selection, "--json")
    assert fault.struck
    if fault.name == GONE and "--patient" not in selection:
        # A listing goes on from the last time it has seen, without the server's pages.
        assert ran.code == 0, ran
        wanted = "" if not selection else f"{selection[-1]}/"
        assert set(files(empty)) == {key for key in full.state() if key.startswith(wanted)}
    else:
        assert ran.code == code, ran
        assert files(empty) == {}
    under(full)
    assert fhirkit("pull", *selection).code == 0


def test_a_file_is_not_written_when_the_record_is_not_whole(
    tmp_path: Path, full: FakeServer, fhirkit: Run
) -> None:
    under(full, Fault("always", faults.status(500), **NEXT, times=0))
    out = tmp_path / "record.json"
    assert fhirkit("pull", "--remote", full.url, "--patient", "p", "-o", str(out)).code == 5
    assert not out.exists()


@pytest.mark.parametrize(
    "link_base",
    ["http://internal.example:8080/fhir", "https://internal.example/r4/base", "/fhir", "."],
)
def test_links_that_lead_elsewhere_are_brought_home(
    link_base: str, empty: Path, full: FakeServer, fhirkit: Run
) -> None:
    full.set(link_base=link_base)
    ran = fhirkit("pull", "--type", "Observation")
    assert ran.code == 0, ran
    assert len(files(empty)) == 51


def test_without_everything_the_compartment_is_searched(
    empty: Path, full: FakeServer, fhirkit: Run
) -> None:
    full.set(everything=False)
    assert fhirkit("pull", "--patient", "p").code == 0
    assert files(empty) == full.state()


def test_only_one_patients_record_is_fetched(empty: Path, full: FakeServer, fhirkit: Run) -> None:
    full.put({"resourceType": "Patient", "id": "q"})
    about = {"subject": {"reference": "Patient/q"}}
    full.put({"resourceType": "Observation", "id": "of-q", "status": "final", **about})
    assert fhirkit("pull", "--patient", "p").code == 0
    assert "Patient/q" not in files(empty)
    assert "Observation/of-q" not in files(empty)
    assert fhirkit("pull", "--patient", "nobody").code == 5


def test_an_edit_made_while_fetching_is_kept(empty: Path, full: FakeServer, fhirkit: Run) -> None:
    full.set(system_history=False, type_history=False, export=False)  # so that it is searched
    assert fhirkit("pull").code == 0
    full.put(full.state()["Patient/p"] | {"birthDate": "1990"})
    edited = read(empty, "Patient/p") | {"birthDate": "2000"}

    def edits(handler, answer, body) -> None:  # type: ignore[no-untyped-def]
        write(empty, edited)
        handler.send(answer())

    under(full, Fault("an editor", edits, "GET", "Patient"))
    ran = fhirkit("pull", "--json")
    assert ran.code == 4, ran
    assert read(empty, "Patient/p") == edited


def test_what_goes_away_goes_to_the_trash(empty: Path, full: FakeServer, fhirkit: Run) -> None:
    assert fhirkit("pull").code == 0
    full.delete("Provenance/v")
    write(empty, read(empty, "Observation/x") | {"status": "amended"})
    full.delete("Observation/x")
    ran = fhirkit("pull", "--json")
    assert ran.code == 4
    assert ran.results()["Provenance/v"] == "discarded"
    assert ran.results()["Observation/x"] == "conflict", "edited here, deleted there"
    assert read(empty, "Observation/x")["status"] == "amended"
    assert not (empty / "Provenance/v.json").exists()
    assert list(empty.glob(".fhirkit/trash/*/Provenance/v.json"))


def test_a_search_that_hides_a_row_does_not_delete_its_file(
    empty: Path, full: FakeServer, fhirkit: Run
) -> None:
    assert fhirkit("pull").code == 0
    full.set(totals="never")
    under(full, Fault("hides", faults.changed(faults.without_last), **NEXT, times=0))
    ran = fhirkit("pull", "--type", "Observation")
    assert ran.code == 3, "the count says that there is more"
    assert len(files(empty)) == 56


def test_many_deletions_are_not_followed_unasked(
    empty: Path, full: FakeServer, fhirkit: Run
) -> None:
    assert fhirkit("pull").code == 0
    for number in range(20):
        full.delete(f"Observation/n{number}")
    assert fhirkit("pull").code == 6
    assert len(files(empty)) == 56
    assert fhirkit("pull", "--max-delete", "20").code == 0
    assert len(files(empty)) == 36


def test_refused_reads_are_no_deletions(empty: Path, full: FakeServer, fhirkit: Run) -> None:
    full.set(system_history=False, type_history=False, export=False)  # so that it is searched
    assert fhirkit("pull").code == 0
    under(full, Fault("forbidden", faults.status(403), "GET", "Observation", times=0))
    ran = fhirkit("pull")
    assert ran.code == 3, ran
    assert len(files(empty)) == 56


def test_an_old_answer_does_not_turn_a_file_back(
    empty: Path, full: FakeServer, fhirkit: Run
) -> None:
    full.set(system_history=False, type_history=False, export=False)  # so that it is searched
    full.put(full.state()["Patient/p"] | {"birthDate": "1990"})
    assert fhirkit("pull").code == 0

    def old(bundle: Any) -> Any:
        for entry in bundle["entry"]:
            if entry["resource"]["id"] == "p":
                entry["resource"] = full.store.versions["Patient/p"][0].resource
        return bundle

    under(full, Fault("a cache", faults.changed(old), "GET", "Patient?", times=0))
    assert fhirkit("pull").code == 0
    assert read(empty, "Patient/p")["birthDate"] == "1990"
    held = full.store.versions["Patient/p"]
    full.store.versions["Patient/p"] = held[:1]
    under(full)
    assert fhirkit("pull").code == 6
    assert read(empty, "Patient/p")["birthDate"] == "1990"
