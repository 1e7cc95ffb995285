"""What a package holds before it is in the cache: an archive or a folder, surveyed as a whole.

The survey reads everything once and writes nothing. Only what passed it is read a second time to
be stored, and must then be the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fhirkit.core.errors import InvalidInput
from fhirkit.core.files import read_bytes
from fhirkit.core.folders import is_portable
from fhirkit.core.issues import Issue, Severity
from fhirkit.core.jsonio import loads
from fhirkit.definitions.folder import folder_entries
from fhirkit.definitions.index import index_bytes, index_entry
from fhirkit.definitions.manifest import Manifest, read_manifest, refused
from fhirkit.definitions.package import members
from fhirkit.definitions.versions import PackageId, is_exact, refusal

_MANIFEST = "package/package.json"
Entries = Iterator[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Survey:
    """What reading a package through has shown.

    ``digest`` is the SHA-256 (hex) of its content: the same for an archive, however it was packed,
    and for a folder that any FHIR tool unpacked it to. ``index`` is an ``.index.json`` for it.
    """

    manifest: Manifest
    digest: str
    index: bytes
    issues: tuple[Issue, ...] = ()

    @property
    def id(self) -> PackageId:
        """Name and version as the manifest has them."""
        return PackageId(self.manifest.name, self.manifest.version)


@dataclass(frozen=True, slots=True)
class Contents:
    """A package's files as (path, bytes), which can be gone through again and again."""

    label: str
    entries: Callable[[], Entries]

    @classmethod
    def of_archive(cls, data: bytes, *, label: str) -> Contents:
        """A ``.tgz``; ``InvalidInput`` when it is nothing of the kind."""
        _check_gzip(data, label)
        return cls(label, lambda: members(data, name=label))

    @classmethod
    def of_path(cls, path: Path) -> Contents:
        """A ``.tgz`` file, or a folder that holds ``package/`` or is one itself."""
        if path.is_dir():
            return cls(str(path), lambda: folder_entries(path))
        return cls.of_archive(read_bytes(path), label=str(path))

    def survey(self, wanted: PackageId | None = None) -> Survey:
        """Read it all through. ``InvalidInput`` when it is damaged, hostile, no FHIR package, or
        another one than ``wanted``.
        """
        reader = _Reader(self.label)
        for path, data in self.entries():
            reader.take(path, data)
        survey = reader.survey()
        _check_identity(self.label, survey.id, wanted)
        return survey


class ContentDigest:
    """The SHA-256 that a lock file holds (``Survey.digest``), from files in any order.

    Left out are hidden files, which tools add, and how package.json is spelled, which they change.
    """

    def __init__(self) -> None:
        self._lines: list[bytes] = []

    def take(self, path: str, data: bytes) -> bool:
        """One file; whether it counts."""
        if path == _MANIFEST or any(part.startswith(".") for part in path.split("/")):
            return False
        line = f"{path}\0{hashlib.sha256(data).hexdigest()}\n"
        self._lines.append(line.encode("utf-8", "surrogatepass"))
        return True

    def hex(self, manifest: Manifest) -> str:
        """The digest of the files taken so far, in a package with this manifest."""
        whole = hashlib.sha256(manifest.canonical_bytes())
        for line in sorted(self._lines):
            whole.update(line)
        return whole.hexdigest()


class _Reader:
    """Takes one file after the other and remembers what the survey needs, never the bytes."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._manifest: Manifest | None = None
        self._digest = ContentDigest()
        self._index: list[dict[str, object]] = []
        self._unreadable: list[str] = []
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def take(self, path: str, data: bytes) -> None:
        """One file; ``InvalidInput`` when its name could not stand on every system."""
        self._check_path(path)
        if path == _MANIFEST:
            self._manifest = read_manifest(data, name=self._label)
        if self._digest.take(path, data):
            folder, _, name = path.rpartition("/")
            if folder == "package" and name.endswith(".json"):
                self._list(name, data)

    def _check_path(self, path: str) -> None:
        parts = path.split("/")
        if not all(map(is_portable, parts)):
            raise refused(self._label, f"{path[:80]!r} is no file name on every system")
        keys = ["/".join(parts[: n + 1]).casefold() for n in range(len(parts))]
        if keys[-1] in self._folders or not self._files.isdisjoint(keys[:-1]):
            raise refused(self._label, f"{path[:80]!r} is a file and a folder at once")
        self._files.add(keys[-1])
        self._folders.update(keys[:-1])

    def _list(self, name: str, data: bytes) -> None:
        try:
            entry = index_entry(name, loads(data, file=name))
        except InvalidInput:
            self._unreadable.append(name)
            return
        if entry is not None:
            self._index.append(entry)

    def survey(self) -> Survey:
        """What was seen; ``InvalidInput`` when there was no manifest."""
        manifest = self._manifest
        if manifest is None:
            raise refused(self._label, "it holds no package/package.json, so it is no FHIR package")
        digest = self._digest.hex(manifest)
        return Survey(manifest, digest, index_bytes(self._index), tuple(self._issues(manifest)))

    def _issues(self, manifest: Manifest) -> Iterator[Issue]:
        if manifest.runs:
            yield Issue(
                Severity.INFORMATION,
                "package-scripts",
                f"package.json has {' and '.join(manifest.runs)}; fhirkit runs nothing of it",
                issue_type="informational",
                advice="never install it with npm, which would",
                file=self._label,
            )
        if self._unreadable:
            some = ", ".join(sorted(self._unreadable)[:3])
            yield Issue(
                Severity.WARNING,
                "package-unreadable-file",
                f"{len(self._unreadable)} of its JSON files cannot be read and are left aside:"
                f" {some}",
                issue_type="structure",
                file=self._label,
            )


def _check_identity(label: str, found: PackageId, wanted: PackageId | None) -> None:
    why = refusal(*found)
    if why is not None or not is_exact(found.version):
        shown = f"{found.name[:60]!r} in version {found.version[:60]!r}"
        raise refused(label, f"it calls itself {shown}: {why or 'that is no exact version'}")
    if wanted is not None and found != wanted:
        raise refused(label, f"it is {found}, and {wanted} was asked for")


def _check_gzip(data: bytes, label: str) -> None:
    if data[:2] == b"\x1f\x8b":
        return
    head = data[:512].lstrip().lower()
    if not data:
        what = "it is empty"
    elif head.startswith((b"<!doctype html", b"<html", b"<head", b"<?xml")):
        what = "it is a web page, not a package (an error or log-in page saved as one?)"
    else:
        what = "it is no gzipped archive"
    raise refused(label, what)
