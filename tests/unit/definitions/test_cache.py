"""The package cache: found by others' layout, read on demand, verified by content."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fhirkit.core.errors import Blocked, InvalidInput, UsageError
from fhirkit.definitions import folder as reading
from fhirkit.definitions.cache import PackageCache
from fhirkit.definitions.contents import Contents


def definition(
    tail: str, version: str = "1.0.0", kind: str = "StructureDefinition"
) -> dict[str, Any]:
    url = f"http://example.org/{kind}/{tail}"
    return {"resourceType": kind, "id": tail, "url": url, "version": version}


def put(
    root: Path,
    name: str = "a.one",
    version: str = "1.0.0",
    *resources: dict[str, Any],
    needs: dict[str, str] | None = None,
    index: Any = None,
) -> Path:
    """A package as another tool would have unpacked it."""
    inner = root / f"{name}#{version}" / "package"
    inner.mkdir(parents=True)
    manifest = {"name": name, "version": version, "fhirVersions": ["4.0.1"],
                "dependencies": needs or {}}  # fmt: skip
    (inner / "package.json").write_text(json.dumps(manifest))
    for one in resources:
        (inner / f"{one['resourceType']}-{one['id']}.json").write_text(json.dumps(one))
    if index is not None:
        (inner / ".index.json").write_text(json.dumps(index))
    return inner


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names of the files that were opened."""
    names: list[str] = []
    real = reading.read_regular

    def spy(path: Path) -> bytes:
        names.append(path.name)
        return real(path)

    monkeypatch.setattr(reading, "read_regular", spy)
    return names


def test_a_package_of_another_tool_is_found(tmp_path: Path) -> None:
    put(tmp_path, "a.one", "1.0.0", definition("x"), needs={"b.two": "1.x"})
    found = PackageCache(tmp_path).get("a.one", "1.0.0")
    assert found is not None
    assert (found.name, found.version, found.fhir_versions) == ("a.one", "1.0.0", ("4.0.1",))
    assert found.dependencies == {"b.two": "1.x"}
    assert list(found.files) == ["StructureDefinition-x.json"]
    assert [one["id"] for one in found.resources("StructureDefinition")] == ["x"]
    assert PackageCache(tmp_path).get("a.one", "1.0.1") is None
    assert PackageCache(tmp_path / "none").get("a.one", "1.0.0") is None
    assert PackageCache(tmp_path / "none").installed() == []


def test_only_what_is_asked_for_is_opened(tmp_path: Path, opened: list[str]) -> None:
    many = [definition(f"d{n}", kind="ValueSet") for n in range(50)]
    put(tmp_path, "a.one", "1.0.0", *many)
    found = PackageCache(tmp_path).get("a.one", "1.0.0")
    assert found is not None
    resource = found.find("http://example.org/ValueSet/d7")
    assert resource is not None
    assert resource["id"] == "d7"
    assert opened == ["ValueSet-d7.json"]


def test_versions_and_builds(tmp_path: Path) -> None:
    for version in ("1.10.0", "1.9.0", "1.10.0-ballot", "current"):
        put(tmp_path, "a.one", version)
    (tmp_path / "packages.ini").touch()
    (tmp_path / ".fhirkit-unfinished-z#1").mkdir()
    cache = PackageCache(tmp_path)
    assert cache.versions("a.one") == ["1.9.0", "1.10.0-ballot", "1.10.0"]
    assert ("a.one", "current") in cache.installed()
    assert len(cache.installed()) == 4
    assert cache.find_version("a.one", "latest") == "1.10.0"
    assert cache.find_version("a.one", "1.9.x") == "1.9.0"
    assert cache.find_version("a.one", "2.x") is None


