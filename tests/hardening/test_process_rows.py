"""Process, rows S1 to S10 of the hardening list: commands of working trees as processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fhirkit.chaos import Behaviour, ChaosServer
from fhirkit.cli import exits

CANARY = "Zyxwv-Größe-身長"
MAIN = [sys.executable, "-m", "fhirkit.cli.main"]


@pytest.fixture
def server() -> Iterator[ChaosServer]:
    server = ChaosServer()
    for number in range(40):
        server.put({"resourceType": "Patient", "id": f"p{number}", "name": [{"family": CANARY}],
                    "birthDate": "1970"})  # fmt: skip
    yield server
    server.close()


@pytest.fixture
def tree(tmp_path: Path, server: ChaosServer) -> Path:
    for words in (("init",), ("remote", "add", "origin", server.url)):
        assert ran(tmp_path, *words).returncode == 0
    return tmp_path


def ran(tree: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*MAIN, *words],
        cwd=tree,
        capture_output=True,
        check=False,
        timeout=60,
        env={**os.environ, **environment},
    )


def signalled(tree: Path, server: ChaosServer, number: signal.Signals, *words: str) -> int:
    """The exit code of a command that gets a signal at a request it waits for."""
    with subprocess.Popen(
        [*MAIN, *words], cwd=tree, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        until = time.monotonic() + 30
        while not any("$export-status" in one.target for one in server.log):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
        process.send_signal(number)
        return process.wait(20)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_s01_s02_a_signal_ends_a_pull_with_its_code_and_the_next_one_goes_on(
    number: signal.Signals, code: int, tree: Path, server: ChaosServer
) -> None:
    server.behaviour = Behaviour(system_history=False, type_history=False, export_pending=100_000)
    assert signalled(tree, server, number, "pull") == code
    assert list(tree.rglob(".fhirkit-*")) == [], "nothing half is left"
    (job,) = server.exports.jobs.values()
    job.pending = 0
    server.behaviour = server.behaviour.changed({"export_pending": 0})
    assert ran(tree, "pull").returncode == 0
    whole = [one for one in server.log if "/$export?" in one.target and "_since" not in one.target]
    assert len(whole) == 1, "the same export is gone on with"
    assert len(list(tree.glob("Patient/*.json"))) == 40


def test_s03_a_reader_that_has_enough_is_no_trouble(tree: Path, server: ChaosServer) -> None:
    for number in range(3000):
        server.put({"resourceType": "Basic", "id": f"b{number}", "language": "en"})
    words = ["pull", "--remote", server.url, "--type", "Basic", "-o", "-"]
    with subprocess.Popen(
        [*MAIN, *words], cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        said = process.stderr.read()
        code = process.wait(30)
    assert b"Traceback" not in said
    assert b"BrokenPipe" not in said
    assert code in (0, 141), said


def test_s05_a_bug_in_a_pull_is_70_and_quotes_no_record(
    tree: Path, server: ChaosServer, tmp_path: Path
) -> None:
    script = (
        "import sys\n"
        "from fhirkit.sync import fetch\n"
        "def learn(self, resource):\n"
        "    raise RuntimeError(str(resource))\n"
        "fetch.Fetch.learn = learn\n"
        "from fhirkit.cli.main import main\n"
        "sys.argv[1:] = ['pull']\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tree, capture_output=True, check=False, timeout=60
    )
    assert done.returncode == exits.INTERNAL
    assert CANARY.encode() not in done.stdout + done.stderr
    assert b"Zyxwv" not in done.stdout + done.stderr
    assert ran(tree, "pull").returncode == 0, "and nothing is locked or broken after it"


@pytest.mark.parametrize(
    "environment",
    [{"LC_ALL": "C"}, {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "cp1252"},
     {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
    ids=str,
)  # fmt: skip
def test_s06_any_locale_does(environment: dict[str, str], tree: Path, server: ChaosServer) -> None:
    assert ran(tree, "pull", **environment).returncode == 0
    found = json.loads((tree / "Patient/p0.json").read_bytes())
    assert found["name"][0]["family"] == CANARY
    (tree / "Patient/p0.json").write_text(json.dumps({**found, "name": [{"family": "Ærø"}]}))
    done = ran(tree, "diff", "Patient/p0", **environment)
    assert done.returncode == 1, done.stderr
    for words in (("status",), ("log",), ("status", "--json")):
        done = ran(tree, *words, **environment)
        assert done.returncode == 0, done.stderr
        assert b"Error" not in done.stderr


@pytest.mark.parametrize(
    "environment", [{"TERM": "dumb"}, {"NO_COLOR": "1"}, {"COLUMNS": "20"}, {"FORCE_COLOR": "1"}],
    ids=str,
)  # fmt: skip
def test_s07_without_a_terminal_the_output_is_plain(
    environment: dict[str, str], tree: Path
) -> None:
    assert ran(tree, "pull").returncode == 0
    (tree / "Patient/p7.json").unlink()
    done = ran(tree, "status", **environment)
    assert done.returncode == 0
    if "FORCE_COLOR" not in environment:
        assert b"\x1b" not in done.stdout + done.stderr
    assert b"Patient/p7" in done.stdout
    whole = ran(tree, "status", "--json", **environment)
    assert b"\x1b" not in whole.stdout
    json.loads(whole.stdout)


def test_s08_the_exit_code_is_no_count(tree: Path, server: ChaosServer) -> None:
    """256 conflicts are no success, and neither are 300 files that cannot be used."""
    for number in range(256):
        server.put({"resourceType": "Basic", "id": f"b{number}", "language": "en"})
    assert ran(tree, "pull").returncode == 0
    for number in range(256):
        path = tree / f"Basic/b{number}.json"
        path.write_text(json.dumps({**json.loads(path.read_bytes()), "language": "de"}))
        server.put({"resourceType": "Basic", "id": f"b{number}", "language": "fr"})
    done = ran(tree, "pull", "--json")
    assert done.returncode == 4
    results = [one["result"] for one in json.loads(done.stdout)["resources"]]
    assert results.count("conflict") == 256
    for path in tree.glob("Basic/*.json"):
        path.write_text("{")
    assert ran(tree, "pull").returncode in (1, 3)


@pytest.mark.parametrize("words", [("add",), ("add", "nothing-*.json"), ("rm",)])
def test_s09_nothing_matched_is_a_wrong_call(words: tuple[str, ...], tree: Path) -> None:
    assert ran(tree, *words).returncode == 2


def test_s10_a_clock_that_goes_back_changes_nothing(tree: Path, server: ChaosServer) -> None:
    """Our clock is used for no decision about what is new; and what is remembered is not too old
    or from the future.
    """
    assert ran(tree, "pull").returncode == 0
    script = (
        "import sys, time, datetime\n"
        "ahead = float(sys.argv[1])\n"
        "real = time.time\n"
        "time.time = lambda: real() + ahead\n"
        "real_datetime = datetime.datetime\n"
        "class Shifted(datetime.datetime):\n"
        "    @classmethod\n"
        "    def now(cls, tz=None):\n"
        "        return real_datetime.now(tz) + datetime.timedelta(seconds=ahead)\n"
        "from fhirkit.remote import statement\n"
        "statement.datetime = Shifted\n"
        "from fhirkit.cli.main import main\n"
        "sys.argv[1:] = ['pull']\n"
        "main()\n"
    )
    for number, ahead in enumerate(("86400000", "-86400000", "0")):
        server.put({"resourceType": "Patient", "id": f"p{number}", "birthDate": "1980"})
        server.log.clear()
        done = subprocess.run(
            [sys.executable, "-c", script, ahead], cwd=tree, capture_output=True, check=False,
            timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        now: dict[str, Any] = json.loads((tree / f"Patient/p{number}.json").read_bytes())
        assert now["birthDate"] == "1980"
        whole = [one for one in server.log if one.target == "/metadata"]
        assert len(whole) == 1, "a memory from another time is none"


#: Makes every Python of ours that checks this record's bytes end as by kill −9.
_DIES = """
import os, signal
from fhirkit.validate import batch

