"""P1-P8, P11, P13: whatever a hostile archive holds, it is refused and nothing is written."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile  # noqa: TID251  # the tests make the archives that the reader must judge
from collections.abc import Callable
from pathlib import Path

import pytest
from harness import Run
from package_making import manifest, package, tgz

NAME = "example.pkg"
GOOD = manifest(NAME, "1.0.0")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FHIRKIT_PACKAGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("FHIRKIT_REGISTRY", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def refused(fhirkit: Run, cache: Path, tmp_path: Path) -> Callable[[bytes], str]:
    """Try to add an archive; it must be refused at once, and leave no trace. Returns the talk."""

    def attempt(data: bytes) -> str:
        (tmp_path / "in").mkdir()
        archive = tmp_path / "in/given.tgz"
        archive.write_bytes(data)
        before = sorted(tmp_path.rglob("*"))
        done = fhirkit("package", "add", str(archive))
        assert done.code == 1, done.err
        assert "refused" in done.err
        assert "Traceback" not in done.err
        assert done.out == ""
        assert sorted(tmp_path.rglob("*")) == before
        assert archive.read_bytes() == data
        return done.err

    return attempt


@pytest.mark.parametrize(
    "name",
    [
        "../outside.json",
        "package/../../outside.json",
        "/etc/outside.json",
        "C:\\outside.json",
        "C:outside.json",
        "package\\..\\..\\outside.json",
        "\\\\server\\share\\outside.json",
        "//server/share/outside.json",
        "package/./a.json",
        "package//a.json",
        "package/a\n.json",
        "package/a\x00.json",
        "package/CON.json",
        "package/aux",
        "package/a.json.",
        "package/a.json ",
        "package/what?.json",
        "package/" + "a" * 300 + ".json",
    ],
)
def test_p1_names_that_lead_elsewhere(refused: Callable[[bytes], str], name: str) -> None:
    data = tgz(GOOD, (name, b"{}"))
    if "\x00" in name:
        # tarfile itself cuts a name at NUL; another control character is written by hand.
        raw = bytearray(gzip.decompress(tgz(GOOD, ("package/aZ.json", b"{}"))))
        raw[:] = raw.replace(b"package/aZ.json", b"package/\x01Z.json")
        _fix_checksums(raw)
        data = gzip.compress(bytes(raw))
    refused(data)


def test_p2_a_sibling_with_the_same_beginning(
    refused: Callable[[bytes], str], tmp_path: Path
) -> None:
    refused(tgz(GOOD, (f"../{NAME}#1.0.0-evil/package/a.json", b"{}")))
    assert not list(tmp_path.rglob("*evil*"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
@pytest.mark.parametrize("target", ["../../../outside", "/etc/passwd", "package.json", "x/" * 3000])
def test_p3_links(refused: Callable[[bytes], str], kind: bytes, target: str) -> None:
    def link(info: tarfile.TarInfo) -> None:
        if info.name == "package/link":
            info.type, info.linkname, info.size = kind, target, 0

    refused(tgz(GOOD, ("package/link", b""), ("package/link/a.json", b"{}"), change=link))


def _special(kind: bytes, mode: int = 0o644) -> Callable[[tarfile.TarInfo], None]:
    def change(info: tarfile.TarInfo) -> None:
        if info.name.endswith("odd"):
            info.type, info.mode = kind, mode
            if kind != tarfile.REGTYPE:
                info.size = 0

    return change


@pytest.mark.parametrize(
    "change",
    [
        _special(tarfile.FIFOTYPE),
        _special(tarfile.CHRTYPE),
        _special(tarfile.BLKTYPE),
        _special(tarfile.GNUTYPE_SPARSE),
        _special(b"Z"),
        _special(tarfile.REGTYPE, 0o4755),
        _special(tarfile.REGTYPE, 0o2755),
    ],
    ids=["fifo", "char", "block", "sparse", "unknown", "setuid", "setgid"],
)
def test_p4_special_members(
    refused: Callable[[bytes], str], change: Callable[[tarfile.TarInfo], None]
) -> None:
    refused(tgz(GOOD, ("package/odd", b"x"), change=change))


@pytest.mark.timeout(60)
def test_p4_a_folder_with_a_fifo_does_not_block(fhirkit: Run, cache: Path, tmp_path: Path) -> None:
    folder = tmp_path / "ig/package"
    folder.mkdir(parents=True)
    (folder / "package.json").write_bytes(GOOD[1])
    os.mkfifo(folder / "pipe.json")
    done = fhirkit("package", "add", str(tmp_path / "ig"))
    assert (done.code, "no regular file" in done.err) == (1, True)
    (folder / "pipe.json").unlink()
    (folder / "link.json").symlink_to("/etc/passwd")
    assert "it is a link" in fhirkit("package", "add", str(tmp_path / "ig")).err
    assert not list(cache.glob("*#*"))


def _fix_checksums(raw: bytearray) -> None:
    for start in range(0, len(raw), 512):
        block = raw[start : start + 512]
        if block[257:262] == b"ustar":
            block[148:156] = b" " * 8
            raw[start + 148 : start + 156] = b"%06o\0 " % sum(block)


@pytest.mark.parametrize("size", [b"-0000000001\0", b"\xff" * 12, b"\x80" + b"\xff" * 11])
def test_p5_impossible_sizes(refused: Callable[[bytes], str], size: bytes) -> None:
    raw = bytearray(gzip.decompress(tgz(GOOD, ("package/a.json", b"{}"))))
    start = raw.rindex(b"package/a.json")
    raw[start + 124 : start + 136] = size
    _fix_checksums(raw)
    refused(gzip.compress(bytes(raw)))


@pytest.mark.parametrize(
    "record",
    [b"30 path=", b"-5 size=1\n", b"99999999999 a=b\n", b"0 x=y\n", b"18 size=-100000\n\n"],
)
def test_p5_broken_pax_headers(refused: Callable[[bytes], str], record: bytes) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        info = tarfile.TarInfo("PaxHeader")
        info.type, info.size = tarfile.XHDTYPE, len(record)
        tar.addfile(info, io.BytesIO(record))
    head = gzip.decompress(out.getvalue())[:1024]
    rest = gzip.decompress(tgz(("package/a.json", b"{}")))
    refused(gzip.compress(head + rest))


def test_p6_bombs(refused: Callable[[bytes], str]) -> None:
    err = refused(tgz(GOOD, ("package/a.json", b"\0" * 60_000_000)))
    assert "bomb" in err


def test_p6_a_nested_gzip_stays_shut(fhirkit: Run, cache: Path, tmp_path: Path) -> None:
    inner = gzip.compress(gzip.compress(b"\0" * 50_000_000))
    (tmp_path / "given.tgz").write_bytes(package(NAME, extra=(("package/other/x.gz", inner),)))
    assert fhirkit("package", "add", "given.tgz").code == 0
    assert (cache / f"{NAME}#1.0.0/package/other/x.gz").read_bytes() == inner


def test_p6_very_many_members(
    refused: Callable[[bytes], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fhirkit.definitions.package.MAX_MEMBERS", 1000)
    refused(tgz(GOOD, *((f"package/{n}", b"") for n in range(1001))))


@pytest.mark.parametrize(
    "names",
    [
        ("package/package.json", "package/x.json"),
        ("package/a.json", "package/A.json"),
        ("package/\u00e9.json", "package/e\u0301.json"),
        ("package/a", "package/a/b.json"),
        ("package/a/b.json", "package/A"),
    ],
)
def test_p7_two_members_for_one_file(
    refused: Callable[[bytes], str], names: tuple[str, str]
) -> None:
    refused(tgz(GOOD, *((name, GOOD[1]) for name in names)))


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("../../x", "1.0.0"),
        ("/etc/x", "1.0.0"),
        ("a#b", "1.0.0"),
        ("a b", "1.0.0"),
        ("", "1.0.0"),
        ("con.x", "1.0.0"),
        ("a..b", "1.0.0"),
        ("x" * 200, "1.0.0"),
        (NAME, "../1"),
        (NAME, "1.0.0/../../x"),
        (NAME, "1.x"),
        (NAME, "latest"),
        (NAME, "current"),
        (NAME, ""),
    ],
)
def test_p8_a_package_may_not_call_itself_anything(
    refused: Callable[[bytes], str], name: str, version: str
) -> None:
    refused(tgz(manifest(name, version)))


@pytest.mark.parametrize("member", ["scripts", "bin"])
def test_p11_what_npm_would_run_is_named_and_not_run(
    fhirkit: Run, cache: Path, tmp_path: Path, member: str
) -> None:
    trap = {"postinstall": f"touch {tmp_path}/ran", "preinstall": f"touch {tmp_path}/ran"}
    (tmp_path / "given.tgz").write_bytes(package(NAME, **{member: trap}))
    done = fhirkit("package", "add", "given.tgz", "--json")
    assert done.code == 0
    (issue,) = done.json["issues"]
    assert (issue["rule"], issue["severity"]) == ("package-scripts", "information")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "web page"),
        (b"\n <html>", "web page"),
        (b'{"error": "not found"}', "no gzipped archive"),
        (package(NAME)[:-20], "damaged"),
        (package(NAME)[: len(package(NAME)) // 2], "damaged"),
        (b"\x1f\x8b", "damaged"),
        (gzip.compress(b"not a tar"), "damaged"),
        (gzip.compress(b""), "damaged"),
        (tgz(("package/a.json", b"{}")), "no package/package.json"),
        (tgz(("package/package.json", b"[]")), "not a JSON object"),
    ],
    # Compressed bytes hold the time: as names of tests they would change from run to run.
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_p13_what_is_no_package(refused: Callable[[bytes], str], data: bytes, said: str) -> None:
    assert said in refused(data)


def test_p13_every_cut_is_seen(cache: Path) -> None:
    from fhirkit.core.errors import InvalidInput
    from fhirkit.definitions.contents import Contents

    whole = package(NAME)
    for length in range(len(whole)):
        with pytest.raises(InvalidInput):
            Contents.of_archive(whole[:length], label="cut").survey()


def test_an_unreadable_resource_is_said_and_left_aside(
    fhirkit: Run, cache: Path, tmp_path: Path
) -> None:
    extra = (("package/ValueSet-broken.json", b'{"resourceType": '),)
    (tmp_path / "given.tgz").write_bytes(package(NAME, extra=extra))
    done = fhirkit("package", "add", "given.tgz", "--json")
    assert [issue["rule"] for issue in done.json["issues"]] == ["package-unreadable-file"]
    index = json.loads((cache / f"{NAME}#1.0.0/package/.index.json").read_bytes())
    assert [entry["filename"] for entry in index["files"]] == ["StructureDefinition-thing.json"]
