"""The pytest plugin, in a scratch project whose tests pytest really runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from fhirkit import Validator
from fhirkit.testing import assert_valid_fhir

PAGE = (Path(__file__).parents[3] / "docs/ci.md").read_text()
GOOD = '{"resourceType": "Patient", "gender": "male"}'
BAD = '{"resourceType": "Patient", "active": "canarius"}'
UNKNOWN = '{"resourceType": "Patient", "meta": {"profile": ["http://example.org/p"]}}'
XML = '<Patient xmlns="http://hl7.org/fhir"><active value="yes"/></Patient>'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider\n")
    return tmp_path


def run(project: Path, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rA", "--color=no", *arguments],
        cwd=project, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def outcomes(output: str) -> dict[str, str]:
    found = re.findall(r"^(PASSED|FAILED|ERROR) (.+?)(?: - .*)?$", output, re.MULTILINE)
    return {name: result for result, name in found}


def test_records_are_tests(project: Path) -> None:
    for name, text in {
        "a.fhir.json": GOOD, "b.fhir.json": BAD, "c.fhir.xml": XML, "d.fhir.json": "{",
        "e.fhir.ndjson": f"{GOOD}\n\n{BAD}\n", "not-one.json": BAD, "f.fhir.json": UNKNOWN,
    }.items():  # fmt: skip
        (project / name).write_text(text)
    code, output = run(project)
    assert code == 1
    assert outcomes(output) == {
        "a.fhir.json::valid": "PASSED",
        "b.fhir.json::valid": "FAILED",
        "c.fhir.xml::valid": "FAILED",
        "d.fhir.json::valid": "FAILED",
        "e.fhir.ndjson::line 1": "PASSED",
        "e.fhir.ndjson::line 3": "FAILED",
        "f.fhir.json::valid": "FAILED",  # nobody could check the profile
    }
    assert "b.fhir.json:1:29: error primitive-type at Patient.active" in output
    assert "e.fhir.ndjson:3:29: error primitive-type" in output
    assert "try: Write the value in the JSON type" in output
    assert "Traceback" not in output
    assert "canarius" not in output


def test_the_settings_of_the_project_count(project: Path) -> None:
    (project / "b.fhir.json").write_text(BAD)
    (project / "f.fhir.json").write_text(UNKNOWN)
    settings = 'allow-incomplete = true\nignore = ["primitive-type"]\n'
    (project / "fhirkit.toml").write_text(settings)
    assert run(project)[0] == 0


def test_records_are_selected_and_left_out(project: Path) -> None:
    (project / "b.fhir.json").write_text(BAD)
    (project / "test_other.py").write_text("def test_it(): pass\n")
    assert outcomes(run(project, "-m", "fhir", "--strict-markers")[1]) == {
        "b.fhir.json::valid": "FAILED"
    }
    code, output = run(project, "-o", "fhir_files=false")
    assert (code, outcomes(output)) == (0, {"test_other.py::test_it": "PASSED"})


def test_the_snippet_of_the_page_runs(project: Path) -> None:
    (snippet,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    (project / "test_page.py").write_text(snippet)
    code, output = run(project)
    assert (code, list(outcomes(output).values())) == (0, ["PASSED"]), output
    broken = snippet.replace('make_patient("female"),', 'make_patient("f"),')
    (project / "test_page.py").write_text(broken)
    code, output = run(project)
    assert code == 1
    assert "not valid FHIR: " in output
    assert "error binding-required at Patient.gender" in output
    assert "assertion.py" not in output, "the frames of fhirkit are hidden"


def test_the_fixture_knows_the_definitions_of_the_settings(project: Path) -> None:
    (project / "fhirkit.toml").write_text('definitions = ["profile.json"]\n')
    (project / "profile.json").write_text(
        '{"resourceType": "StructureDefinition", "url": "http://example.org/p", "name": "P",'
        '"status": "draft", "kind": "resource", "abstract": false, "type": "Patient",'
        '"baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",'
        '"derivation": "constraint", "snapshot": {"element": ['
        '{"id": "Patient", "path": "Patient", "min": 0, "max": "*"},'
        '{"id": "Patient.gender", "path": "Patient.gender", "min": 1, "max": "1"}]}}'
    )
    (project / "test_it.py").write_text(
        "from fhirkit.testing import assert_valid_fhir\n"
        "def test_it(fhir_validator):\n"
        "    assert_valid_fhir({'resourceType': 'Patient'}, 'http://example.org/p',"
        " validator=fhir_validator)\n"
    )
    output = run(project)[1]
    assert "cardinality-min at Patient" in output
    assert "gender: at least 1 required" in output


def test_the_assertion_takes_what_a_validator_takes(validator: Validator, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(GOOD)
    for source in (GOOD, GOOD.encode(), {"resourceType": "Patient"}, tmp_path / "a.json"):
        assert_valid_fhir(source, validator=validator)
    with pytest.raises(AssertionError, match="resource-missing"):
        assert_valid_fhir("[]")


def test_what_was_not_checked_fails_unless_allowed(validator: Validator) -> None:
    with pytest.raises(AssertionError, match="profile-unknown"):
        assert_valid_fhir(UNKNOWN, validator=validator)
    assert_valid_fhir(UNKNOWN, validator=validator, allow_incomplete=True)
    with pytest.raises(AssertionError, match="profile-unknown"):
        assert_valid_fhir(UNKNOWN, validator=validator, allow_incomplete=True, fail_on="warning")


def test_several_profiles_and_every_issue_at_once(validator: Validator) -> None:
    with pytest.raises(AssertionError) as caught:
        assert_valid_fhir(
            {"resourceType": "Patient", "active": "x", "nmae": 1},
            ["http://example.org/a", "http://example.org/b"],
            validator=validator,
        )
    text = str(caught.value)
    assert text.startswith("not valid FHIR: 4 issues\n")
    assert text.count("profile-unknown") == 2
    assert "did you mean 'name'?" in text


def test_the_plugin_costs_little_at_start() -> None:
    program = (
        "import sys, pytest; before = set(sys.modules); import fhirkit.testing.plugin;"
        "new = set(sys.modules) - before;"
        "print(sorted(name for name in new if name.split('.')[0] not in ('fhirkit',)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_file_of_many_lines_is_checked_once(project: Path) -> None:
    (project / "a.fhir.ndjson").write_text(f"{GOOD}\n" * 30)
    (project / "conftest.py").write_text(
        "from fhirkit.cli.project import Project\n"
        "checked, real = [], Project.check\n"
        "def check(self, names, *others, **named):\n"
        "    checked.append(names)\n"
        "    return real(self, names, *others, **named)\n"
        "Project.check = check\n"
        "def pytest_unconfigure():\n"
        "    print('checks:', len(checked))\n"
    )
    code, output = run(project)
    assert code == 0, output
    assert "30 passed" in output
    assert "checks: 1" in output


def test_what_stops_a_check_is_said_without_a_traceback(project: Path) -> None:
    (project / "a.fhir.json").write_text(GOOD)
    (project / "fhirkit.toml").write_text("x = [")
    code, output = run(project)
    assert code == 1
    assert "fhirkit.toml: not valid TOML" in output
    assert "policy/config.py" not in output


def test_what_is_nothing_to_validate_leads_to_the_line_of_the_test(project: Path) -> None:
    (project / "test_it.py").write_text(
        "from fhirkit.testing import assert_valid_fhir\n\n\n"
        "def test_nothing():\n    assert_valid_fhir(None)\n"
    )
    code, output = run(project)
    assert code == 1
    assert "cannot validate a NoneType" in output
    assert "source.py" not in output
