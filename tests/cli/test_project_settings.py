"""`fhirkit validate` and `fhirkit baseline` in a project, as its users run them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

GOOD = '{"resourceType": "Patient", "gender": "male"}'
BAD = '{\n "resourceType": "Patient",\n "gender": "Zq-Secret"\n}'
WORSE = BAD.replace("Patient", "Person")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "records").mkdir()
    (tmp_path / "records/good.json").write_text(GOOD)
    (tmp_path / "records/bad.json").write_text(BAD)
    return tmp_path


def run(
    project: Path, *arguments: str, command: str = "validate", stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "fhirkit.cli.main", command, *arguments]
    return subprocess.run(
        words, cwd=project, input=stdin, capture_output=True, text=True, check=False
    )


def settings(project: Path, text: str) -> None:
    (project / "fhirkit.toml").write_text(text)


def test_what_is_included_is_checked_without_a_path(project: Path) -> None:
    assert run(project).returncode == 2
    settings(project, 'include = ["records"]')
    done = run(project)
    assert done.returncode == 1
    assert done.stdout.startswith("records/bad.json:3:2: error binding-required ")
    below = run(project / "records")
    assert below.returncode == 1
    assert "bad.json:3:2" in below.stdout


def test_excluded_files_are_left_out(project: Path) -> None:
    settings(project, 'include = ["records"]\nexclude = ["records/b*"]')
    done = run(project)
    assert (done.returncode, done.stderr) == (0, "1 checked: 1 valid, 0 invalid\n")
    assert run(project, "--no-config", "records").returncode == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--ignore", "binding-*", "--ignore", "code-*"], 0),
        (["--select", "cardinality-*"], 0),
        (["--select", "binding-required"], 1),
        (["--ignore", "bindin"], 2),
        (["--fail-on", "never"], 0),
        (["--config", "nowhere.toml"], 2),
        (["--config", "x.toml", "--no-config"], 2),
        (["--show-values", "--format", "sarif"], 2),
        (["--show-values", "--json"], 2),
        (["--fail-on", "information"], 1),
    ],
)
def test_options_and_exit_codes(project: Path, arguments: list[str], code: int) -> None:
    done = run(project, "records", *arguments)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "form",
    ["text", "concise", "json", "ndjson", "sarif", "junit", "github", "gitlab", "outcome", "html"],
)
def test_no_value_of_a_record_is_in_any_report(project: Path, form: str) -> None:
    done = run(project, "records", "--format", form)
    assert done.returncode == 1
    assert "binding-required" in done.stdout
    assert "Zq-Secret" not in done.stdout + done.stderr


def test_values_are_shown_on_request(project: Path) -> None:
    assert "Zq-Secret" in run(project, "records", "--show-values").stdout


def test_a_report_can_go_to_a_file_and_the_summary_stays(project: Path) -> None:
    done = run(project, "records", "--format", "sarif", "-o", "report.sarif")
    assert (done.returncode, done.stdout) == (1, "")
    assert "1 invalid" in done.stderr
    assert json.loads((project / "report.sarif").read_text())["version"] == "2.1.0"


def test_statistics_count_rules(project: Path) -> None:
    (project / "records/worse.json").write_text(WORSE)
    done = run(project, "records", "--statistics")
    assert "binding-required       2\n" in done.stderr


def test_standard_input_takes_a_name(project: Path) -> None:
    settings(project, '[[suppress]]\nrule="*-*"\npath="old/*"\nreason="known there"')
    done = run(project, "-", "--stdin-filename", "new/x.json", stdin=BAD)
    assert done.stdout.startswith("new/x.json:3:2: error")
    assert run(project, "-", "--stdin-filename", "old/x.json", stdin=BAD).returncode == 0


def test_suppressions_are_counted_and_unused_ones_told(project: Path) -> None:
    settings(
        project,
        '[[suppress]]\nrule = "*"\nexpression = "Patient.gender"\nreason = "as agreed"\n'
        '[[suppress]]\nrule = "cardinality-min"\nreason = "no longer so"\n',
    )
    done = run(project, "records")
    assert done.returncode == 0
    assert "2 findings are suppressed" in done.stderr
    assert done.stdout.startswith("fhirkit.toml:5: warning suppression-unused ")
    assert run(project, "records", "--fail-on", "warning").returncode == 1


def test_profiles_by_type_are_asked_for(project: Path) -> None:
    settings(project, '[[profiles]]\ntype = "Patient"\nprofiles = ["http://example.org/p"]')
    done = run(project, "records/good.json")
    assert done.returncode == 3
    assert "profile-unknown" in done.stdout


def test_a_baseline_lets_old_findings_pass_and_new_ones_fail(project: Path) -> None:
    settings(project, 'include = ["records"]\nbaseline = "known.json"')
    assert run(project).returncode == 2, "the baseline it names is not there"
    dry = run(project, "--dry-run", command="baseline")
    assert dry.returncode == 0
    assert not (project / "known.json").exists()
    made = run(project, command="baseline")
    assert made.returncode == 0
    assert "Zq-Secret" not in (project / "known.json").read_text()
    done = run(project)
    assert done.returncode == 0
    assert "2 findings are in the baseline" in done.stderr
    # Moved by some lines it is still the same; another finding is new.
    (project / "records/bad.json").write_text(BAD.replace("{\n", "{\n\n\n", 1))
    assert run(project).returncode == 0
    (project / "records/worse.json").write_text(WORSE)
    new = run(project)
    assert new.returncode == 1
    assert new.stdout.startswith("records/worse.json:3:2")
    # When it is mended, the baseline can shrink.
    (project / "records/bad.json").write_text(GOOD)
    assert "baseline-stale" in run(project).stdout


def test_what_cannot_be_read_is_never_in_a_baseline(project: Path) -> None:
    (project / "records/broken.json").write_text("{")
    made = run(project, "records", command="baseline")
    assert made.returncode == 1
    settings(project, 'baseline = "fhirkit-baseline.json"')
    done = run(project, "records")
    assert done.returncode == 1
    assert "json-syntax" in done.stdout
    assert "binding-required" not in done.stdout


def test_a_wrong_configuration_is_exit_code_2_with_advice(project: Path) -> None:
    settings(project, "ignroe = []")
    done = run(project, "records")
    assert done.returncode == 2
    assert "fhirkit.toml" in done.stderr
    assert "did you mean 'ignore'?" in done.stderr


def test_what_is_unused_is_told_only_when_all_was_looked_at(project: Path) -> None:
    settings(
        project,
        'include = ["records"]\n'
        '[[suppress]]\nrule = "primitive-format"\nreason = "made up"\n'
        '[[suppress]]\nrule = "primitive-type"\nreason = "made up"\nexpires = 2020-01-01\n',
    )
    told = {
        arguments: [
            rule
            for rule in ("suppression-unused", "suppression-expired")
            if rule in run(project, *arguments, "--format", "concise").stdout
        ]
        for arguments in ((), ("records",), (".",), ("records/good.json",))
    }
    both = ["suppression-unused", "suppression-expired"]
    assert told[()] == told[("records",)] == told[(".",)] == both
    # Another file may need it; a last day is over wherever one looks.
    assert told[("records/good.json",)] == ["suppression-expired"]


def test_a_file_that_is_named_and_excluded_is_said_to_be(project: Path) -> None:
    settings(project, 'exclude = ["records/b*"]')
    done = run(project, "records/bad.json")
    assert done.returncode == 2
    assert "fhirkit.toml excludes records/bad.json" in done.stderr
    assert run(project, "records/bad.json", "--allow-empty").returncode == 0


def test_standard_input_that_is_called_like_an_excluded_file_is_left_out(project: Path) -> None:
    settings(project, 'exclude = ["records/b*"]')
    done = run(project, "-", "--stdin-filename", "records/bad.json", stdin=BAD)
    assert (done.returncode, done.stdout) == (0, "")
    assert run(project, "-", "--stdin-filename", "records/x.json", stdin=BAD).returncode == 1


def test_the_baseline_in_a_folder_is_no_record(project: Path) -> None:
    assert run(project, ".", command="baseline").returncode == 0
    settings(project, 'baseline = "fhirkit-baseline.json"')
    done = run(project, ".")
    assert done.returncode == 0, done.stdout
    assert "2 checked" in done.stderr


def test_a_level_that_is_none_is_answered_with_those_there_are(project: Path) -> None:
    settings(project, 'fail-on = "eror"')
    assert "write one of error, warning, information, never" in run(project, "records").stderr
    settings(project, '[severity]\nprimitive-type = "warn"')
    assert "write one of error, warning, information, off" in run(project, "records").stderr
