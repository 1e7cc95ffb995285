"""The kept jars: never half, never stale, and Maven's failures told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fhirkit import server
from fhirkit.core.errors import FhirkitError, Unreachable


def kept(machine: Any) -> Path:
    (folder,) = (path for path in machine.cache.iterdir() if path.is_dir())
    return folder


@pytest.mark.parametrize("name", ["manifest.json", "fhirkit-hapi.jar"])
@pytest.mark.parametrize("harm", ["cut", "change", "remove"])
def test_a_damaged_folder_is_made_again(machine: Any, name: str, harm: str) -> None:
    server.stop(machine.start(), home=machine.home)
    file = kept(machine) / name
    good = file.read_bytes()
    if harm == "remove":
        file.unlink()
    else:
        file.write_bytes(good[: len(good) // 2] if harm == "cut" else b"[" + good[1:])
    server.stop(machine.start(), home=machine.home)
    assert machine.maven_calls == 2
    assert file.read_bytes() == good


@pytest.mark.parametrize("harm", ["cut", "remove"])
def test_a_dependency_gone_from_mavens_repository_is_fetched_again(machine: Any, harm: str) -> None:
    server.stop(machine.start(), home=machine.home)
    dependency = machine.bin / "dependency.jar"
    dependency.unlink() if harm == "remove" else dependency.write_bytes(b"a")
    server.stop(machine.start(), home=machine.home)
    assert machine.maven_calls == 2


def test_an_unfinished_folder_of_a_killed_run_is_removed(machine: Any) -> None:
    server.stop(machine.start(), home=machine.home)
    folder = kept(machine)
    (folder / "manifest.json").unlink()
    leftover = machine.cache / f".{folder.name}.abc"
    leftover.mkdir()
    server.stop(machine.start(), home=machine.home)
    assert kept(machine) == folder


def test_mavens_failure_is_told_with_its_error_and_log(machine: Any) -> None:
    machine.behave(mvn="fail")
    with pytest.raises(Unreachable, match="ended with code 1") as raised:
        machine.start()
    assert "Could not transfer artifact" in raised.value.message
    assert "server.log" in raised.value.message
    assert [path for path in machine.cache.iterdir() if path.is_dir()] == []
    machine.behave()
    assert machine.start().phase == "running"


def test_a_maven_that_makes_nothing_is_not_believed(machine: Any) -> None:
    machine.behave(mvn="empty")
    with pytest.raises(FhirkitError, match=r"left no .*fhirkit-hapi\.jar"):
        machine.start()


def test_a_maven_without_end_is_ended(machine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fhirkit.server.artefacts.MAVEN_DEADLINE", 1.0)
    machine.behave(mvn="hang")
    with pytest.raises(Unreachable, match="took over"):
        machine.start()
    assert machine.running() == []
