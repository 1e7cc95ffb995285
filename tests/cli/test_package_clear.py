"""`fhirkit package clear` and what `fhirkit doctor` says of compiled packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

PROFILE = {
    "resourceType": "StructureDefinition",
    "url": "http://example.org/StructureDefinition/p",
    "name": "P",
    "status": "draft",
    "kind": "resource",
    "abstract": False,
    "type": "Patient",
    "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",
    "derivation": "constraint",
    "differential": {"element": [{"path": "Patient.name", "min": 1}]},
}


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fhirkit.cli.main", *arguments],
        cwd=folder,
        env={**os.environ, "XDG_CACHE_HOME": str(folder / "cache")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_what_was_compiled_is_told_and_removed(tmp_path: Path) -> None:
    guide = tmp_path / "guide/package"
    guide.mkdir(parents=True)
    manifest = {"name": "a.guide", "version": "1.0.0", "fhirVersions": ["4.0.1"]}
    (guide / "package.json").write_text(json.dumps(manifest))
    (guide / "StructureDefinition-p.json").write_text(json.dumps(PROFILE))
    (tmp_path / "p.json").write_text('{"resourceType": "Patient"}')
    ask = ("validate", "p.json", "--package", "guide", "--profile", PROFILE["url"], "--jobs", "2")
    done = run(tmp_path, *map(str, ask))
    assert (done.returncode, "cardinality-min" in done.stdout) == (1, True)
    kept = tmp_path / "cache/fhirkit/definitions"
    (file,) = kept.glob("a.guide-1.0.0-*.sqlite")

    said = run(tmp_path, "doctor").stdout
    assert f"compiled from packages, in {kept}" in said
    assert "fhirkit package clear" in said
    done = run(tmp_path, "package", "clear")
    assert (done.returncode, done.stdout) == (0, "")
    assert f"MB removed from {kept}" in done.stderr
    assert list(kept.iterdir()) == []
    assert not file.exists()
    assert "compiled from packages" not in run(tmp_path, "doctor").stdout
    assert run(tmp_path, "package", "clear").stderr.startswith("0.0 MB removed")
