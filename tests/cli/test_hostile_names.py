"""A repository whose file names are made to hurt: every format and command gets through it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from junitparser import JUnitXml

from fhirkit import Validator
from fhirkit.report.formats import FORMATS

BAD = '{"resourceType": "Patient", "active": "canarius"}'
NAMES = [
    "plain.json", "new\nline.json", "com,ma.json", "dou::ble.json", "::error::x.json",
    "##vso[task.complete]x.json", "per%cent.json", "a%0Ab.json", "üñí 🦊.json", "sp ace.json",
    "\x1b[31mred.json", "\x07bell.json", "q\"uo'te.json", "-dash.json", "<script>x.json",
    "]]>.json", "&amp;.json", "=cmd().json", "tab\t.json", "cr\rx.json", "rlo\u202ex.json",
    "back\\slash.json", "x" * 200 + ".json",
]  # fmt: skip


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    records = tmp_path / "records"
    records.mkdir()
    for name in NAMES:
        (records / name).write_text(BAD)
    # A name that is no UTF-8, links that lead nowhere or round and round, a pipe, a folder.
    (Path(os.fsdecode(os.fsencode(records) + b"/no\xffutf.json"))).write_text(BAD)
    (records / "round").symlink_to(records)
    (records / "nowhere.json").symlink_to("gone.json")
    os.mkfifo(records / "pipe.json")
    (records / "folder.json").mkdir()
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    home = {"XDG_CACHE_HOME": str(folder / "cache"), "HOME": str(folder)}
    return subprocess.run(
        [sys.executable, "-m", "fhirkit.cli.main", *arguments], cwd=folder, env=os.environ | home,
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_gets_through(repository: Path, form: str) -> None:
    done = run(repository, "validate", "records", "--format", form)
    count = len(NAMES) + 1
    assert done.returncode == 1, done.stderr
    assert f"{count} checked: 0 valid, {count} invalid" in done.stderr
    assert "canarius" not in done.stdout
    assert not {"\x1b", "\x07", "\r"} & set(done.stdout), "it drives no terminal"
    # JSON is for programs, and there a name is what it is.
    assert form in ("json", "ndjson", "gitlab") or "\u202e" not in done.stdout
    lines = done.stdout.splitlines()
    if form == "github":
        # A command a finding; a name begins no other and ends none early.
        assert len(lines) == count
        assert all(line.startswith("::error file=") for line in lines)
        assert all(line.count("::") == 2 for line in lines)
    elif form in ("text", "concise"):
        assert not [line for line in lines if line.startswith(("::", "##"))]
    elif form == "ndjson":
        assert len([json.loads(line) for line in lines]) == count
    elif form == "junit":
        (suite,) = JUnitXml.fromstring(done.stdout.encode())
        assert len(list(suite)) == count
    elif form == "html":
        assert "<script>x" not in done.stdout
    else:
        json.loads(done.stdout)
    if form == "outcome":
        assert Validator().validate(done.stdout.encode()).valid
    if form == "sarif":
        uris = [
            place["physicalLocation"]["artifactLocation"]["uri"]
            for result in json.loads(done.stdout)["runs"][0]["results"]
            for place in result["locations"]
        ]
        assert "records/new%0Aline.json" in uris
        assert "records/%3A%3Aerror%3A%3Ax.json" in uris


def test_several_processes_repairs_and_a_baseline_do(repository: Path) -> None:
    assert run(repository, "validate", "records", "--jobs", "2").returncode == 1
    assert run(repository, "validate", "records", "--diff").returncode == 1
    assert run(repository, "baseline", "records").returncode == 0
    (repository / "fhirkit.toml").write_text('baseline = "fhirkit-baseline.json"\n')
    assert run(repository, "validate", "records").returncode == 0


def test_what_git_says_has_changed_does(repository: Path) -> None:
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "x"]):
        subprocess.run([*git, *words], cwd=repository, check=True, capture_output=True)
    done = run(repository, "validate", "records", "--changed")
    assert done.returncode == 1
    assert f"{len(NAMES) + 1} checked" in done.stderr


def test_a_page_of_the_folder_does(repository: Path) -> None:
    done = run(repository, "view", "records", "-o", "page.html")
    assert done.returncode == 1, done.stderr
    page = (repository / "page.html").read_text()
    assert "<script>x" not in page
