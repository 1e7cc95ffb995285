"""--changed asks git, --watch looks at the disk, --cache spares what did not change."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

GOOD = '{"resourceType": "Patient", "gender": "male"}'
BAD = GOOD.replace("male", "Zq-Secret")


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def records(tmp_path: Path) -> Path:
    folder = tmp_path / "repo/re cords"
    folder.mkdir(parents=True)
    for name in ("a", "b", "ü"):
        (folder / f"{name}.json").write_text(GOOD)
    git(tmp_path / "repo", "init", "-q")
    git(tmp_path / "repo", "add", "-A")
    git(tmp_path / "repo", "commit", "-q", "-m", "first")
    return folder


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "fhirkit.cli.main", "validate", *arguments]
    home = {"XDG_CACHE_HOME": str(folder.parents[1] / "cache")}
    return subprocess.run(
        words, cwd=folder, capture_output=True, text=True, check=False, env=os.environ | home
    )


def test_only_changed_and_new_files_are_checked(records: Path) -> None:
    done = run(records, ".", "--changed", "--allow-empty")
    assert (done.returncode, done.stderr) == (0, "0 checked: 0 valid, 0 invalid\n")
    (records / "ü.json").write_text(BAD)
    (records / "new.json").write_text(BAD)
    (records / "b.json").unlink()
    done = run(records, ".", "--changed")
    assert done.returncode == 1
    assert done.stderr == "2 checked: 0 valid, 2 invalid\n"
    git(records, "add", "-A")
    git(records, "commit", "-q", "-m", "second")
    assert run(records, ".", "--changed", "HEAD~1").stderr == done.stderr
    assert "0 checked" in run(records.parent, "re cords", "--changed", "HEAD").stderr


@pytest.mark.parametrize("revision", ["nothing-like-it", "HEAD:re cords"])
def test_a_revision_that_is_none_is_refused(records: Path, revision: str) -> None:
    done = run(records, ".", f"--changed={revision}")
    assert done.returncode == 2
    assert "--changed" in done.stderr


def test_outside_a_repository_it_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "plain/records"
    folder.mkdir(parents=True)
    (folder / "a.json").write_text(GOOD)
    done = run(folder, ".", "--changed")
    assert done.returncode == 2
    assert "repository" in done.stderr


def test_a_second_run_says_the_same_and_no_cache_forgets(records: Path) -> None:
    (records / "b.json").write_text(BAD)
    cache = records.parents[1] / "cache/fhirkit/outcomes.sqlite"
    first = run(records, ".")
    assert cache.is_file()
    assert b"Zq-Secret" not in cache.read_bytes()
    second = run(records, ".")
    assert (second.returncode, second.stdout) == (first.returncode, first.stdout)
    cache.unlink()
    assert run(records, ".", "--no-cache").stdout == first.stdout
    assert not cache.exists()


def test_watching_checks_what_changes(records: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "fhirkit.cli.main", "validate", ".", "--watch"]
    words += ["--format", "concise"]
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(words, cwd=records, stdout=out, stderr=subprocess.STDOUT)
        try:
            wait_for(log, "3 checked: 3 valid")
            (records / "b.json").write_text(BAD)
            wait_for(log, "b.json:1:")
            wait_for(log, "1 checked: 0 valid, 1 invalid")
            (records / "c.json").write_text(GOOD)
            wait_for(log, "1 checked: 1 valid, 0 invalid")
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130


def wait_for(log: Path, text: str) -> None:
    for _ in range(600):
        if text in log.read_text():
            return
        time.sleep(0.1)
    pytest.fail(f"{text!r} was not written: {log.read_text()}")


def test_watching_wants_a_terminal_format(records: Path) -> None:
    assert run(records, ".", "--watch", "--json").returncode == 2


def test_a_path_in_the_place_of_a_revision_is_said_to_be_one(records: Path) -> None:
    done = run(records, "--changed", ".")
    assert done.returncode == 2
    assert "is a path; put it before --changed" in done.stderr


def test_a_shallow_clone_is_said_to_be_one(records: Path) -> None:
    (records / "a.json").write_text(BAD)
    git(records, "commit", "-qam", "second")
    source = (records.parent).as_uri()
    git(records.parent, "clone", "-q", "--depth", "1", source, str(records.parent / "shallow"))
    done = run(records.parent / "shallow", "--changed", "HEAD~1", ".")
    assert done.returncode == 2
    assert "fetch-depth: 0" in done.stderr


def test_what_others_added_to_the_base_since_is_not_counted(records: Path) -> None:
    git(records, "branch", "base")
    (records / "mine.json").write_text(BAD)
    git(records, "add", "-A")
    git(records, "commit", "-qm", "mine")
    git(records, "checkout", "-q", "base")
    (records / "a.json").write_text(BAD)
    git(records, "commit", "-qam", "theirs")
    git(records, "checkout", "-q", "-")
    done = run(records, ".", "--changed", "base", "--format", "concise")
    assert {line.partition(":")[0] for line in done.stdout.splitlines()} == {"mine.json"}


def test_a_renamed_file_is_a_new_one(records: Path) -> None:
    git(records, "mv", "a.json", "z.json")
    assert "1 checked: 1 valid" in run(records, ".", "--changed").stderr


def test_a_baseline_silences_each_time_that_watching_looks(records: Path) -> None:
    (records / "a.json").write_text(BAD)
    (records / "fhirkit.toml").write_text('baseline = "fhirkit-baseline.json"\n')
    words = [sys.executable, "-m", "fhirkit.cli.main"]
    subprocess.run([*words, "baseline", "."], cwd=records, check=True, capture_output=True)
    watching = subprocess.Popen(
        [*words, "validate", ".", "--watch", "--no-cache"], cwd=records, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert watching.stderr is not None
        seen = [watching.stderr.readline() for _ in range(3)]
        (records / "a.json").write_text(f"{BAD}\n")
        seen += [watching.stderr.readline() for _ in range(2)]
        assert "1 checked" in seen[3]
        assert "findings are in the baseline" in seen[3]
    finally:
        watching.send_signal(signal.SIGINT)
        out, _ = watching.communicate(timeout=60)
    assert out == ""
    assert watching.returncode == 130


def test_watching_goes_by_the_settings_as_they_are(records: Path, tmp_path: Path) -> None:
    (records / "a.json").write_text(BAD)
    words = [sys.executable, "-m", "fhirkit.cli.main", "validate", ".", "--watch"]
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*words, "--format", "concise"], cwd=records, stdout=out, stderr=subprocess.STDOUT
        )
        try:
            wait_for(log, "3 checked: 2 valid, 1 invalid")
            (records / "fhirkit.toml").write_text('ignore = ["binding-*", "code-*"]\n')
            wait_for(log, "3 checked: 3 valid, 0 invalid")
            # Half written, they are said to be; the last good ones stand.
            (records / "fhirkit.toml").write_text("ignore = [")
            wait_for(log, "not valid TOML")
            # Files that are gone for a moment, as while git changes branches, end nothing.
            (records / "fhirkit.toml").write_text("")
            wait_for(log, "3 checked: 2 valid, 1 invalid")
            for name in ("a", "b", "ü"):
                (records / f"{name}.json").unlink()
            wait_for(log, "nothing to validate")
            (records / "b.json").write_text(GOOD)
            wait_for(log, "1 checked: 1 valid, 0 invalid")
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
