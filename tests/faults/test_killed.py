"""kill -9 at every request: the next run finishes, and nothing is there twice or lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fake_server import FakeServer
from faults import Fault, cut
from harness import Run, expected, read, sample, under, write


def start(tree: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "fhirkit.cli.main", "push"],
        cwd=tree,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def kill_at(tree: Path, server: FakeServer, request: int, *, commit: bool) -> bool:
    """Run a push and kill it at its n-th request; False when it had ended before."""
    process: list[subprocess.Popen[bytes]] = []

    def kills(handler: Any, answer: Any, body: bytes) -> None:
        if commit:
            answer()
        os.kill(process[0].pid, signal.SIGKILL)
        process[0].wait()
        cut(handler)

    under(server, Fault("killed", kills, first=request))
    process.append(start(tree))
    process[0].wait()
    under(server)
    return process[0].returncode == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.parametrize("commit", [False, True], ids=["before", "after the commit"])
def test_killed_at_every_request_of_a_first_push(
    commit: bool, tree: Path, server: FakeServer, fhirkit: Run
) -> None:
    server.set(identical_update_is_new_version=True)
    request = 0
    while True:
        request += 1
        server.store.versions.clear()
        assert fhirkit("remote", "reset", "origin").code == 0
        if not kill_at(tree, server, request, commit=commit):
            break
        again = fhirkit("push", "--json")
        assert again.code == 0, again
        assert server.state() == expected(sample())
        assert max(map(len, server.store.versions.values())) == 1
        assert fhirkit("status", "--check").code == 0
    assert request > 5, "a push makes some requests"


@pytest.mark.slow
@pytest.mark.parametrize("normalises", [False, True])
def test_killed_after_the_commit_and_edited_before_the_next_run(
    normalises: bool, tree: Path, server: FakeServer, fhirkit: Run
) -> None:
    if normalises:
        server.normalise(lambda resource: resource | {"language": "en"})
        server.set(keeps_request_id=True)
    assert fhirkit("push").code == 0
    write(tree, read(tree, "Patient/p") | {"birthDate": "1980"})
    requests = len(server.log)
    assert fhirkit("push", "--dry-run").code == 0
    reads = len(server.log) - requests
    assert kill_at(tree, server, reads + 1, commit=True)
    assert server.state()["Patient/p"]["birthDate"] == "1980"
    write(tree, read(tree, "Patient/p") | {"birthDate": "1981"})
    ran = fhirkit("push", "--json")
    assert ran.code == 0, ran
    assert server.state()["Patient/p"]["birthDate"] == "1981"
    assert len(server.store.versions["Patient/p"]) == 3


def test_two_runs_do_not_meet(tree: Path, server: FakeServer, fhirkit: Run) -> None:
    codes: list[int] = []

    def meanwhile(handler: Any, answer: Any, body: bytes) -> None:
        other = start(tree)
        codes.append(other.wait())
        handler.send(answer())

    under(server, Fault("another run", meanwhile, "POST"))
    # The other run ends long before this one's deadline only if it is told to go at once.
    process = start(tree)
    assert process.wait() == 0
    assert codes == [6]
