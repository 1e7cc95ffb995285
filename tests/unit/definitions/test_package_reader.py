"""Packages are read safely: whatever a hostile archive holds, nothing is written or believed."""

from __future__ import annotations

import gzip
import io
import json
import tarfile  # noqa: TID251  # the test makes the archives that the reader must refuse
from collections.abc import Callable
from pathlib import Path

import pytest

from fhirkit.core.errors import InvalidInput
from fhirkit.definitions import package as reader
from fhirkit.definitions.package import members, read_package, zip_member

MANIFEST = json.dumps({"name": "example.pkg", "version": "1.0.0", "fhirVersions": ["4.0.1"]})


def tgz(
    *entries: tuple[str, bytes], change: Callable[[tarfile.TarInfo], None] | None = None
) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, data in entries:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            if change is not None:
                change(info)
            tar.addfile(info, io.BytesIO(data) if info.isreg() else None)
    return out.getvalue()


def test_a_package_is_read_in_memory(tmp_path: Path) -> None:
    patient = b'{"resourceType": "StructureDefinition", "url": "u"}'
    data = tgz(
        ("package/package.json", MANIFEST.encode()),
        ("package/StructureDefinition-a.json", patient),
        ("package/ValueSet-a.json", b'{"resourceType": "ValueSet"}'),
        ("package/other/spec.internals", b"x"),
        ("package/.index.json", b"{}"),
    )
    path = tmp_path / "p.tgz"
    path.write_bytes(data)
    package = read_package(path)
    assert (package.name, package.version, package.fhir_versions) == (
        "example.pkg",
        "1.0.0",
        ("4.0.1",),
    )
    assert set(package.files) == {"StructureDefinition-a.json", "ValueSet-a.json"}
    assert [entry["url"] for entry in package.resources("StructureDefinition")] == ["u"]
    assert len(list(package.resources())) == 2
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "name",
    [
        "../a.json",
        "package/../../a",
        "/etc/a",
        "C:/a",
        "C:\\a",
        "a\\..\\b",
        "\\\\host\\a",
        "a\nb",
        "./a",
        "a//b",
        "x" * 1001,
    ],
)
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="refused"):
        list(members(tgz((name, b"x"))))


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE]
)
def test_links_and_devices_are_refused(kind: bytes) -> None:
    def change(info: tarfile.TarInfo) -> None:
        info.type, info.linkname, info.size = kind, "/etc/passwd", 0

    with pytest.raises(InvalidInput, match="link, device"):
        list(members(tgz(("package/a.json", b""), change=change)))


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("package/package.json", "package/package.json"),
        ("package/a.json", "package/A.json"),
        ("package/\u00e9.json", "package/e\u0301.json"),
    ],
)
def test_names_that_clash_are_refused(one: str, two: str) -> None:
    with pytest.raises(InvalidInput, match="two members"):
        list(members(tgz((one, b"a"), (two, b"b"))))


@pytest.mark.timeout(60)
def test_bombs_are_refused_early() -> None:
    data = tgz(("package/a.json", b"\0" * 60_000_000))
    with pytest.raises(InvalidInput, match="bomb"):
        list(members(data))


def test_a_member_larger_than_allowed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_MEMBER_BYTES", 10)
    with pytest.raises(InvalidInput, match="larger"):
        list(members(tgz(("package/a.json", b"x" * 11))))


def test_too_many_members_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_MEMBERS", 3)
    with pytest.raises(InvalidInput, match="more than 3"):
        list(members(tgz(*((f"package/{n}", b"") for n in range(4)))))


@pytest.mark.timeout(60)
def test_a_negative_size_does_not_loop() -> None:
    raw = bytearray(gzip.decompress(tgz(("package/a.json", b"x"))))
    raw[124:136] = b"\xff" * 12  # the size field, in base 256: minus one
    raw[148:156] = b" " * 8
    checksum = sum(raw[:512])
    raw[148:156] = f"{checksum:06o}\0 ".encode()
    with pytest.raises(InvalidInput):
        list(members(gzip.compress(bytes(raw))))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>not found</html>",
        gzip.compress(b"no tar"),
        tgz(("package/a", b"x" * 5000))[:-40],
    ],
    # Compressed bytes hold the time: as names of tests they would change from run to run.
    ids=["nothing", "web page", "no tar", "cut short"],
)
def test_damaged_archives_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        read_package(data)


@pytest.mark.parametrize("manifest", ["{}", "[]", '{"name": 1, "version": "1"}', "{"])
def test_a_package_without_a_proper_manifest_is_refused(manifest: str) -> None:
    with pytest.raises(InvalidInput):
        read_package(tgz(("package/package.json", manifest.encode())))
    with pytest.raises(InvalidInput, match="no FHIR package"):
        read_package(tgz(("other/package.json", MANIFEST.encode())))


def test_one_member_of_a_zip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import zipfile  # noqa: TID251  # as above

    path = tmp_path / "a.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("inner/a.tgz", b"abc")
    assert zip_member(path, "inner/a.tgz") == b"abc"
    with pytest.raises(InvalidInput, match="no member"):
        zip_member(path, "other")
    monkeypatch.setattr(reader, "MAX_MEMBER_BYTES", 2)
    with pytest.raises(InvalidInput, match="larger"):
        zip_member(path, "inner/a.tgz")
    path.write_bytes(b"no zip")
    with pytest.raises(InvalidInput, match="damaged"):
        zip_member(path, "inner/a.tgz")
