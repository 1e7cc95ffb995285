"""`fhirkit explain`: every rule, a mistyped one, all of them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from fhirkit.cli.main import cli, run
from fhirkit.convert.catalogue import CATALOGUE
from fhirkit.policy.catalogue import CATALOGUE as SETTINGS
from fhirkit.validate.catalogue import RULES
from fhirkit.validate.explanation import explanation


def explain(*arguments: str) -> str:
    done = CliRunner().invoke(cli, ["explain", *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


@pytest.mark.parametrize("rule", [*RULES, *CATALOGUE, *SETTINGS])
def test_every_rule_says_what_it_means_and_what_to_do(rule: str) -> None:
    text = explain(rule)
    table = (RULES | CATALOGUE | SETTINGS)[rule]
    assert text.startswith(f"# {rule}\n{table.meaning}\n")
    assert f"- Severity: {table.severity}" in text
    assert "- What to do: " in text
    found = explanation(rule)
    if found is not None:
        assert found.link in text
        assert found.passing in text
        assert found.failing in text


def test_the_list_holds_every_rule_once() -> None:
    names = [line.split()[0] for line in explain().splitlines()]
    assert names == [*RULES, *CATALOGUE, *SETTINGS]
    rows = json.loads(explain("--json"))
    assert [row["rule"] for row in rows] == names
    assert all(row["advice"] for row in rows)


def test_several_rules_at_once() -> None:
    assert explain("json-syntax", "case-why").count("\n- Severity:") == 2


def test_a_mistyped_rule_gets_a_suggestion(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(cli, ["explain", "elment-unknown"]) == 2
    said = capfd.readouterr().err
    assert "no rule 'elment-unknown'" in said
    assert "did you mean element-unknown" in said


def test_nothing_like_it_names_the_list(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(cli, ["explain", "\x1b[31mzzzz"]) == 2
    said = capfd.readouterr().err
    assert "`fhirkit explain` lists them all" in said
    assert "\x1b[31mzzzz" not in said


def test_the_advice_of_the_rule_stands_below_each_issue() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fhirkit.cli.main", "validate", "-"],
        input='{"resourceType": "Patient", "gender": "f"}',
        capture_output=True,
        text=True,
        check=False,
    )
    found = explanation("binding-required")
    assert found is not None
    assert f"    try: {found.advice}\n" in done.stdout
