"""Exports pulled without a tree, into one file: whole, or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Run, fhirkit

from fhirkit.chaos import ChaosServer
from fhirkit.chaos.schedule import schedule_of

__all__ = ["fhirkit"]


@pytest.fixture
def server() -> Iterator[ChaosServer]:
    server = ChaosServer()
    for number in range(700):
        server.put({"resourceType": "Patient", "id": f"p{number}", "birthDate": "1970"})
    server.put({"resourceType": "Basic", "id": "b"})
    server.put({"resourceType": "Group", "id": "g", "type": "person", "actual": True,
                "member": [{"entity": {"reference": "Patient/p1"}}]})  # fmt: skip
    yield server
    server.close()


def pulled(fhirkit: Run, server: ChaosServer, *words: str) -> int:
    return fhirkit("pull", "--remote", server.url, *words).code


def lines(path: Path) -> dict[str, int]:
    """How many resources of each type a file holds."""
    found: dict[str, int] = {}
    for line in path.read_text().splitlines():
        kind = json.loads(line)["resourceType"]
        found[kind] = found.get(kind, 0) + 1
    return found


@pytest.mark.parametrize("name", ["out.ndjson", "out.json"])
def test_an_export_becomes_one_file(
    name: str, server: ChaosServer, fhirkit: Run, tmp_path: Path
) -> None:
    assert pulled(fhirkit, server, "--source", "export", "-o", name) == 0
    if name == "out.ndjson":
        assert lines(tmp_path / name) == {"Basic": 1, "Group": 1, "Patient": 700}
    else:
        assert len(json.loads((tmp_path / name).read_bytes())["entry"]) == 702
    assert (tmp_path / name).stat().st_mode & 0o077 == 0
    assert server.exports.jobs == {}


def test_types_and_groups(server: ChaosServer, fhirkit: Run, tmp_path: Path) -> None:
    out = ("-o", "out.ndjson")
    assert pulled(fhirkit, server, "--source", "export", "--type", "Basic", *out) == 0
    assert lines(tmp_path / "out.ndjson") == {"Basic": 1}
    assert pulled(fhirkit, server, "--group", "g", *out) == 0
    assert lines(tmp_path / "out.ndjson") == {"Group": 1, "Patient": 1}
    assert pulled(fhirkit, server, "--all-patients", *out) == 0
    assert lines(tmp_path / "out.ndjson") == {"Group": 1, "Patient": 700}


@pytest.mark.parametrize(
    ("words", "code"),
    [(("--group", "../x"), 2), (("--group", "g", "--all-patients"), 2),
     (("--source", "history"), 2), (("--group", "g", "--source", "search"), 2),
     (("--group", "none"), 5), (("--patient", "p1", "--source", "export"), 2)],
    ids=str,
)  # fmt: skip
def test_calls_that_fit_nothing(
    words: tuple[str, ...], code: int, server: ChaosServer, fhirkit: Run, tmp_path: Path
) -> None:
    assert pulled(fhirkit, server, *words, "-o", "out.ndjson") == code
    assert not (tmp_path / "out.ndjson").exists()


@pytest.mark.parametrize(
    "fault",
    ["export-half-lines", "export-fewer-lines", "export-no-files", "export-errors",
     "export-odd-manifest", "export-files-elsewhere", "export-forgotten"],
)  # fmt: skip
def test_what_is_not_whole_leaves_the_old_file(
    fault: str, server: ChaosServer, fhirkit: Run, tmp_path: Path
) -> None:
    path = tmp_path / "out.ndjson"
    path.write_text("old")
    server.faults = schedule_of({"fault": [{"do": fault, "path": "/$export-status*", "times": 0}]})
    assert pulled(fhirkit, server, "--source", "export", "-o", "out.ndjson") in (3, 5)
    assert path.read_text() == "old"
    assert list(tmp_path.glob(".fhirkit-*")) == []
    server.faults = None
    assert server.exports.jobs == {}


def test_lines_that_come_twice_are_written_once(
    server: ChaosServer, fhirkit: Run, tmp_path: Path
) -> None:
    server.behaviour = server.behaviour.changed({"export_counts": False})
    rule = {"do": "export-double-lines", "path": "/$export-status*", "nth": 2}
    server.faults = schedule_of({"fault": [rule]})
    assert pulled(fhirkit, server, "--source", "export", "-o", "out.ndjson") == 0
    assert lines(tmp_path / "out.ndjson") == {"Basic": 1, "Group": 1, "Patient": 700}
