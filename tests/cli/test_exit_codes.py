"""The exit code of every command in every situation, by subprocess: fixed, small, never a count."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FHIRKIT = [sys.executable, "-m", "fhirkit.cli.main"]
# Nothing listens here: port 9 is the discard service, closed on any sane machine.
NOWHERE = "http://127.0.0.1:9/fhir"

PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female"}
PATIENT_ENTRY = {"fullUrl": "https://example.org/fhir/Patient/p1", "resource": PATIENT}
CASE = """\
fhirkit: case/1
id: tiny
title: A tiny invented case
timeline:
  visit: {date: 2024-03-05}
patient: {sex: female}
vitals:
  heart-rate: {value: 70 /min, at: visit}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {
        "good.json": json.dumps(PATIENT),
        "bad.json": json.dumps({**PATIENT, "gender": "unheard-of"}),
        "broken.json": '{"resourceType": "Patient",',
        "profiled.json": json.dumps({**PATIENT, "meta": {"profile": ["https://example.org/x"]}}),
        "case.yaml": CASE,
        "case-bad.yaml": CASE.replace("patient:", "pateint:"),
        "bundle.json": json.dumps(
            {"resourceType": "Bundle", "type": "collection", "entry": [PATIENT_ENTRY]}
        ),
        "notes.txt": "not a record",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "empty").mkdir()
    return tmp_path


@pytest.fixture
def tree(folder: Path) -> Path:
    for arguments in (["init", "."], ["remote", "add", "nowhere", NOWHERE], ["add", "bundle.json"]):
        assert fhirkit(folder, *arguments).returncode == 0
    return folder


def fhirkit(cwd: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*FHIRKIT, *arguments],
        cwd=cwd,
        env={**os.environ, "NO_COLOR": "1", **variables},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("--help", 0),
        ("--version", 0),
        ("", 2),
        ("nonsense", 2),
        ("--nonsense", 2),
        ("completion bash", 0),
        ("completion tcsh", 2),
        ("convert case.yaml", 0),
        ("convert case.yaml --to document", 0),
        ("convert case.yaml -o out.json", 0),
        ("convert case.yaml -o empty", 2),
        ("convert case.yaml --to nonsense", 2),
        ("convert case.yaml --as-of nonsense", 2),
        ("convert case-bad.yaml", 1),
        ("convert absent.yaml", 2),
        ("convert", 2),
        ("validate good.json", 0),
        ("validate bad.json", 1),
        ("validate broken.json", 1),
        ("validate good.json bad.json", 1),
        ("validate profiled.json", 3),
        ("validate bad.json profiled.json", 3),
        ("validate absent.json", 2),
        ("validate empty", 2),
        ("validate", 2),
        ("validate good.json --remote " + NOWHERE, 5),
        ("view case.yaml -o page.html", 0),
        ("view bundle.json -o page.html", 0),
        ("view case-bad.yaml -o page.html", 1),
        ("view absent.json", 2),
        ("view notes.txt", 2),
        ("init tree", 0),
        ("status", 2),
        ("diff", 2),
        ("push", 2),
        ("pull", 2),
        ("add bundle.json", 2),
        ("remote add x http://127.0.0.1:9", 2),
        ("push bundle.json --remote " + NOWHERE, 5),
        ("push bundle.json --remote not-a-url", 2),
        ("push absent.json --remote " + NOWHERE, 2),
        ("pull --remote " + NOWHERE + " --patient p1 -o out.json", 5),
        ("server status", 1),
        ("server url", 1),
        ("server stop", 0),
        ("server start --port nonsense", 2),
    ],
)
def test_outside_a_working_tree(folder: Path, arguments: str, code: int) -> None:
    done = fhirkit(
        folder,
        *arguments.split(),
        XDG_DATA_HOME=str(folder / "data"),
        XDG_CACHE_HOME=str(folder / "cache"),
        XDG_STATE_HOME=str(folder / "state"),
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    if code == 2:
        assert done.stderr, "a usage error without a word"
        assert not done.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("status", 0),
        ("status --json", 0),
        ("diff", 1),
        ("push nowhere --dry-run", 5),
        ("push nowhere", 5),
        ("push absent", 2),
        ("pull nowhere", 5),
        ("pull absent", 2),
        ("remote list", 0),
        ("remote add nowhere http://127.0.0.1:9", 2),
        ("remote add other https://user:secret@example.org/fhir", 2),
        ("add bundle.json", 0),
        ("add bad.json", 4),
        ("add broken.json", 1),
        ("add case-bad.yaml", 1),
        ("init .", 0),
    ],
)
def test_inside_a_working_tree(tree: Path, arguments: str, code: int) -> None:
    done = fhirkit(tree, *arguments.split())
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    if "--json" in arguments:
        json.loads(done.stdout)


def test_many_findings_are_not_a_count(folder: Path) -> None:
    many = {**PATIENT, "name": [{"family": 1} for _ in range(256)]}
    (folder / "many.json").write_text(json.dumps(many))
    assert fhirkit(folder, "validate", "many.json").returncode == 1


def test_a_closed_pipe_is_quiet(folder: Path) -> None:
    big = {**PATIENT, "name": [{"family": 1} for _ in range(20_000)]}
    (folder / "big.json").write_text(json.dumps(big))
    command = f"{' '.join(FHIRKIT)} validate big.json | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 141
    assert "Traceback" not in done.stderr
    assert "Broken" not in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_have_their_codes(folder: Path, number: signal.Signals, code: int) -> None:
    # Standard input that never ends holds the command at a known place.
    process = subprocess.Popen(
        [*FHIRKIT, "validate", "-"],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    time.sleep(1.5)
    process.send_signal(number)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == code
    assert b"Traceback" not in errors


@pytest.mark.parametrize("locale", ["C", "POSIX", "en_US.ISO-8859-1"])
def test_any_locale_will_do(folder: Path, locale: str) -> None:
    case = CASE.replace("A tiny invented case", "Fièvre — 37 °C, naïve")
    (folder / "case.yaml").write_text(case, encoding="utf-8")
    done = subprocess.run(
        [*FHIRKIT, "convert", "case.yaml", "--to", "collection"],
        cwd=folder,
        env={**os.environ, "LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONIOENCODING": ""},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    json.loads(done.stdout.decode("utf-8"))


def test_s5_a_bug_is_said_to_be_one_and_quotes_nothing() -> None:
    program = (
        "import sys, fhirkit.cli.main as m, click\n"
        "def read(): raise KeyError('canarius')\n"
        "@click.command()\n"
        "def broken():\n"
        "    try: read()\n"
        "    except KeyError as problem: raise RuntimeError('canarius too') from problem\n"
        "sys.exit(m.run(broken, []))\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 70
    assert "KeyError" in done.stderr
    assert "RuntimeError" in done.stderr
    assert "in broken" in done.stderr
    assert "bug in fhirkit" in done.stderr
    assert "canarius" not in done.stderr
    shown = subprocess.run(
        command, env={**os.environ, "FHIRKIT_DEBUG": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "RuntimeError: canarius too" in shown.stderr


def test_a_mistyped_command_gets_a_suggestion(folder: Path) -> None:
    done = fhirkit(folder, "vaildate", "good.json")
    assert "Did you mean 'validate'" in done.stderr
