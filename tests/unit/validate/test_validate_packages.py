"""Packages of a validator: files, folders, and the cache with what they depend on."""

from __future__ import annotations

import io
import json
import tarfile  # noqa: TID251  # makes archives, reads none
from pathlib import Path
from typing import Any

import pytest

from fhirkit import Validator
from fhirkit.core.errors import UsageError

URL = "http://example.org/fhir/StructureDefinition/short-basic"
NEEDED = "http://example.org/fhir/StructureDefinition/basic-with-subject"


def _profile(url: str, element: dict[str, Any]) -> dict[str, Any]:
    root = {"id": "Basic", "path": "Basic", "min": 0, "max": "*"}
    return {
        "resourceType": "StructureDefinition",
        "url": url,
        "name": "Short",
        "status": "draft",
        "kind": "resource",
        "abstract": False,
        "type": "Basic",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Basic",
        "derivation": "constraint",
        "snapshot": {"element": [root, element]},
    }


def _files(name: str, profile: dict[str, Any], needs: dict[str, str]) -> dict[str, bytes]:
    manifest = {
        "name": name,
        "version": "1.0.0",
        "fhirVersions": ["4.0.1"],
        "dependencies": {"hl7.fhir.r4.core": "4.0.1", **needs},
    }
    return {
        "package/package.json": json.dumps(manifest).encode(),
        f"package/StructureDefinition-{name}.json": json.dumps(profile).encode(),
    }


def _first(needs: dict[str, str] | None = None) -> dict[str, bytes]:
    element = {
        "id": "Basic.created",
        "path": "Basic.created",
        "min": 1,
        "max": "1",
        "base": {"path": "Basic.created", "min": 0, "max": "1"},
        "type": [{"code": "date"}],
    }
    return _files("test.first", _profile(URL, element), needs or {})


def _second() -> dict[str, bytes]:
    element = {
        "id": "Basic.subject",
        "path": "Basic.subject",
        "min": 1,
        "max": "1",
        "base": {"path": "Basic.subject", "min": 0, "max": "1"},
        "type": [{"code": "Reference"}],
    }
    return _files("test.second", _profile(NEEDED, element), {})


def _archive(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def _folder(path: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def _rules(validator: Validator, profile: str) -> list[str]:
    basic = {"resourceType": "Basic", "code": {"text": "x"}}
    return [issue.rule for issue in validator.validate(basic, [profile])]


def test_a_package_is_read_from_an_archive(tmp_path: Path) -> None:
    archive = _archive(tmp_path / "a.tgz", _first())
    validator = Validator(packages=[archive], package_cache=tmp_path / "cache")
    assert _rules(validator, URL) == ["cardinality-min"]


@pytest.mark.parametrize("inner", ["", "package"])
def test_a_package_is_read_from_a_folder(tmp_path: Path, inner: str) -> None:
    folder = _folder(tmp_path / "a", _first())
    validator = Validator(packages=[folder / inner], package_cache=tmp_path / "cache")
    assert _rules(validator, URL) == ["cardinality-min"]


@pytest.mark.parametrize("asked", ["test.first@1.0.0", "test.first#1.0.0", "test.first@1.0.x"])
def test_a_package_is_taken_from_the_cache(tmp_path: Path, asked: str) -> None:
    _folder(tmp_path / "test.first#1.0.0", _first())
    validator = Validator(packages=[asked], package_cache=tmp_path)
    assert _rules(validator, URL) == ["cardinality-min"]


def test_what_a_package_needs_is_at_hand_too(tmp_path: Path) -> None:
    _folder(tmp_path / "cache" / "test.second#1.0.0", _second())
    archive = _archive(tmp_path / "a.tgz", _first({"test.second": "1.0.0"}))
    with_cache = Validator(packages=[archive], package_cache=tmp_path / "cache")
    assert _rules(with_cache, NEEDED) == ["cardinality-min"]
    without = Validator(packages=[archive], package_cache=tmp_path / "empty")
    assert _rules(without, NEEDED) == ["profile-unknown"]


def test_a_package_that_is_nowhere_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not in the package cache") as caught:
        Validator(packages=["test.first@1.0.0"], package_cache=tmp_path)
    assert "package add" in (caught.value.advice or "")
    with pytest.raises(UsageError, match="no such package file"):
        Validator(packages=[tmp_path / "no.tgz"], package_cache=tmp_path)
