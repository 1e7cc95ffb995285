"""docs/ci.md: its settings are read, its table names every format, its words are true."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from fhirkit.policy import Policy, read_config
from fhirkit.report.formats import FORMATS
from fhirkit.validate.catalogue import RULES

PAGE = (Path(__file__).parents[2] / "docs/ci.md").read_text()


def snippets(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_the_settings_shown_are_read(tmp_path: Path) -> None:
    (settings,) = snippets("toml")
    (tmp_path / "fhirkit.toml").write_text(settings)
    read = read_config(tmp_path / "fhirkit.toml")
    assert read.config.baseline == "fhirkit-baseline.json"
    assert Policy(read, RULES).asks_profiles


def test_every_format_is_told() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert told == set(FORMATS)


#: The first line of every snippet → the test that runs it. A new one needs a test first.
RUN_BY = {
    'include = ["records"]': "test_the_settings_shown_are_read",
    "fhirkit baseline": "test_the_baseline_silences_what_was_there",
    "repos:": "tests/cli/test_pre_commit.py",
    "name: records": "tests/cli/test_ci_templates.py",
    "include:": "tests/cli/test_ci_templates.py",
    "docker build -t fhirkit -f scripts/ci/Dockerfile .": "tests/cli/test_ci_templates.py",
    "from fhirkit.testing import assert_valid_fhir": "tests/unit/testing/test_pytest_plugin.py",
    "fhirkit validate --diff": "tests/cli/test_fix_option.py",
    "fhirkit validate --changed": "tests/cli/test_changed_files.py",
}


def blocks() -> list[str]:
    return re.findall(r"^```\w*\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_every_snippet_is_run_by_a_test() -> None:
    firsts = [block.splitlines()[0].partition("  #")[0].rstrip() for block in blocks()]
    assert set(firsts) <= set(RUN_BY), set(firsts) - set(RUN_BY)
    tests = Path(__file__).parents[2]
    for first in firsts:
        place = RUN_BY[first]
        assert place in globals() or (tests / place).is_file(), place


def test_the_baseline_silences_what_was_there(tmp_path: Path) -> None:
    def run(command: str) -> int:
        words = [sys.executable, "-m", "fhirkit.cli.main", *command.split()[1:]]
        return subprocess.run(words, cwd=tmp_path, capture_output=True, check=False).returncode

    (snippet,) = [text for text in blocks() if text.startswith("fhirkit baseline")]
    (tmp_path / "records").mkdir()
    (tmp_path / "records/old.json").write_text('{"resourceType": "Patient", "gender": "m"}')
    settings = 'include = ["records"]\n'
    (tmp_path / "fhirkit.toml").write_text(settings)
    assert run("fhirkit validate") == 1
    (tmp_path / "fhirkit.toml").write_text(settings + 'baseline = "fhirkit-baseline.json"\n')
    for line in snippet.splitlines():
        assert run(line) == 0
    assert "gender" not in (tmp_path / "fhirkit-baseline.json").read_text()
    assert run("fhirkit validate") == 0
    (tmp_path / "records/new.json").write_text('{"resourceType": "Patient", "gender": "f"}')
    assert run("fhirkit validate") == 1
