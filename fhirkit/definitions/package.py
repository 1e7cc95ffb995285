"""Read a FHIR package: the one place where archives are opened, and nothing is ever extracted.

A package (https://hl7.org/fhir/R4/packages.html) is a gzipped tar from somebody else. Members are
read in order into memory; the caller decides what to do with the bytes. Names, kinds, counts and
sizes are checked before a member is believed.
"""

from __future__ import annotations

import io
import re
import tarfile  # noqa: TID251  # the chokepoint for archives
import unicodedata
import zipfile  # noqa: TID251  # the chokepoint for archives
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from gzip import GzipFile
from pathlib import Path
from typing import IO, Any, Self

from fhirkit.core.files import read_bytes
from fhirkit.core.jsonio import loads
from fhirkit.definitions.index import CanonicalIndex, Row
from fhirkit.definitions.manifest import Manifest, read_manifest
from fhirkit.definitions.manifest import refused as _refused

MAX_MEMBERS = 50_000
MAX_MEMBER_BYTES = 64 * 1024 * 1024
MAX_TOTAL_BYTES = 1024 * 1024 * 1024
#: Real packages shrink 8 to 30 times; a gzip bomb a thousand times.
MAX_RATIO = 200

_TYPE_IN_NAME = re.compile(r"([A-Z][A-Za-z]+)-")
_BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class Package:
    """A package: its manifest, and the bytes of each JSON file of ``package/``.

    ``files`` may be in memory or read one by one on demand (``cache.py``); ``dependencies`` are
    the versions that are asked for, by package name; ``index`` finds a file by its canonical.
    """

    name: str
    version: str
    fhir_versions: tuple[str, ...]
    files: Mapping[str, bytes]
    dependencies: Mapping[str, str] = field(default_factory=dict)
    index: CanonicalIndex | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, manifest: Manifest, files: Mapping[str, bytes]) -> Self:
        """A package from its manifest and its files."""
        return cls(
            manifest.name,
            manifest.version,
            manifest.fhir_versions,
            files,
            manifest.dependencies,
            CanonicalIndex(files),
        )

    def find(self, canonical: str, *types: str) -> dict[str, Any] | None:
        """The resource that a canonical (``url`` or ``url|version``) names, or None.

        Of several versions the highest, when none is asked for.
        """
        index = self.index or CanonicalIndex(self.files)
        return index.find(canonical, types)

    def listed(self) -> list[Row]:
        """Every file and the canonical it defines, the highest version of a canonical first."""
        return (self.index or CanonicalIndex(self.files)).rows()

    def resources(self, *types: str) -> Iterator[dict[str, Any]]:
        """The resources of these types (all when none is named), in the order of file names."""
        for resource, _ in self.texts(*types):
            yield resource

    def texts(self, *types: str) -> Iterator[tuple[dict[str, Any], bytes]]:
        """The resources of these types, each with the text of its file.

        Where a file's name tells another type (``Patient-x.json``), as those of published packages
        do, the file is not parsed.
        """
        for name in sorted(self.files):
            told = _TYPE_IN_NAME.match(name)
            if types and told is not None and told[1] not in types:
                continue
            text = self.files[name]
            resource = loads(text, file=name)
            if isinstance(resource, dict) and (not types or resource.get("resourceType") in types):
                yield resource, text


def read_package(source: Path | bytes, *, name: str = "package") -> Package:
    """Read a ``.tgz`` package. ``InvalidInput`` when it is damaged, hostile or no FHIR package."""
    if isinstance(source, Path):
        name, source = str(source), read_bytes(source)
    files: dict[str, bytes] = {}
    for path, data in members(source, name=name):
        folder, _, file = path.rpartition("/")
        if folder == "package" and file.endswith(".json") and not file.startswith("."):
            files[file] = data
    manifest_bytes = files.pop("package.json", None)
    if manifest_bytes is None:
        raise _refused(name, "it holds no package/package.json, so it is no FHIR package")
    manifest = read_manifest(manifest_bytes, name=name)
    return Package.of(manifest, files)


