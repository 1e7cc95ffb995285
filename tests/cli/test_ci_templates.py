"""The GitHub Action, the GitLab template and the Dockerfile: their steps are run, or read."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile  # noqa: TID251  # looks into the wheel it has built
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/ci.md").read_text()
GOOD = '{"resourceType": "Patient", "gender": "male"}'
BAD = '{"resourceType": "Patient", "active": "canarius"}'
UNKNOWN = '{"resourceType": "Patient", "meta": {"profile": ["http://example.org/p"]}}'


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    (folder / "records").mkdir(parents=True)
    for name, text in {"good": GOOD, "bad": BAD, "unknown": UNKNOWN}.items():
        (folder / f"records/{name}.json").write_text(text)
    return folder


@dataclass
class Ran:
    code: int
    log: str
    summary: str
    outputs: dict[str, str]


def environment() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "NO_COLOR": "1"}


class Action:
    """Runs the steps of action.yml as GitHub's runner does, with the fhirkit that is here."""

    def __init__(self, repository: Path, action: dict[str, Any]) -> None:
        self._repository = repository
        self._action = action
        self._place = repository.parent / "runner"
        self._place.mkdir(exist_ok=True)

    def run(self, **inputs: str) -> Ran:
        given = {
            "version": "installed",
            **{name.replace("_", "-"): v for name, v in inputs.items()},
        }
        for name, about in self._action["inputs"].items():
            given.setdefault(name, about["default"])
        outputs, summary = self._place / "outputs", self._place / "summary"
        for file in (outputs, summary, self._place / "path"):
            file.write_text("")
        log, code = "", 0
        for step in self._action["runs"]["steps"]:
            if code:
                break
            script = self._place / "step.sh"
            script.write_text(step["run"])
            variables = {
                "RUNNER_TEMP": str(self._place), "GITHUB_OUTPUT": str(outputs),
                "GITHUB_STEP_SUMMARY": str(summary), "GITHUB_PATH": str(self._place / "path"),
            }  # fmt: skip
            for name, value in step["env"].items():
                variables[name] = self._evaluated(value, given)
            done = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
                cwd=self._repository, env=environment() | variables,
                capture_output=True, text=True, check=False, timeout=120,
            )  # fmt: skip
            code, log = done.returncode, log + done.stdout + done.stderr
        lines = outputs.read_text().splitlines()
        return Ran(code, log, summary.read_text(), dict(line.split("=", 1) for line in lines))

    def _evaluated(self, text: str, inputs: dict[str, str]) -> str:
        found = re.fullmatch(r"\$\{\{ (inputs|github)\.([\w-]+) \}\}", text)
        assert found is not None, text
        return inputs[found[2]] if found[1] == "inputs" else str(ROOT)


@pytest.fixture
def action(repository: Path) -> Action:
    return Action(repository, yaml.safe_load((ROOT / "action.yml").read_text()))


def test_a_good_repository_passes(action: Action) -> None:
    ran = action.run(paths="records/good.json")
    assert (ran.code, ran.outputs) == (0, {"exit-code": "0"})
    assert "1 checked: 1 valid, 0 invalid" in ran.summary


def test_findings_become_annotations_and_fail_the_job(action: Action) -> None:
    ran = action.run(paths="records/good.json\nrecords/bad.json\n")
    assert (ran.code, ran.outputs) == (1, {"exit-code": "1"})
    assert "::error file=records/bad.json,line=1,col=29,title=fhirkit primitive-type::" in ran.log
    assert "primitive-type" in ran.summary
    assert "canarius" not in ran.log + ran.summary


def test_what_was_not_checked_is_no_green_job(action: Action) -> None:
    assert action.run(paths="records/unknown.json").code == 3
    ran = action.run(paths="records/unknown.json", arguments="--allow-incomplete")
    assert ran.code == 0
    both = "--allow-incomplete\n--fail-on=warning\n"
    assert action.run(paths="records/unknown.json", arguments=both).code == 1


def test_sarif_is_written_beside_the_annotations(action: Action, repository: Path) -> None:
    ran = action.run(paths="records/bad.json", sarif_file="report.sarif")
    assert ran.code == 1
    sarif = json.loads((repository / "report.sarif").read_text())
    assert sarif["version"] == "2.1.0"
    assert sarif["runs"][0]["results"][0]["ruleId"] == "primitive-type"


