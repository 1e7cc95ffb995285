"""`fhirkit convert` as a process: streams, files, exit codes."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
RLS = ROOT / "bundles/rls-ida/case.yaml"


def fhirkit(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fhirkit.cli.main", "convert", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        encoding="utf-8",
        env={**os.environ, "NO_COLOR": "1", **environment},
    )


def test_data_goes_to_stdout_and_talk_to_stderr() -> None:
    done = fhirkit(RLS)
    assert done.returncode == 0
    bundle = json.loads(done.stdout)
    assert bundle["type"] == "transaction"
    assert "warning case-no-profile" in done.stderr
    assert done.stdout == (RLS.parent / "transaction.json").read_text(encoding="utf-8")


def test_a_file_is_written_for_its_owner_alone(tmp_path: Path) -> None:
    out = tmp_path / "bundle.json"
    done = fhirkit(RLS, "--to", "document", "-o", out)
    assert done.returncode == 0
    assert done.stdout == ""
    assert json.loads(out.read_text(encoding="utf-8"))["type"] == "document"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_ndjson_is_lines() -> None:
    lines = fhirkit(RLS, "--to", "ndjson").stdout.splitlines()
    assert len(lines) == 43
    assert {json.loads(line)["resourceType"] for line in lines} >= {"Patient", "Provenance"}


def test_errors_are_told_and_nothing_is_written(tmp_path: Path) -> None:
    case, out = tmp_path / "case.yaml", tmp_path / "out.json"
    case.write_text("fhirkit: case/1\nid: t\npatient: {sex: mail}\nlabz: {}\n", encoding="utf-8")
    out.write_text("old", encoding="utf-8")
    done = fhirkit(case, "-o", out)
    assert done.returncode == 1
    assert f"{case}:3:16: error case-value 'mail' is not allowed here (patient.sex)" in done.stderr
    assert "try: did you mean male?" in done.stderr
    assert f"{case}:4:1: error case-unknown-key" in done.stderr
    assert "2 errors, nothing written" in done.stderr
    assert "Traceback" not in done.stderr
    assert out.read_text(encoding="utf-8") == "old"


def test_issues_as_json(tmp_path: Path) -> None:
    case = tmp_path / "case.yaml"
    case.write_text("fhirkit: case/1\nid: t\npatient: {sex: mail}\n", encoding="utf-8")
    done = fhirkit(case, "--json")
    assert done.returncode == 1
    (issue,) = json.loads(done.stdout)
    assert (issue["rule"], issue["line"], issue["column"]) == ("case-value", 3, 16)
    clean = fhirkit(RLS, "--json")
    assert clean.returncode == 0
    assert {issue["severity"] for issue in json.loads(clean.stdout)} == {"warning"}


def test_usage(tmp_path: Path) -> None:
    assert fhirkit(tmp_path / "nothing.yaml").returncode == 2
    assert fhirkit(RLS, "--to", "bundle").returncode == 2
    assert fhirkit("-").returncode == 2
    wrong = fhirkit(RLS, "--as-of", "vist")
    assert wrong.returncode == 2
    assert "did you mean visit?" in wrong.stderr
    assert fhirkit(RLS, "--timestamp", "today").returncode == 2
    assert fhirkit(RLS, SOURCE_DATE_EPOCH="soon").returncode == 2


def test_time_stamps() -> None:
    by_option = fhirkit(RLS, "--timestamp", "2026-01-31T12:00:00Z")
    assert json.loads(by_option.stdout)["timestamp"] == "2026-01-31T12:00:00Z"
    by_environment = fhirkit(RLS, SOURCE_DATE_EPOCH="0")
    assert json.loads(by_environment.stdout)["timestamp"] == "1970-01-01T00:00:00Z"


def test_strict_refuses_assumptions() -> None:
    done = fhirkit(RLS, "--strict")
    assert done.returncode == 1
    assert done.stderr.count("error case-assumed") == 3


def test_the_schema_is_json() -> None:
    done = fhirkit("--schema")
    assert done.returncode == 0
    assert json.loads(done.stdout)["title"] == "fhirkit case file, case/1"


def test_same_bytes_wherever_and_whenever(tmp_path: Path) -> None:
    for name in ("case.yaml", "report.md"):
        (tmp_path / name).write_bytes((RLS.parent / name).read_bytes())
    other = fhirkit(
        tmp_path / "case.yaml", TZ="Pacific/Auckland", LC_ALL="C", PYTHONHASHSEED="7", HOME="/x"
    )
    assert other.stdout == fhirkit(RLS, PYTHONHASHSEED="1").stdout
