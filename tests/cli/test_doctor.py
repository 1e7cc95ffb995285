"""`fhirkit doctor`: what is fine, what is worth knowing, what is wrong; and no secrets."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fhirkit.cli import checkups
from fhirkit.definitions import embedded


def doctor(
    folder: Path, *arguments: str, **variables: str
) -> tuple[int, dict[str, list[dict[str, str]]], str]:
    environment = {
        name: value for name, value in os.environ.items() if "proxy" not in name.lower()
    } | {"HOME": str(folder / "home"), "XDG_CACHE_HOME": str(folder / "cache"), **variables}
    done = subprocess.run(
        [sys.executable, "-m", "fhirkit.cli.main", "doctor", "--json", *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    found: dict[str, list[dict[str, str]]] = {}
    for row in json.loads(done.stdout):
        found.setdefault(row["subject"], []).append(row)
    return done.returncode, found, done.stdout + done.stderr


def test_a_good_installation_is_well(tmp_path: Path) -> None:
    code, found, _ = doctor(tmp_path)
    assert code == 0, found
    assert found["fhirkit"][0]["state"] == "ok"
    assert "FHIR 4.0.1" in found["definitions"][0]["message"]
    assert found["settings"][0]["message"] == "none in this folder"
    assert found["packages"][0]["message"].startswith("0 in ")


def test_settings_that_cannot_be_read_are_wrong(tmp_path: Path) -> None:
    (tmp_path / "fhirkit.toml").write_text("includes = []\n")
    code, found, _ = doctor(tmp_path)
    assert code == 1
    assert found["settings"][0]["state"] == "wrong"
    assert "fhirkit.toml" in found["settings"][0]["message"]


def test_a_locked_package_that_is_not_there_is_wrong(tmp_path: Path) -> None:
    package = {"name": "made.up", "version": "1.0.0", "sha256": "0" * 64, "dependencies": {}}
    lock = {"lock": 1, "requested": ["made.up@1.0.0"], "packages": [package]}
    (tmp_path / "fhirkit.lock").write_text(json.dumps(lock))
    code, found, _ = doctor(tmp_path)
    assert code == 1
    (row,) = [row for row in found["packages"] if row["state"] == "wrong"]
    assert row["advice"] == "fhirkit package add --locked"
    # The same package with another content than the lock holds is wrong, too.
    inner = tmp_path / "home/.fhir/packages/made.up#1.0.0/package"
    inner.mkdir(parents=True)
    (inner / "package.json").write_text('{"name": "made.up", "version": "1.0.0"}')
    code, found, _ = doctor(tmp_path)
    assert code == 1
    (row,) = [row for row in found["packages"] if row["state"] == "wrong"]
    assert "not what fhirkit.lock holds" in row["message"]


def test_proxies_are_told_without_their_secrets(tmp_path: Path) -> None:
    proxy = "http://canarius:s3cret@proxy.example.org:3128"
    code, found, output = doctor(tmp_path, HTTPS_PROXY=proxy, no_proxy="localhost")
    assert code == 0
    assert len(found["proxies"]) == 2
    assert "proxy.example.org" in found["proxies"][0]["message"]
    assert "canarius" not in output
    assert "s3cret" not in output


def test_certificates_that_are_not_there_are_wrong(tmp_path: Path) -> None:
    code, found, _ = doctor(tmp_path, SSL_CERT_FILE=str(tmp_path / "absent.pem"))
    assert code == 1
    assert found["certificates"][0]["state"] == "wrong"


def test_without_java_only_the_server_is_missed(tmp_path: Path) -> None:
    code, found, _ = doctor(tmp_path, PATH=str(tmp_path), JAVA_HOME="")
    assert code == 0
    assert found["server"][0]["state"] == "note"
    assert "nothing else does" in found["server"][0]["message"]


@pytest.mark.parametrize(
    ("present", "states"), [("2.6.2", ["wrong"]), ("2.6.3", []), ("2.10", []), ("3.0.0rc1", [])]
)
def test_versions_with_known_holes(
    monkeypatch: pytest.MonkeyPatch, present: str, states: list[str]
) -> None:
    import importlib.metadata

    real = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: present if name == "urllib3" else real(name)
    )
    found = [one for one in checkups.versions() if one.subject == "urllib3"]
    assert [one.state for one in found] == states
    assert all("CVE-2026-21441" in one.message for one in found)


def test_damaged_definitions_are_wrong(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "r4.sqlite"
    shutil.copy(embedded.R4_DATABASE, path)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xff" * 200_000)
    real = embedded.connect
    monkeypatch.setattr(embedded, "connect", lambda: real(path))
    (found,) = checkups.definitions()
    assert found.state == "wrong"


def test_as_text_each_subject_has_a_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fhirkit.cli.main", "doctor"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert "ok     definitions: FHIR 4.0.1" in done.stdout
    assert done.stderr == ""