def test_without_paths_the_settings_say_what_is_checked(action: Action, repository: Path) -> None:
    (repository / "fhirkit.toml").write_text('include = ["records/good.json"]\n')
    assert action.run().code == 0
    (repository / "fhirkit.toml").unlink()
    ran = action.run(sarif_file="report.sarif")
    assert ran.code == 2
    assert "nothing to validate" in ran.log
    assert not (repository / "report.sarif").exists()


@pytest.mark.parametrize(
    "hostile", ["$(touch owned)", "`touch owned`", "a; touch owned", "-o/x\n*"]
)
def test_inputs_are_data_and_never_script(action: Action, repository: Path, hostile: str) -> None:
    action.run(paths=hostile)
    action.run(paths="records/good.json", arguments=hostile)
    action.run(paths="records/good.json", sarif_file=hostile)
    assert not list(repository.parent.rglob("owned"))


@pytest.mark.parametrize(
    ("version", "wanted"), [("source", str(ROOT)), ("1.2.3", "fhirkit==1.2.3")]
)
def test_the_action_installs_the_version_asked_for_in_a_place_of_its_own(
    action: Action, tmp_path: Path, version: str, wanted: str
) -> None:
    """With a Python whose pip notes what it is to install, and brings the fhirkit that is here."""
    real = Path(sys.executable).parent / "fhirkit"
    python = tmp_path / "python"
    python.write_text(
        '#!/bin/sh\n[ "$1 $2" = "-m venv" ] || exit 9\nmkdir -p "$3/bin"\n'
        f'printf \'#!/bin/sh\\necho "$@" > {tmp_path}/asked\\n\' > "$3/bin/pip"\n'
        f'ln -s {real} "$3/bin/fhirkit"\nchmod +x "$3/bin/pip"\n'
    )
    python.chmod(0o755)
    ran = action.run(paths="records/good.json", version=version, python=str(python))
    assert (ran.code, ran.outputs) == (0, {"exit-code": "0"}), ran.log
    asked = (tmp_path / "asked").read_text().split()
    assert (asked[0], asked[-1]) == ("install", wanted)
    assert (tmp_path / "runner/path").read_text() == f"{tmp_path}/runner/fhirkit/bin\n"


def test_no_expression_stands_in_a_script() -> None:
    steps = yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"]
    assert all("${{" not in step["run"] for step in steps)
    assert all(step["shell"] == "bash" for step in steps)


def test_the_packages_of_the_lock_are_there_before_anything_is_checked(
    action: Action, repository: Path
) -> None:
    wanted = {"name": "made.up", "version": "1.0.0", "sha256": "0" * 64, "dependencies": {}}
    lock = {"lock": 1, "requested": ["made.up@1.0.0"], "packages": [wanted]}
    (repository / "fhirkit.lock").write_text(json.dumps(lock))
    ran = action.run(paths="records/good.json")
    assert ran.code != 0
    assert "made.up" in ran.log
    assert "exit-code" not in ran.outputs


def test_the_workflow_of_the_page_uses_what_the_action_has() -> None:
    (workflow,) = [
        yaml.safe_load(text)
        for text in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
        if "runs-on" in text
    ]
    inputs = yaml.safe_load((ROOT / "action.yml").read_text())["inputs"]
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    (ours,) = [step for step in steps if "/fhirkit@" in step.get("uses", "")]
    assert set(ours["with"]) <= set(inputs)
    (upload,) = [step for step in steps if "upload-sarif" in step.get("uses", "")]
    assert upload["with"]["sarif_file"] == ours["with"]["sarif-file"]
    # Without it the upload is skipped just when there are findings.
    assert "always()" in upload["if"]


def gitlab_job(**inputs: str) -> dict[str, Any]:
    text = (ROOT / "scripts/ci/gitlab.yml").read_text()
    header, _, body = text.partition("\n---\n")
    given = {
        name: about["default"] for name, about in yaml.safe_load(header)["spec"]["inputs"].items()
    }
    for name, value in (given | inputs).items():
        body = body.replace(f"$[[ inputs.{name} ]]", json.dumps(value))
    assert "$[[" not in body
    (job,) = yaml.safe_load(body).values()
    return dict(job)