checked = batch.check

def check(validator, inputs, profiles=(), *, jobs=1):
    if jobs == 1:
        inputs = list(inputs)
        if any(b"dies here" in (one.data or b"") for one in inputs):
            os.kill(os.getpid(), signal.SIGKILL)
    return checked(validator, inputs, profiles, jobs=jobs)

batch.check = check
"""


def test_s04_a_process_that_is_killed_costs_only_its_own_file(tmp_path: Path) -> None:
    """As by the kernel, when memory runs out: the other files have their verdicts."""
    site, folder = tmp_path / "site", tmp_path / "records"
    for one in (site, folder):
        one.mkdir()
    (site / "sitecustomize.py").write_text(_DIES)
    for number in range(30):
        text = "dies here" if number == 13 else "lives"
        resource = {"resourceType": "Basic", "id": f"b{number}", "code": {"text": text}}
        wrong = {"color": "blue"} if number == 20 else {}
        (folder / f"{number:02}.json").write_text(json.dumps(resource | wrong))
    done = ran(folder, "validate", "--no-cache", "--jobs", "2", "--format", "json", ".",
               PYTHONPATH=str(site))  # fmt: skip
    assert done.returncode == exits.INTERNAL, done.stderr
    told = {
        (Path(one["file"]).name, issue["rule"])
        for one in json.loads(done.stdout)["files"]
        for issue in one["issues"]
        if issue["severity"] in ("fatal", "error")
    }
    assert ("13.json", "internal-error") in told
    assert {name for name, _ in told} == {"13.json", "20.json"}
    assert b"30 checked" in done.stderr
