"""The documents agree with the project: dependencies, top level, scripts."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOP_LEVEL = {
    "fhirkit",
    "bundles",
    "scripts",
    "tests",
    "docs",
    "pyproject.toml",
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    # GitHub looks for an action there and nowhere else.
    "action.yml",
}


def committed_files() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return listed.stdout.splitlines()


def test_the_top_level_is_what_the_readme_says() -> None:
    names = {name.split("/")[0] for name in committed_files()}
    assert {name for name in names if not name.startswith(".")} == TOP_LEVEL


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[<>=!~\[ ]", line)[0] for line in declared}
    rows = (ROOT / "docs/dependencies.md").read_text().splitlines()
    explained = {row[1] for line in rows if (row := re.match(r"\| `([^`]+)` \| \S", line))}
    assert names == explained
    assert all(">=" in line for line in declared), "a dependency without a lower bound"


def test_scripts_can_be_run() -> None:
    for name in ("demo", "test", "check", "environment"):
        assert os.access(ROOT / "scripts" / name, os.X_OK), name
    assert os.access(ROOT / ".ci/run", os.X_OK)


def test_every_decision_has_its_number_once() -> None:
    numbers = [path.name[:4] for path in (ROOT / "docs/decisions").glob("[0-9]*.md")]
    assert len(numbers) == len(set(numbers))
    assert numbers, "no decisions"
