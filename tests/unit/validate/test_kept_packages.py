"""Packages compiled once: known by content, made anew when it changes, never believed blindly."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from test_validate_packages import NEEDED, URL, _archive, _files, _first, _folder, _second

from fhirkit import Validator
from fhirkit.core.errors import InvalidInput
from fhirkit.definitions import fingerprint
from fhirkit.schema import definition as compiling

BASIC = {"resourceType": "Basic", "code": {"text": "x"}}
HERE = "http://example.org/fhir/"


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where compiled definitions are kept in this test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    return tmp_path / "home/fhirkit/definitions"


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The canonicals of the profiles that are compiled in this test."""
    seen: list[str] = []
    real = compiling.compile_definition

    def spy(definition: Any, resolve: Any) -> Any:
        seen.append(definition["url"])
        return real(definition, resolve)

    monkeypatch.setattr(compiling, "compile_definition", spy)
    return seen


def rules(packages: list[Path], *profiles: str, cache: Path | None = None) -> list[str]:
    validator = Validator(packages=packages, package_cache=cache or Path("nowhere"))
    return [issue.rule for issue in validator.validate(BASIC, profiles or (URL,))]


def files_of(kept: Path, name: str) -> list[Path]:
    return list(kept.glob(f"{name}*.sqlite"))


def edit(path: Path, old: str, new: str) -> None:
    """Change a file and leave its size and its time of change as they were."""
    about, text = path.stat(), path.read_text()
    assert old in text
    assert len(old) == len(new)
    path.write_text(text.replace(old, new))
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))


def test_the_second_run_compiles_nothing(tmp_path: Path, kept: Path, compiled: list[str]) -> None:
    archive = _archive(tmp_path / "a.tgz", _first())
    folder = _folder(tmp_path / "a", _first())
    for source in (archive, folder):
        assert rules([source]) == ["cardinality-min"]
        assert compiled == [URL]
        compiled.clear()
        before = sorted(kept.iterdir())
        assert rules([source]) == ["cardinality-min"]
        assert compiled == []
        assert sorted(kept.iterdir()) == before


def test_only_what_is_asked_for_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fhirkit.schema import package_store, store

    files = _first()
    for number in range(30):
        url = f"{HERE}StructureDefinition/other{number}"
        profile = json.loads(files["package/StructureDefinition-test.first.json"])
        text = json.dumps({**profile, "url": url})
        files[f"package/StructureDefinition-other{number}.json"] = text.encode()
    archive = _archive(tmp_path / "a.tgz", files)
    Validator(packages=[archive])
    decoded: list[int] = []
    real = store.decode_structure
    monkeypatch.setattr(store, "decode_structure", lambda data: decoded.append(1) or real(data))
    monkeypatch.setattr(package_store, "loads", lambda *_, **__: pytest.fail("a text is parsed"))
    monkeypatch.setattr(fingerprint, "read_package", lambda *_, **__: pytest.fail("unpacked"))
    assert rules([archive]) == ["cardinality-min"]
    types_of_r4 = 20  # Basic, Resource, what they are made of
    assert 1 <= len(decoded) <= types_of_r4


def test_a_change_that_no_time_shows_is_seen(tmp_path: Path, kept: Path) -> None:
    folder = _folder(tmp_path / "a", _first())
    path = folder / "package/StructureDefinition-test.first.json"
    assert rules([folder]) == ["cardinality-min"]
    first = path.read_text()
    edit(path, '"min": 1', '"min": 0')
    assert rules([folder]) == []
    edit(path, path.read_text(), first)
    assert rules([folder]) == ["cardinality-min"]
    assert len(files_of(kept, "test.first")) == 2


def test_a_settled_folder_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fingerprint, "_SETTLED", 0)
    folder = _folder(tmp_path / "a", _first())
    time.sleep(0.05)
    assert rules([folder]) == ["cardinality-min"]
    with monkeypatch.context() as patched:
        patched.setattr(fingerprint, "_digest", lambda _: pytest.fail("read again"))
        assert rules([folder]) == ["cardinality-min"]
    path = folder / "package/StructureDefinition-test.first.json"
    time.sleep(0.05)
    edit(path, '"min": 1', '"min": 0')
    assert rules([folder]) == []


