"""`fhirkit server` as a process: its output, its exit codes, and signals in mid-start."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
from typing import Any

import pytest

from fhirkit import server

FHIRKIT = [sys.executable, "-m", "fhirkit.cli.main", "server"]


def run(machine: Any, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*FHIRKIT, *words],
        env=machine.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_life(machine: Any) -> None:
    started = run(machine, "start", "--port", "0", "--memory")
    assert started.returncode == 0, started.stderr
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/fhir\n", started.stdout)
    assert "starting HAPI FHIR on port" in started.stderr
    port = started.stdout.split(":")[2].split("/")[0]

    again = run(machine, "start", "--port", port)
    assert (again.returncode, again.stdout) == (0, started.stdout)
    assert "already running" in again.stderr

    url = run(machine, "url")
    assert (url.returncode, url.stdout, url.stderr) == (0, started.stdout, "")
    status = run(machine, "status")
    assert status.returncode == 0
    assert status.stdout.startswith("running  http://127.0.0.1:")
    (found,) = json.loads(run(machine, "status", "--json").stdout)["servers"]
    assert (found["phase"], found["data"], str(found["port"])) == ("running", None, port)

    stopped = run(machine, "stop")
    assert (stopped.returncode, stopped.stdout) == (0, "")
    assert f"stopped the server on port {port}" in stopped.stderr


def test_without_a_server(machine: Any) -> None:
    stop, status, url = (run(machine, word) for word in ("stop", "status", "url"))
    assert (stop.returncode, status.returncode, url.returncode) == (0, 1, 1)
    assert url.stdout == ""
    as_json = run(machine, "status", "--json")
    assert (as_json.returncode, json.loads(as_json.stdout)) == (1, {"servers": []})


def test_several_servers_need_a_choice(machine: Any) -> None:
    first, second = (machine.start() for _ in range(2))
    for word in ("stop", "url"):
        unclear = run(machine, word)
        assert unclear.returncode == 2
        assert str(first.port) in unclear.stderr
        assert str(second.port) in unclear.stderr
    assert run(machine, "url", "--port", str(second.port)).stdout == second.url + "\n"
    assert run(machine, "url", "--data", str(first.data)).stdout == first.url + "\n"


def test_a_server_that_still_starts(machine: Any) -> None:
    info = machine.start()
    (machine.home / str(info.port) / f"{info.token}.ready").unlink()
    assert run(machine, "status").returncode == 3
    assert run(machine, "url").returncode == 3


def test_exit_codes_of_failures(machine: Any) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        taken = run(machine, "start", "--port", port)
    assert taken.returncode == 6
    assert port in taken.stderr
    machine.behave(release="11")
    assert run(machine, "start", "--port", "0").returncode == 2
    machine.behave(java="exit")
    failed = run(machine, "start", "--port", "0")
    assert failed.returncode == 5
    assert failed.stdout == ""
    assert "Caused by" in failed.stderr
    assert run(machine, "start", "--port", "65536").returncode == 2


@pytest.mark.parametrize("phase", ["maven", "java"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_in_mid_start_leaves_nothing(
    machine: Any, phase: str, number: signal.Signals, code: int
) -> None:
    machine.behave(**({"mvn": "hang"} if phase == "maven" else {"java": "never"}))
    with subprocess.Popen(
        [*FHIRKIT, "start", "--port", "0"],
        env=machine.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as starting:
        deadline = time.monotonic() + 30
        sign = machine.bin / "mvn.hangs" if phase == "maven" else None
        while not (sign.exists() if sign else list(machine.home.glob("*/state.json"))):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert machine.running()
        starting.send_signal(number)
        out, _ = starting.communicate(timeout=30)
    assert (starting.returncode, out) == (code, b"")
    assert machine.running() == []
    assert list(machine.home.glob("*/state.json")) == []
    assert [path for path in machine.cache.glob(".*") if path.is_dir()] == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_server_in_the_foreground_ends_with_its_command(
    machine: Any, number: signal.Signals, code: int
) -> None:
    with subprocess.Popen(
        [*FHIRKIT, "start", "--port", "0", "--memory", "--foreground"],
        env=machine.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as foreground:
        assert foreground.stdout is not None
        url = foreground.stdout.readline()
        assert run(machine, "url").stdout == url
        foreground.send_signal(number)
        assert foreground.wait(timeout=30) == code
    assert machine.running() == []


def test_stopping_a_server_in_the_foreground_ends_its_command(machine: Any) -> None:
    with subprocess.Popen(
        [*FHIRKIT, "start", "--port", "0", "--memory", "--foreground"],
        env=machine.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as foreground:
        assert foreground.stdout is not None
        assert foreground.stdout.readline()
        assert run(machine, "stop").returncode == 0
        assert foreground.wait(timeout=30) == 0


def test_the_foreground_does_not_take_over_a_running_server(machine: Any) -> None:
    info = machine.start(memory=True)
    again = run(machine, "start", "--port", str(info.port), "--foreground")
    assert (again.returncode, again.stdout) == (0, info.url + "\n")
    assert server.find(machine.home) == [info]
