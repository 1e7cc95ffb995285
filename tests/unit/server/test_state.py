"""The state of a server: believed only while its process is the one that wrote it."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from fhirkit import server
from fhirkit.server import processes


def state_file(machine: Any, info: server.ServerInfo) -> Path:
    return machine.home / str(info.port) / "state.json"


def test_a_killed_server_is_forgotten_and_can_be_started_again(machine: Any) -> None:
    info = machine.start()
    os.killpg(info.pid, signal.SIGKILL)
    while processes.is_alive(info.pid, info.token):
        pass
    assert server.find(machine.home) == []
    assert not state_file(machine, info).exists()
    again = machine.start(port=info.port)
    assert again.token != info.token


def test_a_pid_that_is_another_process_by_now_is_left_alone(machine: Any) -> None:
    info = machine.start()
    state = json.loads(state_file(machine, info).read_text())
    server.stop(info, home=machine.home)
    # The pid of this very test: stopping it would be noticed.
    state["pid"] = os.getpid()
    state_file(machine, info).write_text(json.dumps(state))
    assert server.find(machine.home, port=info.port) == []
    assert not state_file(machine, info).exists()
    stranger = server.ServerInfo(info.port, os.getpid(), info.token, "", None, info.log, "running")
    assert not server.stop(stranger, home=machine.home)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"pid": "x"}',
        b'{"pid": null, "token": "t", "started": "", "data": null}',
        b'{"pid": 1, "token": "", "started": "", "data": 5}',
    ],
)
def test_a_state_that_makes_no_sense_is_no_server(machine: Any, content: bytes) -> None:
    info = machine.start()
    server.stop(info, home=machine.home)
    state_file(machine, info).write_bytes(content)
    assert server.find(machine.home) == []
    assert machine.start(port=info.port).phase == "running"


def test_an_empty_token_proves_nothing(machine: Any) -> None:
    assert not processes.is_alive(os.getpid(), "")


def test_a_half_started_server_of_a_killed_start_is_replaced(machine: Any) -> None:
    info = machine.start(memory=True)
    (machine.home / str(info.port) / f"{info.token}.ready").unlink()
    assert server.find(machine.home)[0].phase == "starting"
    again = machine.start(port=info.port, memory=True)
    assert again.token != info.token
    assert not processes.is_alive(info.pid, info.token)


def test_a_server_that_does_not_listen_to_reason_is_forced(machine: Any) -> None:
    machine.behave(java="stubborn")
    info = machine.start()
    assert server.stop(info, home=machine.home, grace=0.3)
    assert not processes.is_alive(info.pid, info.token)


def test_the_log_before_is_kept(machine: Any) -> None:
    info = machine.start()
    server.stop(info, home=machine.home)
    server.stop(machine.start(port=info.port), home=machine.home)
    assert "fake java starts" in info.log.with_name("server.log.1").read_text()


def test_no_folder_yet_means_no_server(tmp_path: Path) -> None:
    assert server.find(tmp_path / "nothing") == []