def test_the_same_content_elsewhere_is_not_compiled_again(
    tmp_path: Path, kept: Path, compiled: list[str]
) -> None:
    for name in ("a", "b"):
        assert rules([_folder(tmp_path / name, _first())]) == ["cardinality-min"]
    assert compiled == [URL]
    assert len(files_of(kept, "test.first")) == 1


def test_a_change_of_what_a_package_needs_counts(tmp_path: Path, kept: Path) -> None:
    needed = _folder(tmp_path / "cache" / "test.second#1.0.0", _second())
    archive = _archive(tmp_path / "a.tgz", _first({"test.second": "1.0.0"}))
    cache = tmp_path / "cache"
    assert rules([archive], NEEDED, cache=cache) == ["cardinality-min"]
    edit(needed / "package/StructureDefinition-test.second.json", '"min": 1', '"min": 0')
    assert rules([archive], NEEDED, cache=cache) == []
    assert rules([archive], NEEDED, cache=tmp_path / "none") == ["profile-unknown"]
    assert len(files_of(kept, "test.first")) == 3


def test_what_a_profile_leads_to_is_compiled_with_it(tmp_path: Path, compiled: list[str]) -> None:
    _folder(tmp_path / "cache" / "test.second#1.0.0", _second())
    files = _first({"test.second": "1.0.0"})
    profile = json.loads(files["package/StructureDefinition-test.first.json"])
    del profile["snapshot"]
    profile["baseDefinition"] = NEEDED
    profile["differential"] = {"element": [{"path": "Basic.created", "min": 1}]}
    files["package/StructureDefinition-test.first.json"] = json.dumps(profile).encode()
    archive = _archive(tmp_path / "a.tgz", files)
    cache = tmp_path / "cache"
    first = rules([archive], cache=cache)
    assert first == ["profile-gap", "cardinality-min"]  # of the two elements the base knows one
    assert sorted(compiled) == [NEEDED, URL]
    compiled.clear()
    assert rules([archive], cache=cache) == first
    assert compiled == []


def test_definitions_given_beside_a_package_count(tmp_path: Path) -> None:
    archive = _archive(tmp_path / "a.tgz", _first())
    assert rules([archive]) == ["cardinality-min"]
    profile = json.loads(_first()["package/StructureDefinition-test.first.json"])
    profile["snapshot"]["element"][1]["min"] = 0
    newer = {**profile, "version": "2.0.0"}
    validator = Validator([newer], packages=[archive])
    assert [issue.rule for issue in validator.validate(BASIC, [URL])] == []


def test_a_profile_that_cannot_be_made_stays_broken(tmp_path: Path) -> None:
    files = _first()
    profile = json.loads(files["package/StructureDefinition-test.first.json"])
    profile["snapshot"]["element"][1]["path"] = "Other.created.deep"
    files["package/StructureDefinition-test.first.json"] = json.dumps(profile).encode()
    archive = _archive(tmp_path / "a.tgz", files)
    assert [rules([archive]) for _ in range(2)] == [["profile-broken"]] * 2


def _damages(good: bytes) -> dict[str, bytes]:
    middle = len(good) // 2
    return {
        "empty": b"",
        "cut short": good[:middle],
        "one bit": good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :],
        "something else": b"SQLite format 3\0" + b"x" * 5000,
        "a pickle": b"cos\nsystem\n(S'touch owned'\ntR.",
        "longer": good + b"x",
    }


