"""Servers of other kinds, pushes and pulls without a tree, and adding to one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import faults
import pytest
from fake_server import FakeServer
from faults import Fault
from harness import Run, expected, read, sample, under, write


def test_a_server_with_small_transactions(tree: Path, server: FakeServer, fhirkit: Run) -> None:
    server.set(most_entries=2)
    ran = fhirkit("push", "--json")
    assert ran.code == 0, ran
    assert server.state() == expected(sample())


def test_a_circle_larger_than_the_server_takes(
    tree: Path, server: FakeServer, fhirkit: Run
) -> None:
    server.set(most_entries=1)
    ran = fhirkit("push", "--json")
    assert ran.code == 6
    assert ran.results()["Condition/c"] == ran.results()["Encounter/e"] == "blocked"
    assert ran.results()["Patient/p"] == "created"


def test_a_transaction_answered_as_a_batch(tree: Path, server: FakeServer, fhirkit: Run) -> None:
    server.set(transactions="batch")
    server.set(checks_references=False)
    server.set(refuses="*/x")
    ran = fhirkit("push", "--json")
    assert ran.code == 5
    results = ran.results()
    assert results.pop("Observation/x") == "refused"
    assert set(results.values()) == {"created"}
    assert {len(held) for held in server.store.versions.values()} == {1}


def test_a_server_that_says_neither_version_nor_location(
    tree: Path, server: FakeServer, fhirkit: Run
) -> None:
    server.set(locations="none")
    server.normalise(lambda resource: resource | {"language": "en"})
    assert fhirkit("push").code == 0
    assert fhirkit("push", "--json").json["counts"] == {"unchanged": 6}


def test_a_server_of_another_fhir(tree: Path, server: FakeServer, fhirkit: Run) -> None:
    def other(statement: Any) -> Any:
        return statement | {"fhirVersion": "5.0.0"}

    under(server, Fault("R5", faults.changed(other), "GET", "metadata", times=0))
    assert fhirkit("push").code == 6
    assert server.version_count() == 0


def test_another_server_at_the_same_address(tree: Path, server: FakeServer, fhirkit: Run) -> None:
    assert fhirkit("push").code == 0

    def other(statement: Any) -> Any:
        return statement | {"software": {"name": "another"}}

    under(server, Fault("another", faults.changed(other), "GET", "metadata", times=0))
    assert fhirkit("push").code == 6
    assert fhirkit("pull").code == 6


def test_one_tree_and_two_servers(tree: Path, server: FakeServer, fhirkit: Run) -> None:
    second = FakeServer()
    assert fhirkit("remote", "add", "second", second.url).code == 0
    assert fhirkit("push", "origin").code == 0
    assert fhirkit("push", "second").code == 0
    server.put(server.state()["Patient/p"] | {"birthDate": "1990"})
    assert fhirkit("pull", "origin").code == 0
    assert fhirkit("push", "second").code == 0
    assert second.state() == server.state()
    second.close()


def bundle(path: Path, *resources: dict[str, Any], method: str = "POST") -> str:
    entries = [
        {
            "resource": one,
            "request": {"method": method, "url": f"{one['resourceType']}/{one['id']}"},
        }
        for one in resources
    ]
    text = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries})
    path.write_text(text)
    return str(path)


def test_a_bundle_without_a_tree(tmp_path: Path, server: FakeServer, fhirkit: Run) -> None:
    server.set(identical_update_is_new_version=True)
    file = bundle(tmp_path / "b.json", *sample(), method="PUT")
    planned = fhirkit("push", file, "--remote", server.url, "--dry-run", "--json")
    assert len(planned.json["transactions"][0]) == 6
    assert server.store.log == []
    assert fhirkit("push", file, "--remote", server.url, "--json").json["counts"] == {"created": 6}
    again = fhirkit("push", file, "--remote", server.url, "--json")
    assert again.json["counts"] == {"unchanged": 6}
    assert server.version_count() == 6


def test_a_bundle_overwrites_only_what_it_knows_or_is_told_to(
    tmp_path: Path, server: FakeServer, fhirkit: Run
) -> None:
    for resource in sample():
        server.put(resource)
    edited = [one | {"language": "en"} if one["id"] == "p" else one for one in sample()]
    file = bundle(tmp_path / "b.json", *edited)
    assert fhirkit("push", file, "--remote", server.url).code == 4
    assert "language" not in server.state()["Patient/p"]
    record = tmp_path / "r.json"
    pull = ("pull", "--remote", server.url, "--patient", "p", "-o", str(record))
    assert fhirkit(*pull).code == 0
    record.write_text(record.read_text().replace('"1979"', '"1980"'))
    ran = fhirkit("push", str(record), "--remote", server.url, "--json")
    assert ran.json["counts"] == {"updated": 1, "unchanged": 5}
    assert fhirkit("push", str(record), "--remote", server.url).code == 0
    record.write_text(record.read_text().replace('"1980"', '"1981"'))
    assert fhirkit("push", str(record), "--remote", server.url).code == 4, "its version is old"
    assert fhirkit("push", file, "--remote", server.url, "--overwrite").code == 0
    assert server.state() == expected(edited)


def test_a_record_as_one_file(tmp_path: Path, server: FakeServer, fhirkit: Run) -> None:
    for resource in sample():
        server.put(resource)
    for name in ("r.json", "r.ndjson"):
        assert fhirkit("pull", "--remote", server.url, "--patient", "p", "-o", name).code == 0
    collection = json.loads((tmp_path / "r.json").read_text())
    assert collection["type"] == "collection"
    lines = (tmp_path / "r.ndjson").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        entry["resource"] for entry in collection["entry"]
    ]
    assert fhirkit("diff", "r.json", "r.ndjson").code == 0
    assert (tmp_path / "r.json").stat().st_mode & 0o777 == 0o600
    printed = fhirkit("pull", "--remote", server.url, "--type", "Patient")
    assert printed.json["entry"][0]["resource"]["id"] == "p"


def test_adding_keeps_what_is_there(tmp_path: Path, server: FakeServer, fhirkit: Run) -> None:
    assert fhirkit("init").code == 0
    file = bundle(tmp_path / "b.json", *sample())
    assert fhirkit("add", file, "--json").json["counts"] == {"written": 6}
    assert fhirkit("add", file, "--json").json["counts"] == {"unchanged": 6}
    write(tmp_path, read(tmp_path, "Patient/p") | {"birthDate": "2000"})
    refused = fhirkit("add", file, "--json")
    assert refused.code == 4
    assert refused.results()["Patient/p"] == "conflict"
    assert read(tmp_path, "Patient/p")["birthDate"] == "2000"
    assert fhirkit("add", file, "--force").code == 0
    assert read(tmp_path, "Patient/p")["birthDate"] == "1979"
    (trashed,) = (tmp_path / ".fhirkit/trash").rglob("p.json")
    assert json.loads(trashed.read_text())["birthDate"] == "2000"


def test_a_bad_source_does_not_stop_the_others(tmp_path: Path, fhirkit: Run) -> None:
    assert fhirkit("init").code == 0
    (tmp_path / "bad.json").write_text("{")
    good = bundle(tmp_path / "good.json", *sample())
    ran = fhirkit("add", "bad.json", good, "--json")
    assert ran.code == 1
    assert ran.json["counts"] == {"written": 6}
    assert ran.json["issues"][0]["rule"] == "json-syntax"


def test_a_case_is_converted_on_the_way_in(tmp_path: Path, fhirkit: Run) -> None:
    root = Path(__file__).parents[2] / "bundles/rls-ida"
    assert fhirkit("init").code == 0
    assert fhirkit("add", str(root / "case.yaml")).code == 0
    assert fhirkit("diff", str(tmp_path), str(root / "collection.json")).code == 0


def test_a_token_goes_by_its_variable(
    tree: Path, server: FakeServer, fhirkit: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[str] = set()

    def look(handler: Any, answer: Any, body: bytes) -> None:
        seen.add(handler.headers["Authorization"])
        handler.send(answer())

    under(server, Fault("look", look, times=0))
    assert fhirkit("remote", "add", "safe", server.url, "--token-env", "MY_TOKEN").code == 0
    assert fhirkit("push", "safe").code == 2, "the variable is not set"
    monkeypatch.setenv("MY_TOKEN", "s3cret")
    ran = fhirkit("push", "safe")
    assert ran.code == 0
    assert seen == {"Bearer s3cret"}
    written = [path.read_bytes() for path in (tree / ".fhirkit").rglob("*") if path.is_file()]
    assert not any(
        b"s3cret" in content for content in [*written, ran.out.encode(), ran.err.encode()]
    )
    assert fhirkit("remote", "add", "bad", "https://u:pw@a.example/fhir").code == 2


def test_a_broken_file_is_held_back_and_not_taken_for_deleted(
    tree: Path, server: FakeServer, fhirkit: Run
) -> None:
    assert fhirkit("push").code == 0
    (tree / "Observation/x.json").write_text("{")
    write(tree, read(tree, "Patient/p") | {"birthDate": "1980"})
    ran = fhirkit("push", "--delete", "--json")
    assert ran.code == 1
    assert ran.results()["Patient/p"] == "updated"
    assert "Observation/x" in server.state()
    server.put(server.state()["Observation/x"] | {"status": "amended"})
    assert fhirkit("pull").code in (1, 3)
    assert (tree / "Observation/x.json").read_text() == "{"


def test_status_and_diff_say_what_differs(tree: Path, server: FakeServer, fhirkit: Run) -> None:
    assert fhirkit("status").out.startswith("A Condition/c\n")
    assert fhirkit("push").code == 0
    write(tree, read(tree, "Patient/p") | {"birthDate": "1980"})
    (tree / "Provenance/v.json").unlink()
    server.put(server.state()["Organization/o"] | {"name": "Renamed"})
    assert fhirkit("status").out == "M Patient/p\nD Provenance/v\n"
    fetched = fhirkit("status", "--fetch", "--json").json
    assert {one["resource"]: one["status"] for one in fetched["resources"]} == {
        "Organization/o": "behind",
        "Patient/p": "modified",
        "Provenance/v": "deleted",
    }
    changed = fhirkit("diff", "Patient/p")
    assert changed.code == 1
    assert changed.out == "Patient/p\n  Patient.birthDate: 1979 → 1980\n"
    remote = fhirkit("diff", "--remote", "Organization/o")
    assert remote.out == "Organization/o\n  Organization.name: Renamed → Example clinic\n"
