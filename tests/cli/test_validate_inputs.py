"""What `fhirkit validate` reads, in which order, and that nothing stops the rest."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from fhirkit import Validator
from fhirkit.cli.main import cli, run

GOOD = '{"resourceType":"Patient","gender":"male"}'
BAD = '{"resourceType":"Patient","active":"x"}'
COMMAND = [sys.executable, "-m", "fhirkit.cli.main", "validate"]


def validate(
    *arguments: object, stdin: str = "", cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(
        command, input=stdin, capture_output=True, text=True, check=False, cwd=cwd, timeout=60
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.json", "a.json", "sub/c.json", ".hidden/d.json"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(BAD)
    return tmp_path


def test_folders_in_sorted_order_each_file_once(folder: Path) -> None:
    done = validate("a.json", ".", "*.json", "--format", "concise", cwd=folder)
    names = [line.partition(":")[0] for line in done.stdout.splitlines()]
    assert names == ["a.json", "b.json", "sub/c.json"]


def test_files_from_a_list(folder: Path) -> None:
    listed = "b.json\na.json\n"
    done = validate("--files-from", "-", "--format", "concise", stdin=listed, cwd=folder)
    assert [line[:6] for line in done.stdout.splitlines()] == ["b.json", "a.json"]
    (folder / "list").write_bytes(b"a.json\0sub/c.json\0")
    done = validate("--files-from", "list", cwd=folder)
    assert done.stderr == "2 checked: 0 valid, 2 invalid\n"
    assert validate("--files-from", "absent", cwd=folder).returncode == 2


@pytest.mark.parametrize(
    ("arguments", "code"),
    [([], 2), (["*.none"], 2), (["--allow-empty"], 0), (["*.none", "--allow-empty"], 0)],
)
def test_s9_nothing_to_check_is_an_error_unless_allowed(
    tmp_path: Path, arguments: list[str], code: int
) -> None:
    done = validate(*arguments, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""


def test_s9_very_many_paths(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(GOOD)
    listed = "a.json\n" * 100_000
    done = validate("--files-from", "-", stdin=listed, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "1 checked: 1 valid, 0 invalid\n")


HOSTILE = {
    "empty.json": b"",
    "cut.json": b'{"resourceType": "Patient", "name": [{',
    "nul.json": b"\x00" * 64,
    "deep.json": b'{"a":' * 100_000,
    "latin.json": '{"resourceType": "Patient", "name": [{"text": "é"}]}'.encode("latin-1"),
    "bomb.xml": b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><Patient>&b;</Patient>',
    "list.json": b"[1, 2, 3]",
    "digits.json": b'{"resourceType": "Patient", "multipleBirthInteger": ' + b"9" * 5000 + b"}",
    "wild.ndjson": b'{"resourceType": "Patient"\n\xff\xfe\n' + GOOD.encode() + b"\n",
}


def test_no_bad_input_stops_the_others(tmp_path: Path) -> None:
    for name, data in HOSTILE.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "locked.json").mkdir()
    (tmp_path / "zz-last.json").write_text(BAD)
    paths = [*sorted(HOSTILE), "gone.json", "locked.json", "zz-last.json"]
    done = validate(*paths, "--format", "ndjson", cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    entries = [json.loads(line) for line in done.stdout.splitlines()]
    wrong = {entry["file"] for entry in entries if not entry["valid"]}
    assert wrong == {*HOSTILE, "gone.json", "zz-last.json"}


def test_a_bug_on_one_input_stops_none_and_quotes_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    real = Validator.validate

    def broken(self: Validator, source: object, *rest: object, **named: object) -> object:
        if named.get("file") == "a.json":
            raise ValueError("Ann Sample")
        return real(self, source, *rest, **named)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(Validator, "validate", broken)
    monkeypatch.chdir(folder)
    assert run(cli, ["validate", "a.json", "b.json", "--format", "concise", "--no-cache"]) == 70
    out, err = capfd.readouterr()
    assert [line.split()[2] for line in out.splitlines()] == ["internal-error", "primitive-type"]
    assert "ValueError in broken" in err
    assert "Ann" not in out + err


def test_ndjson_on_standard_input_is_checked_as_it_comes() -> None:
    process = subprocess.Popen(
        [*COMMAND, "-", "--stdin-filename", "feed.ndjson", "--format", "concise"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    for number in (1, 2, 3):
        process.stdin.write(BAD + "\n")
        process.stdin.flush()
        # Standard input is still open: this line is read before the next record is written.
        assert process.stdout.readline().startswith(f"feed.ndjson:{number}:27: error ")
    process.stdin.close()
    assert process.wait(30) == 1
    process.stdout.close()


def test_the_name_of_standard_input_tells_its_form() -> None:
    done = validate("-", "--stdin-filename", "one.json", stdin=BAD)
    assert done.stdout.startswith("one.json:1:27: ")
    done = validate("-", "--stdin-filename", "one.ndjson", stdin=f"\n{BAD}\n")
    assert done.stdout.startswith("one.ndjson:2:27: ")


@pytest.mark.parametrize("form", ["json", "ndjson", "outcome"])
def test_values_are_not_shown_in_what_is_passed_on(folder: Path, form: str) -> None:
    done = validate("a.json", "--show-values", "--format", form, cwd=folder)
    assert done.returncode == 2
    assert "--show-values" in done.stderr
    assert done.stdout == ""


def test_fail_on_never_and_on_everything(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text(BAD)
    assert validate("bad.json", "--fail-on", "never", cwd=tmp_path).returncode == 0
    profile = '{"resourceType":"Patient","meta":{"profile":["http://example.org/p"]}}'
    (tmp_path / "unknown.json").write_text(profile)
    never = ["--fail-on", "never"]
    assert validate("unknown.json", *never, cwd=tmp_path).returncode == 3
    assert validate("unknown.json", *never, "--allow-incomplete", cwd=tmp_path).returncode == 0
    everything = ["--allow-incomplete", "--fail-on", "warning"]
    assert validate("unknown.json", *everything, cwd=tmp_path).returncode == 1


def test_progress_on_a_terminal_leaves_redirected_data_alone(folder: Path) -> None:
    leader, follower = pty.openpty()
    with (folder / "out.txt").open("wb") as out:
        process = subprocess.Popen(
            [*COMMAND, "a.json", "b.json", "--format", "concise"],
            cwd=folder, stdout=out, stderr=follower, env={**os.environ, "TERM": "xterm"},
        )  # fmt: skip
        assert process.wait(60) == 1
    os.close(follower)
    os.close(leader)
    lines = (folder / "out.txt").read_text().splitlines()
    assert [line.partition(":")[0] for line in lines] == ["a.json", "b.json"]


def test_several_processes_say_the_same_in_the_same_order(folder: Path) -> None:
    (folder / "lines.ndjson").write_text(f"{GOOD}\n{BAD}\n{{\n" * 20)
    alone = validate(".", "--format", "concise", cwd=folder)
    shared = validate(".", "--format", "concise", "--jobs", "2", cwd=folder)
    assert alone.stdout.count("\n") == 3 + 40
    assert (shared.returncode, shared.stdout, shared.stderr) == (
        alone.returncode,
        alone.stdout,
        alone.stderr,
    )


def test_shape_alone_is_an_incomplete_check(tmp_path: Path) -> None:
    (tmp_path / "coded.json").write_text('{"resourceType":"Patient","gender":"x"}')
    done = validate(".", "--shape-only", "--format", "concise", cwd=tmp_path)
    assert done.returncode == 3
    assert "checks-left-out" in done.stdout
    assert validate(".", "--shape-only", "--allow-incomplete", cwd=tmp_path).returncode == 0
    assert validate(".", cwd=tmp_path).returncode == 1


def test_an_include_that_is_not_there_yet_is_nothing_to_check(tmp_path: Path) -> None:
    (tmp_path / "fhirkit.toml").write_text('include = ["records"]\n')
    assert validate(cwd=tmp_path).returncode == 2
    assert validate("--allow-empty", cwd=tmp_path).returncode == 0
    # What somebody names is another matter.
    assert validate("--allow-empty", "records", cwd=tmp_path).returncode == 1


@pytest.mark.parametrize("target", ["folder", "/dev/full"])
def test_a_report_that_can_go_nowhere_is_refused_before_the_work(
    tmp_path: Path, target: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.json").write_text(BAD)
    done = validate("a.json", "-o", target, cwd=tmp_path)
    assert done.returncode == 2
    assert "-o - is standard output" in done.stderr
    assert "checked" not in done.stderr


def test_a_folder_that_cannot_be_looked_into_is_no_green_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "records/closed").mkdir(parents=True)
    (tmp_path / "records/good.json").write_text(GOOD)
    real = os.scandir

    def scandir(path: object = ".") -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.chdir(tmp_path)
    assert run(cli, ["validate", "records", "--format", "concise"]) == 1
    out = capsys.readouterr().out
    assert "records/closed: fatal file-unreadable" in out
    assert "the folder cannot be looked into" in out
