"""What a package's content is, as a key for what is derived from it.

A key is a SHA-256 of contents. Since reading thousands of files takes longer than using what was
derived from them, the key of a folder is remembered by the names, sizes, times and numbers of
its files; not while the last change is so fresh that another could have left the same times.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from fhirkit.core.derived import DerivedFiles
from fhirkit.core.files import read_bytes
from fhirkit.definitions.folder import FolderFiles, NamedFiles
from fhirkit.definitions.index import CanonicalIndex
from fhirkit.definitions.manifest import Manifest
from fhirkit.definitions.package import Package, read_package

#: Nanoseconds after which a change of a file shows in its times.
_SETTLED = 2_000_000_000
_FACTS, _DIGEST = ".json", ".txt"


class _Facts(msgspec.Struct, frozen=True):
    """What has to be known of an archive so that it need not be unpacked."""

    name: str
    version: str
    fhir_versions: tuple[str, ...]
    dependencies: dict[str, str]
    files: tuple[str, ...]


_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder(_Facts).decode


class ArchiveFiles(NamedFiles):
    """The JSON files of an archive; it is unpacked when the first is asked for."""

    def __init__(self, key: str, names: tuple[str, ...], unpack: Callable[[], Package]) -> None:
        #: The SHA-256 of the archive.
        self.key = key
        self._names = dict.fromkeys(names)
        self._unpack = unpack
        self._files: Mapping[str, bytes] | None = None

    def _read(self, name: str) -> bytes:
        if self._files is None:
            self._files = self._unpack().files
        return self._files[name]


def open_archive(path: Path, kept: DerivedFiles) -> Package:
    """A package from a ``.tgz`` file, not unpacked before it has to be.

    ``kept`` is where the facts about archives are kept. Errors as of ``read_package``.
    """
    data = read_bytes(path)
    key = hashlib.sha256(data).hexdigest()
    facts = _kept_facts(kept, key)
    if facts is None:
        package = read_package(data, name=str(path))
        facts = _Facts(
            package.name,
            package.version,
            package.fhir_versions,
            dict(package.dependencies),
            tuple(sorted(package.files)),
        )
        encoded = _ENCODE(facts)
        kept.made("archive", _key(key), _FACTS, lambda fresh: _write(fresh, encoded))
        files = ArchiveFiles(key, facts.files, lambda: package)
    else:
        files = ArchiveFiles(key, facts.files, lambda: read_package(data, name=str(path)))
    return Package(
        facts.name,
        facts.version,
        facts.fhir_versions,
        files,
        facts.dependencies,
        CanonicalIndex(files),
    )


def fingerprint(package: Package, kept: DerivedFiles) -> str:
    """A key of all that a package says, manifest included."""
    manifest = Manifest(
        package.name, package.version, package.fhir_versions, dict(package.dependencies)
    )
    whole = hashlib.sha256(manifest.canonical_bytes())
    whole.update(_content(package.files, kept).encode())
    return whole.hexdigest()


def _content(files: Mapping[str, bytes], kept: DerivedFiles) -> str:
    if isinstance(files, ArchiveFiles):
        return files.key
    if not isinstance(files, FolderFiles):
        return _digest(files)
    state = files.state()
    remembered = kept.find("folder", _key(state.key), _DIGEST)
    if remembered is not None:
        return remembered.read_text("ascii")
    digest = _digest(files)
    # Only what did not change while it was read, nor right before, can be known by its times.
    if time.time_ns() - state.changed > _SETTLED and files.state() == state:
        kept.made(
            "folder", _key(state.key), _DIGEST, lambda fresh: _write(fresh, digest.encode("ascii"))
        )
    return digest


def _digest(files: Mapping[str, bytes]) -> str:
    whole = hashlib.sha256()
    for name in files:
        data = hashlib.sha256(files[name]).hexdigest()
        whole.update(f"{name}\0{data}\n".encode("utf-8", "surrogatepass"))
    if isinstance(files, FolderFiles) and files.listing is not None:
        whole.update(hashlib.sha256(files.listing).digest())
    return whole.hexdigest()


def _key(of: str) -> str:
    return hashlib.sha256(f"1\0{of}".encode()).hexdigest()


def _kept_facts(kept: DerivedFiles, key: str) -> _Facts | None:
    path = kept.find("archive", _key(key), _FACTS)
    if path is None:
        return None
    try:
        return _DECODE(path.read_bytes())
    except (OSError, msgspec.MsgspecError):
        return None


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)