@pytest.mark.parametrize("damage", list(_damages(b"ab")))
def test_d7_what_is_damaged_is_made_anew(
    tmp_path: Path, kept: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    archive = _archive(tmp_path / "a.tgz", _first())
    assert rules([archive]) == ["cardinality-min"]
    good = {path: path.read_bytes() for path in kept.iterdir() if path.suffix != ".lock"}
    assert {path.suffix for path in good} == {".sqlite", ".json"}
    for path, data in good.items():
        path.write_bytes(_damages(data)[damage])
    assert rules([archive]) == ["cardinality-min"]
    assert {path: path.read_bytes() for path in kept.iterdir() if path.suffix != ".lock"} == good
    assert not (tmp_path / "owned").exists()


def test_d9_without_a_place_to_keep_it_nothing_is_missing(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file, no folder")
    _folder(tmp_path / "cache" / "test.second#1.0.0", _second())
    archive = _archive(tmp_path / "a.tgz", _first({"test.second": "1.0.0"}))
    for _ in range(2):
        assert rules([archive], cache=tmp_path / "cache") == ["cardinality-min"]
        assert rules([archive], NEEDED, cache=tmp_path / "cache") == ["cardinality-min"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_d9_a_read_only_folder_is_used_and_not_written(tmp_path: Path, kept: Path) -> None:
    archive = _archive(tmp_path / "a.tgz", _first())
    assert rules([archive]) == ["cardinality-min"]
    kept.chmod(0o500)
    try:
        assert rules([archive]) == ["cardinality-min"]
        other = _archive(tmp_path / "b.tgz", _second())
        assert rules([other], NEEDED) == ["cardinality-min"]
    finally:
        kept.chmod(0o700)


def test_two_processes_at_once(tmp_path: Path, kept: Path) -> None:
    """Both agree, one file comes of it, and a third run compiles nothing."""
    archive = _archive(tmp_path / "a.tgz", _first())
    program = (
        "import sys; from fhirkit import Validator\n"
        "found = Validator(packages=[sys.argv[1]]).validate("
        '{"resourceType": "Basic", "code": {"text": "x"}}, [sys.argv[2]])\n'
        "print([issue.rule for issue in found])"
    )
    command = [sys.executable, "-c", program, str(archive), URL]
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    running = [subprocess.Popen(command, **pipes) for _ in range(4)]
    said = [process.communicate(timeout=120) for process in running]
    assert said == [("['cardinality-min']\n", "")] * 4
    assert len(files_of(kept, "test.first")) == 1
    assert {path.suffix for path in kept.iterdir()} == {".sqlite", ".json", ".lock"}


def test_a_file_that_is_no_json_is_told_each_time(tmp_path: Path) -> None:
    files = {**_first(), "package/ValueSet-x.json": b"{"}
    archive = _archive(tmp_path / "a.tgz", files)
    for _ in range(2):
        with pytest.raises(InvalidInput):
            Validator(packages=[archive])


def test_value_sets_and_code_systems_come_from_the_file(tmp_path: Path, kept: Path) -> None:
    system = {"resourceType": "CodeSystem", "url": f"{HERE}colours", "status": "active",
              "content": "complete", "concept": [{"code": "red"}]}  # fmt: skip
    more = {"resourceType": "CodeSystem", "url": f"{HERE}more", "status": "active",
            "content": "supplement", "supplements": f"{HERE}colours",
            "concept": [{"code": "red",
                         "designation": [{"language": "de", "value": "rot"}]}]}  # fmt: skip
    values = {"resourceType": "ValueSet", "url": f"{HERE}vs", "status": "active",
              "compose": {"include": [{"system": f"{HERE}colours"}]}}  # fmt: skip
    files = _files("test.codes", {}, {})
    del files["package/StructureDefinition-test.codes.json"]
    element = {"id": "Basic.code", "path": "Basic.code", "min": 1, "max": "1",
               "base": {"path": "Basic.code", "min": 1, "max": "1"},
               "type": [{"code": "CodeableConcept"}],
               "binding": {"strength": "required", "valueSet": f"{HERE}vs"}}  # fmt: skip
    profile = json.loads(_first()["package/StructureDefinition-test.first.json"])
    profile["snapshot"]["element"][1] = element
    for name, one in (("CodeSystem-a", system), ("CodeSystem-b", more), ("ValueSet-c", values),
                      ("StructureDefinition-d", profile)):  # fmt: skip
        files[f"package/{name}.json"] = json.dumps(one).encode()
    archive = _archive(tmp_path / "a.tgz", files)
    for _ in range(2):
        validator = Validator(packages=[archive])
        found = {}
        for code, display in (("red", None), ("red", "rot"), ("red", "blau"), ("blue", None)):
            coding = {"system": f"{HERE}colours", "code": code}
            coding |= {} if display is None else {"display": display}
            basic = {"resourceType": "Basic", "language": "de", "code": {"coding": [coding]}}
            outcome = validator.validate(basic, [URL])
            found[code, display] = sorted({issue.rule for issue in outcome.errors})
        assert found["red", None] == found["red", "rot"] == []
        assert found["blue", None] == ["binding-required", "code-unknown"]
        assert validator._store.supplemented(f"{HERE}more") == f"{HERE}colours"
