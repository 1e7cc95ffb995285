"""`fhirkit validate --fix` and `--diff` on files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

BROKEN = (
    '{\r\n  "resourceType": "Patient",\r\n  "active": "true",\r\n'
    '  "name": {"family": "Zq-Secret"},\r\n  "gender": "femal"\r\n}\r\n'
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.json"
    path.write_bytes(b"\xef\xbb\xbf" + BROKEN.encode())
    path.chmod(0o640)
    return path


def run(*arguments: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "fhirkit.cli.main", "validate", *map(str, arguments)]
    return subprocess.run(words, input=stdin, capture_output=True, text=True, check=False)


def test_fixing_keeps_layout_permissions_and_what_it_cannot_mend(file: Path) -> None:
    done = run(file, "--fix")
    assert done.returncode == 1, "the gender is still wrong"
    assert "binding-required" in done.stdout
    assert "primitive-type" not in done.stdout
    assert "2 issues in 1 files repaired" in done.stderr
    expected = BROKEN.replace('"true"', "true").replace(
        '{"family": "Zq-Secret"}', '[{"family": "Zq-Secret"}]'
    )
    assert file.read_bytes() == b"\xef\xbb\xbf" + expected.encode()
    assert file.stat().st_mode & 0o777 == 0o640
    again = run(file, "--fix")
    assert "nothing can be repaired safely" in again.stderr


def test_a_diff_changes_nothing_and_hides_values(file: Path) -> None:
    before = file.read_bytes()
    done = run(file, "--diff")
    assert done.returncode == 1
    assert file.read_bytes() == before
    assert '+  "name": [{"family": …}],' in done.stdout
    assert "Zq-Secret" not in done.stdout
    assert "error" not in done.stdout
    assert "2 issues in 1 files would be repaired" in done.stderr
    assert '+  "active": true,' in run(file, "--diff", "--show-values").stdout


def test_what_is_no_json_file_is_left_alone(tmp_path: Path) -> None:
    lines = tmp_path / "a.ndjson"
    lines.write_text('{"resourceType": "Patient", "active": "true"}\n' * 2)
    xml = tmp_path / "a.xml"
    xml.write_text('<Patient xmlns="http://hl7.org/fhir"><active value=""/></Patient>')
    kept = lines.read_bytes(), xml.read_bytes()
    done = run(lines, xml, "--fix")
    assert done.returncode == 1
    assert (lines.read_bytes(), xml.read_bytes()) == kept


def test_a_file_that_cannot_be_written_stays_whole(file: Path) -> None:
    before = file.read_bytes()
    file.parent.chmod(0o500)
    try:
        done = run(file, "--fix")
        if os.geteuid():
            assert done.returncode == 2
            assert file.read_bytes() == before
    finally:
        file.parent.chmod(0o700)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments", [["--fix", "--watch"], ["--diff", "--json"], ["--diff", "-o", "x"]]
)
def test_contradictions_are_refused(file: Path, arguments: list[str]) -> None:
    assert run(file, *arguments).returncode == 2


def test_one_file_that_cannot_be_repaired_stops_no_other(tmp_path: Path) -> None:
    wrong = '{"resourceType": "Patient", "active": "true"}'
    (tmp_path / "records").mkdir()
    (tmp_path / "target.json").write_text(wrong)
    (tmp_path / "records/a-link.json").symlink_to("../target.json")
    (tmp_path / "records/b.json").write_text(wrong)
    done = run(tmp_path / "records", "--fix", "--format", "concise")
    assert done.returncode == 1
    assert "a-link.json: is a link, so it was not repaired" in done.stderr
    assert "1 issues in 1 files repaired" in done.stderr
    assert "a-link.json:1:29: error primitive-type" in done.stdout
    assert (tmp_path / "target.json").read_text() == wrong
    assert (tmp_path / "records/b.json").read_text() == wrong.replace('"true"', "true")
