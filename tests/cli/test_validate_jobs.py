"""`fhirkit validate --jobs`: several processes report what one does, and end with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "fhirkit.cli.main", "validate", "--no-config", "--no-cache"]
GOOD = '{"resourceType": "Patient", "active": true}'
BAD = '{"resourceType": "Patient", "active": "x"}'


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("records")
    for number in range(90):
        text = "{" if number == 40 else BAD if number % 9 == 0 else GOOD
        (folder / f"{number:03}.json").write_text(text)
    (folder / "lines.ndjson").write_text(f"{GOOD}\n{BAD}\n" * 30)
    return folder


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, ".", "gone.json", *arguments]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=240
    )


@pytest.mark.parametrize("form", ["concise", "json"])
def test_several_processes_say_what_one_says(records: Path, form: str) -> None:
    one = run(records, "--format", form)
    several = run(records, "--format", form, "--jobs", "3")
    assert several.stdout == one.stdout
    assert (several.returncode, several.stderr) == (one.returncode, one.stderr)
    assert one.returncode == 1
    assert "151 checked" in one.stderr


@pytest.mark.parametrize("jobs", ["-1", "many", "1.5"])
def test_what_is_no_number_of_processes_is_refused(records: Path, jobs: str) -> None:
    assert run(records, "--jobs", jobs).returncode == 2


def test_an_interrupt_ends_all_of_them(tmp_path: Path) -> None:
    fifo = tmp_path / "endless.ndjson"
    os.mkfifo(fifo)
    process = subprocess.Popen(
        [*COMMAND, str(fifo), "--jobs", "2", "--format", "concise"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    watch = threading.Timer(100, process.kill)
    watch.start()
    with fifo.open("w") as feed:
        feed.write(f"{BAD}\n" * 400)
        feed.flush()
        assert process.stdout.readline(), "all of them are at work now"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=90)
    watch.cancel()
    assert process.returncode == 130
    assert b"Traceback" not in errors
    for _ in range(50):
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.2)
    pytest.fail("a process is left over")


def test_what_a_slow_stream_brings_is_told_before_the_next(tmp_path: Path) -> None:
    fifo = tmp_path / "slow.ndjson"
    os.mkfifo(fifo)
    process = subprocess.Popen(
        [*COMMAND, str(fifo), "--jobs", "2", "--format", "concise"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    watch = threading.Timer(100, process.kill)
    watch.start()
    with fifo.open("w") as feed:
        for number in range(1, 5):
            # Nothing more is written until the outcome was read.
            feed.write(f"{BAD}\n")
            feed.flush()
            assert process.stdout.readline().startswith(f"{fifo}:{number}:".encode())
            time.sleep(0.3)
    _, errors = process.communicate(timeout=90)
    watch.cancel()
    assert process.returncode == 1
    assert b"4 checked" in errors
