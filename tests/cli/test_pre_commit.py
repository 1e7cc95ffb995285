"""The hooks of .pre-commit-hooks.yaml, really run by pre-commit in a scratch repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
HOOKS = ".pre-commit-hooks.yaml"
GOOD = '{"resourceType": "Patient", "gender": "male"}\n'
BAD = '{"resourceType": "Patient", "active": "m"}\n'
PAGE = (ROOT / "docs/ci.md").read_text()


def documented_config(hooks: Path, rev: str) -> str:
    """The snippet of docs/ci.md, with a repository of hooks that is here.

    The fhirkit of this environment runs, not one that pre-commit installs from a network.
    """
    snippets = re.findall(r"^```yaml\n(repos:.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    (config,) = [yaml.safe_load(text) for text in snippets]
    (repository,) = config["repos"]
    (hook,) = repository["hooks"]
    everything = {"id": "fhirkit-validate-all", "language": "system", "stages": ["manual"]}
    repository |= {"repo": str(hooks), "rev": rev, "hooks": [hook, everything]}
    hook["language"] = "system"
    return yaml.safe_dump(config)


def run(cwd: Path, *command: str, home: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if "GIT" not in name}
    environment |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PRE_COMMIT_HOME": str((home or cwd.parent) / "pre-commit-home"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org",
    }  # fmt: skip
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def git(cwd: Path, *arguments: str) -> str:
    done = run(cwd, "git", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A repository of records whose commits are checked by the hooks."""
    hooks, records = tmp_path / "hooks", tmp_path / "repository"
    for folder in (hooks, records):
        folder.mkdir()
        git(folder, "init", "-q", "-b", "main")
    shutil.copy(ROOT / HOOKS, hooks / HOOKS)
    git(hooks, "add", HOOKS)
    git(hooks, "commit", "-q", "-m", "Hooks")
    (records / "records").mkdir()
    config = documented_config(hooks, git(hooks, "rev-parse", "HEAD"))
    (records / ".pre-commit-config.yaml").write_text(config)
    (records / "package.json").write_text('{"name": "no record"}\n')
    git(records, "add", ".")
    git(records, "commit", "-q", "-m", "Start")
    done = run(records, "pre-commit", "install")
    assert done.returncode == 0, done.stderr
    return records


def commit(scratch: Path, **files: str) -> subprocess.CompletedProcess[str]:
    for name, text in files.items():
        (scratch / f"records/{name}.json").write_text(text)
    git(scratch, "add", ".")
    return run(scratch, "git", "commit", "-m", "Records")


def test_a_good_record_is_committed(scratch: Path) -> None:
    done = commit(scratch, good=GOOD)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "validate FHIR records" in done.stderr
    assert "Passed" in done.stderr


def test_a_bad_record_stops_the_commit_and_is_named(scratch: Path) -> None:
    done = commit(scratch, good=GOOD, bad=BAD)
    assert done.returncode == 1
    assert "records/bad.json:1:29: error primitive-type" in done.stderr
    assert '"m"' not in done.stderr, "values of records stay out of the log"
    assert git(scratch, "log", "--oneline").count("\n") == 0, "the commit was made all the same"


def test_only_files_of_the_commit_are_checked(scratch: Path) -> None:
    (scratch / "records/bad.json").write_text(BAD)
    git(scratch, "add", ".")
    git(scratch, "commit", "-q", "-m", "Before there were hooks", "--no-verify")
    assert commit(scratch, good=GOOD).returncode == 0


def test_files_that_the_settings_exclude_do_not_fail(scratch: Path) -> None:
    (scratch / "fhirkit.toml").write_text('exclude = ["records/drafts-*"]\n')
    done = commit(scratch, **{"drafts-a": BAD})
    assert done.returncode == 0, done.stderr


def test_the_settings_of_the_repository_count(scratch: Path) -> None:
    suppression = (
        '[[suppress]]\nrule = "primitive-type"\npath = "records/bad.json"\nreason = "agreed"\n'
    )
    (scratch / "fhirkit.toml").write_text(suppression)
    assert commit(scratch, bad=BAD).returncode == 0
    # The suppression is about another file than those of this commit: it is not called unused.
    done = commit(scratch, worse=BAD)
    assert done.returncode == 1
    assert "suppression-unused" not in done.stderr


def test_everything_that_the_settings_include(scratch: Path) -> None:
    (scratch / "fhirkit.toml").write_text('include = ["records"]\n')
    (scratch / "records/bad.json").write_text(BAD)
    git(scratch, "add", ".")
    everything = ["pre-commit", "run", "fhirkit-validate-all", "--hook-stage", "manual"]
    done = run(scratch, *everything, "--all-files")
    assert done.returncode == 1
    assert "records/bad.json:1:29: error primitive-type" in done.stdout


def test_the_hooks_are_what_pre_commit_expects(tmp_path: Path) -> None:
    done = run(ROOT, "pre-commit", "validate-manifest", HOOKS, home=tmp_path)
    assert done.returncode == 0, done.stdout
    hooks = yaml.safe_load((ROOT / HOOKS).read_text())
    assert {hook["id"] for hook in hooks} == {"fhirkit-validate", "fhirkit-validate-all"}
    assert all(hook["language"] == "python" for hook in hooks)