@pytest.mark.parametrize(
    ("name", "version"),
    [("../a", "1.0.0"), ("a", "../1"), ("a", "1.x"), ("a", "latest"), ("a/b", "1"), ("", "1")],
)
def test_no_path_is_made_of_a_name_that_is_none(tmp_path: Path, name: str, version: str) -> None:
    cache = PackageCache(tmp_path / "cache")
    for call in (cache.get, cache.digest, cache.remove, cache.stamp):
        with pytest.raises(UsageError):
            call(name, version)


def test_a_folder_that_holds_another_package(tmp_path: Path) -> None:
    put(tmp_path, "a.one", "1.0.0")
    (tmp_path / "a.one#1.0.0").rename(tmp_path / "a.one#2.0.0")
    with pytest.raises(InvalidInput, match=r"says a\.one@1\.0\.0"):
        PackageCache(tmp_path).get("a.one", "2.0.0")
    (tmp_path / "b.two#1.0.0/package").mkdir(parents=True)
    with pytest.raises(InvalidInput, match="cannot be read"):
        PackageCache(tmp_path).get("b.two", "1.0.0")


def test_links_in_a_cached_package_are_not_followed(tmp_path: Path) -> None:
    inner = put(tmp_path, "a.one", "1.0.0", definition("x"))
    secret = tmp_path / "secret.json"
    secret.write_text(json.dumps(definition("y")))
    (inner / "StructureDefinition-y.json").symlink_to(secret)
    found = PackageCache(tmp_path).get("a.one", "1.0.0")
    assert found is not None
    assert found.find("http://example.org/StructureDefinition/y") is None


def test_a_folder_goes_in_and_comes_out_the_same(tmp_path: Path) -> None:
    source = put(tmp_path / "src", "a.one", "1.0.0", definition("x")).parent
    (source / "package/other").mkdir()
    (source / "package/other/notes.txt").write_bytes(b"\x00\xff")
    (source / ".git").mkdir()
    (source / ".git/config").write_text("secret")
    for given in (source, source / "package"):
        cache = PackageCache(tmp_path / f"cache-{given.name}")
        contents = Contents.of_path(given)
        survey = contents.survey()
        assert cache.add(contents, survey)
        assert not cache.add(contents, survey)
        assert cache.digest("a.one", "1.0.0") == survey.digest
        folder = cache.root / "a.one#1.0.0"
        assert (folder / "package/other/notes.txt").read_bytes() == b"\x00\xff"
        assert not (folder / ".git").exists()
        rights = [path.stat().st_mode & 0o777 for path in (folder, folder / "package/package.json")]
        assert rights == [0o755, 0o644]
        assert (cache.root / "packages.ini").read_text().startswith("[cache]\nversion = ")


def test_the_digest_is_of_the_content_alone(tmp_path: Path) -> None:
    inner = put(tmp_path, "a.one", "1.0.0", definition("x"))
    cache = PackageCache(tmp_path)
    before = cache.digest("a.one", "1.0.0")
    # What other tools do to a package they unpack: indexes, another spelling of the manifest.
    (inner / ".index.db").write_bytes(b"x")
    manifest = json.loads((inner / "package.json").read_text())
    (inner / "package.json").write_text(json.dumps({**manifest, "url": "u"}, indent=3))
    assert cache.digest("a.one", "1.0.0") == before
    (inner / "package.json").write_text(json.dumps({**manifest, "dependencies": {"b": "1.0.0"}}))
    assert cache.digest("a.one", "1.0.0") != before
    (inner / "package.json").write_text(json.dumps(manifest))
    (inner / "extra.txt").touch()
    assert cache.digest("a.one", "1.0.0") != before


def test_the_stamp_tells_a_change(tmp_path: Path) -> None:
    inner = put(tmp_path, "a.one", "1.0.0", definition("x"))
    cache = PackageCache(tmp_path)
    before = cache.stamp("a.one", "1.0.0")
    assert cache.stamp("a.one", "1.0.0") == before
    (inner / "ValueSet-new.json").write_text("{}")
    assert cache.stamp("a.one", "1.0.0") != before