def members(data: bytes, *, name: str = "archive") -> Iterator[tuple[str, bytes]]:
    """Every regular file of a gzipped tar as (name, bytes), checked one by one."""
    seen: set[str] = set()
    total = 0
    try:
        with GzipFile(fileobj=io.BytesIO(data)) as unzipped:
            stream = _Capped(unzipped, limit=_total_limit(data))
            # Stream mode only ever reads forward, so that no header can send it in a circle.
            with tarfile.open(fileobj=stream, mode="r|") as tar:
                for count, member in enumerate(tar, start=1):
                    if count > MAX_MEMBERS:
                        raise _refused(name, f"it has more than {MAX_MEMBERS} members")
                    if member.isdir():
                        continue
                    path = _checked_name(name, member.name, seen)
                    if not member.isreg() or member.issparse():
                        raise _refused(name, f"member {path!r} is a link, device or sparse file")
                    if member.mode & 0o7000:
                        raise _refused(name, f"member {path!r} asks for special rights")
                    if not 0 <= member.size <= MAX_MEMBER_BYTES:
                        raise _refused(name, f"member {path!r} is larger than allowed")
                    total += member.size
                    handle = tar.extractfile(member)
                    content = handle.read() if handle is not None else b""
                    if len(content) != member.size:
                        raise _refused(name, f"member {path!r} is cut short")
                    yield path, content
            # To the very end: only there stands the checksum of what was read.
            while stream.read(1 << 20):
                pass
    except _TooLargeError:
        raise _refused(
            name, "it unpacks to more than is plausible (a decompression bomb?)"
        ) from None
    except _BROKEN as problem:
        raise _refused(name, f"it is damaged ({type(problem).__name__})") from None


def zip_member(path: Path, wanted: str) -> bytes:
    """One member of a zip file (a Python wheel is one), by its exact name."""
    try:
        with zipfile.ZipFile(path) as archive:
            info = archive.getinfo(wanted)
            if info.file_size > MAX_MEMBER_BYTES:
                raise _refused(str(path), f"member {wanted!r} is larger than allowed")
            with archive.open(info) as handle:
                content = handle.read(MAX_MEMBER_BYTES + 1)
    except KeyError:
        raise _refused(str(path), f"it has no member {wanted!r}") from None
    except _BROKEN as problem:
        raise _refused(str(path), f"it is damaged ({type(problem).__name__})") from None
    if len(content) > MAX_MEMBER_BYTES:
        raise _refused(str(path), f"member {wanted!r} is larger than allowed")
    return content


class _TooLargeError(Exception):
    """More bytes came out than the cap allows."""


class _Capped(io.RawIOBase):
    """A reader that stops once too much came out of it."""

    def __init__(self, stream: IO[bytes] | GzipFile, limit: int) -> None:
        super().__init__()
        self._stream = stream
        self._left = limit

    def read(self, size: int = -1, /) -> bytes:
        """As asked, at most a megabyte at a time."""
        data = self._stream.read(min(size, 1 << 20) if size >= 0 else 1 << 20)
        self._left -= len(data)
        if self._left < 0:
            raise _TooLargeError
        return data


def _total_limit(data: bytes) -> int:
    return min(MAX_TOTAL_BYTES, max(len(data) * MAX_RATIO, 1 << 22))


def _checked_name(archive: str, path: str, seen: set[str]) -> str:
    """The member's name, when it is a plain relative one and no other could be taken for it."""
    parts = path.split("/")
    if (
        not path
        or path.startswith("/")
        or "\\" in path
        or ":" in path
        or any(part in ("", ".", "..") for part in parts)
        or any(ord(char) < 0x20 or ord(char) == 0x7F for char in path)
        or len(path) > 1000
    ):
        raise _refused(archive, f"member name {path[:80]!r} is not a plain relative path")
    key = unicodedata.normalize("NFC", path).casefold()
    if key in seen:
        raise _refused(archive, f"two members are called {path[:80]!r} (but for case or accents)")
    seen.add(key)
    return path
