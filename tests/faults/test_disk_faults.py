"""Disks that fail and files that change while a push or a pull is at work (D1, D7, D11).

The other rows of disks and processes are held in `tests/hardening`.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_server import FakeServer
from faults import Fault
from harness import Run, read, under, write

from fhirkit.core import files

sys.path.insert(0, str(Path(__file__).parent / "matrix"))


def resources(tree: Path) -> dict[str, Any]:
    return {
        f"{path.parent.name}/{path.stem}": json.loads(path.read_text())
        for path in sorted(tree.glob("[A-Z]*/*.json"))
    }


def leftovers(tree: Path) -> list[str]:
    return [path.name for path in tree.rglob(".fhirkit-*")]


def _fails(patch: pytest.MonkeyPatch, step: str, met: Callable[[], bool]) -> None:
    """This call finds no space when it is met."""
    where = files.tempfile if step == "mkstemp" else os
    real = getattr(where, step)

    def full(*given: Any, **named: Any) -> Any:
        if met():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*given, **named)

    patch.setattr(where, step, full)


@pytest.mark.parametrize("step", ["mkstemp", "fsync", "replace"])
def test_d01_no_space_at_any_write_leaves_the_old_file(
    step: str, tree: Path, server: FakeServer, fhirkit: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fhirkit("push").code == 0
    number = 0
    while True:
        number += 1
        met = 0
        for resource in server.state().values():
            server.put(resource | {"language": f"x-{number}"})
        before = resources(tree)

        def met_again() -> bool:
            nonlocal met
            met += 1
            return met == number  # noqa: B023  # called in this round only

        with monkeypatch.context() as patch:
            _fails(patch, step, met_again)
            ran = fhirkit("pull", "--json")
        assert leftovers(tree) == []
        now = resources(tree)
        assert all(now[key] in (old, server.state()[key]) for key, old in before.items())
        if met < number:
            break
        # A folder that cannot be synced loses nothing that was there.
        assert ran.code in (0, 2, 3), ran
        assert ran.code or now == server.state()
    assert fhirkit("pull").code == 0
    assert resources(tree) == server.state()
    assert number > 5


def test_d11_a_file_that_changes_after_it_was_looked_at_is_not_taken_for_what_it_was(
    tree: Path, server: FakeServer, fhirkit: Run
) -> None:
    """The push sends what it had planned; the edit is the next one's, and no pull replaces it."""
    assert fhirkit("push").code == 0
    write(tree, read(tree, "Patient/p") | {"birthDate": "1980"})
    server.put(server.state()["Observation/x"] | {"status": "amended"})

    def edits(handler: Any, answer: Any, body: bytes) -> None:
        write(tree, read(tree, "Patient/p") | {"birthDate": "1990"})
        write(tree, read(tree, "Observation/x") | {"status": "preliminary"})
        handler.send(answer())

    under(server, Fault("edited meanwhile", edits, "POST"))
    assert fhirkit("push").code == 0
    assert server.state()["Patient/p"]["birthDate"] == "1980"
    assert read(tree, "Patient/p")["birthDate"] == "1990"
    under(server, Fault("edited meanwhile", edits, "GET", first=2))
    assert fhirkit("pull").code == 4
    assert read(tree, "Observation/x")["status"] == "preliminary"
    under(server)
    assert fhirkit("push").code == 4
    assert server.state()["Patient/p"]["birthDate"] == "1990"


@pytest.mark.parametrize("words", ["status", "push", "pull"])
def test_d07_a_state_whose_contents_cannot_be_listed_is_said(
    words: str, tree: Path, server: FakeServer, fhirkit: Run
) -> None:
    assert fhirkit("push").code == 0
    state = tree / ".fhirkit/state.db"
    whole = state.read_bytes()
    place = whole.index(b"CREATE TABLE")
    state.write_bytes(whole[:place] + b"\xff" + whole[place + 1 :])
    held = server.state()
    ran = fhirkit(words)
    assert ran.code == 6, ran
    assert "the state cannot be used" in ran.err
    assert server.state() == held
    state.unlink()
    assert fhirkit("push").code == 0, "what is equal on both sides is found again"