def run_gitlab(repository: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    job = gitlab_job(**inputs)
    script = "pip() { :; }\n" + "\n".join(job["script"])
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=repository, env=environment() | job["variables"],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_gitlab_gets_its_reports_and_the_exit_code(repository: Path) -> None:
    done = run_gitlab(repository, paths="records/good.json records/bad.json")
    assert done.returncode == 1, done.stderr
    reports = gitlab_job()["artifacts"]["reports"]
    quality = json.loads((repository / reports["codequality"]).read_text())
    assert [one["check_name"] for one in quality] == ["primitive-type"]
    assert 'failures="1"' in (repository / reports["junit"]).read_text()
    assert "canarius" not in (repository / reports["codequality"]).read_text()


def test_gitlab_passes_a_good_repository(repository: Path) -> None:
    assert run_gitlab(repository, paths="records/g*.json").returncode == 0
    assert run_gitlab(repository, paths="records", arguments="--fail-on never").returncode == 3


def test_the_include_of_the_page_has_these_inputs() -> None:
    (included,) = [
        yaml.safe_load(text)["include"]
        for text in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
        if "project:" in text
    ]
    assert (ROOT / included[0]["file"]).is_file()
    known = yaml.safe_load((ROOT / "scripts/ci/gitlab.yml").read_text().partition("\n---\n")[0])
    assert set(included[0]["inputs"]) <= set(known["spec"]["inputs"])


def docker_lines() -> list[str]:
    text = re.sub(r"\\\n", " ", (ROOT / "scripts/ci/Dockerfile").read_text())
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_the_image_runs_as_nobody_special_and_copies_what_is_there() -> None:
    lines = docker_lines()
    users = [line.split()[1] for line in lines if line.startswith("USER")]
    # A number, or Kubernetes could not tell that it is not root.
    assert users == ["1000"]
    assert "--uid 1000" in " ".join(lines)
    assert lines.index("USER 1000") < next(
        place for place, line in enumerate(lines) if line.startswith("ENTRYPOINT")
    )
    assert not [line for line in lines if line.startswith("ADD")]
    kept = (ROOT / ".dockerignore").read_text()
    for source in copied_into_the_build():
        assert (ROOT / source).exists(), source
        assert f"!{source}" in kept.splitlines(), f"{source} is not in the context"


def copied_into_the_build() -> list[str]:
    copies = [line.split()[1:-1] for line in docker_lines() if line.startswith("COPY")]
    return [source for sources in copies for source in sources]


@pytest.mark.slow
def test_what_is_copied_is_enough_to_build(tmp_path: Path) -> None:
    for source in copied_into_the_build():
        target = tmp_path / "source" / source
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("*.sqlite"))
        else:
            shutil.copy(ROOT / source, target)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", str(tmp_path)]
    done = subprocess.run(
        [*command, str(tmp_path / "source")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("fhirkit-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    # The definitions, the rules' explanations and the page's templates are data, easily forgotten.
    for wanted in ("data/r4.sqlite", "data/rules/json-syntax.toml", "templates/page.css"):
        assert [name for name in names if name.endswith(wanted)], wanted
    run_as_in_the_image(wheel, tmp_path)


def run_as_in_the_image(wheel: Path, folder: Path) -> None:
    """Installed from the wheel alone; no home, no network, a folder that cannot be written to."""
    site, data = folder / "site", folder / "data"
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target"]
    subprocess.run([*install, str(site), str(wheel)], check=True, capture_output=True)
    (data / "records").mkdir(parents=True)
    (data / "records/good.json").write_text(GOOD)
    (data / "records/bad.json").write_text(BAD)
    program = (
        "import socket, sys, fhirkit\n"
        f"assert fhirkit.__file__.startswith({str(site)!r})\n"
        "def refused(*_): raise AssertionError('a connection')\n"
        "socket.socket.connect = refused\n"
        "from fhirkit.cli.main import main\n"
        "main(sys.argv[1:])\n"
    )
    for path in (data, data / "records"):
        path.chmod(0o555)
    done = subprocess.run(
        [sys.executable, "-c", program, "validate", "records"], cwd=data,
        env={"PATH": "/usr/bin:/bin", "HOME": "/dev/null", "PYTHONPATH": str(site)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    for path in (data, data / "records"):
        path.chmod(0o755)
    assert done.returncode == 1, done.stderr
    assert "2 checked: 1 valid, 1 invalid" in done.stderr