def test_other_content_of_the_same_version_is_blocked(tmp_path: Path) -> None:
    cache = PackageCache(tmp_path / "cache")
    one = Contents.of_path(put(tmp_path / "1", "a.one", "1.0.0", definition("x")))
    two = Contents.of_path(put(tmp_path / "2", "a.one", "1.0.0", definition("y")))
    assert cache.add(one, one.survey())
    with pytest.raises(Blocked, match="a released version never"):
        cache.add(two, two.survey())
    assert cache.remove("a.one", "1.0.0")
    assert not cache.remove("a.one", "1.0.0")
    assert cache.add(two, two.survey())
    assert [path.name for path in cache.root.iterdir() if "#" in path.name] == ["a.one#1.0.0"]


@pytest.mark.parametrize(
    "index",
    [
        None, [], {"files": 5}, {"files": [{"filename": 5}]}, {"files": [{}]},
        {"files": [{"filename": "../../secret.json", "url": "http://example.org/ValueSet/x"}]},
        # It lies about where a canonical is.
        {"files": [{"filename": "ValueSet-y.json", "url": "http://example.org/ValueSet/x"}]},
        # It leaves a file out.
        {"files": [{"filename": "ValueSet-y.json", "resourceType": "ValueSet",
                    "url": "http://example.org/ValueSet/y", "version": "1.0.0"}]},
    ],
)  # fmt: skip
def test_an_index_is_a_hint_and_no_more(tmp_path: Path, index: Any) -> None:
    put(tmp_path, "a.one", "1.0.0", definition("x", kind="ValueSet"),
        definition("y", kind="ValueSet"), index=index)  # fmt: skip
    found = PackageCache(tmp_path).get("a.one", "1.0.0")
    assert found is not None
    for tail in ("x", "y", "x"):
        resource = found.find(f"http://example.org/ValueSet/{tail}")
        assert resource is not None
        assert resource["id"] == tail
    assert found.find("http://example.org/ValueSet/z") is None
    assert found.find("http://example.org/ValueSet/x", "CodeSystem") is None


def test_canonicals_with_versions(tmp_path: Path) -> None:
    inner = put(tmp_path, "a.one", "1.0.0")
    for version in ("1.9.0", "1.10.0", "1.10.0-ballot"):
        resource = definition("x", version)
        (inner / f"some-{version}.json").write_text(json.dumps(resource))
    (inner / "not-a-resource.json").write_text("[1]")
    (inner / "broken.json").write_text("{")
    found = PackageCache(tmp_path).get("a.one", "1.0.0")
    assert found is not None
    url = "http://example.org/StructureDefinition/x"
    versions = {
        asked: (found.find(asked) or {}).get("version")
        for asked in (url, f"{url}|1.9.0", f"{url}|2", f"{url}#part", "", "|1.9.0")
    }
    assert versions == {
        url: "1.10.0", f"{url}|1.9.0": "1.9.0", f"{url}|2": None, f"{url}#part": "1.10.0",
        "": None, "|1.9.0": None,
    }  # fmt: skip


def test_what_we_add_is_indexed(tmp_path: Path, opened: list[str]) -> None:
    many = [definition(f"d{n}") for n in range(20)]
    odd = {**definition("d20"), "url": "urn:another:name"}
    source = Contents.of_path(put(tmp_path / "src", "a.one", "1.0.0", *many, odd))
    cache = PackageCache(tmp_path / "cache")
    cache.add(source, source.survey())
    opened.clear()
    found = cache.get("a.one", "1.0.0")
    assert found is not None
    assert found.find("urn:another:name") == odd
    assert found.find("urn:nobody") is None
    assert opened == [".index.json", "StructureDefinition-d20.json"]


def test_a_cache_that_may_not_be_read_is_said_to_be_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_dir", refuse)
    with pytest.raises(UsageError, match="cannot be read"):
        PackageCache(tmp_path).get("a.one", "1.0.0")
