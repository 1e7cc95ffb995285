"""The FHIR package cache: ``NAME#VERSION/package/*.json``, shared with every other FHIR tool.

Laid out as HL7's tools do, so packages put there by others are found, and ours by them. A package
appears by one rename and is never changed afterwards; readers need no lock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fhirkit.core.errors import Blocked, FhirkitError, InvalidInput, UsageError
from fhirkit.core.files import write_atomic
from fhirkit.core.folders import remove_folder, sweep, write_folder
from fhirkit.definitions.contents import ContentDigest, Contents, Survey
from fhirkit.definitions.folder import LISTING, FolderFiles, folder_entries, read_regular
from fhirkit.definitions.index import CanonicalIndex
from fhirkit.definitions.manifest import Manifest, read_manifest, refused
from fhirkit.definitions.package import Package
from fhirkit.definitions.versions import PackageId, choose, is_exact, order, refusal

if TYPE_CHECKING:
    from fhirkit.definitions.resolve import Resolution

# HL7's tools empty a cache that lacks this file or names another layout.
_INI = b"[cache]\nversion = 4\n\n[urls]\n\n[local]\n"
_WAIT = 120.0


class PackageCache:
    """The packages below one folder, usually ``~/.fhir/packages``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, name: str, version: str) -> Path:
        """Where this package lies or would lie; ``UsageError`` for what names no package."""
        why = refusal(name, version)
        if why is None and not is_exact(version):
            why = "the cache holds exact versions"
        if why is not None:
            raise UsageError(f"{name}@{version}: {why}")
        return self.root / f"{name}#{version}"

    def get(self, name: str, version: str) -> Package | None:
        """The package, its files read on demand; None when it is not in the cache.

        ``InvalidInput`` when the folder holds another package or none, ``Blocked`` while another
        tool is still unpacking it.
        """
        folder = self.folder(name, version)
        inner = folder / "package"
        try:
            if not inner.is_dir():
                return None
        except OSError as problem:
            raise UsageError(f"{inner}: cannot be read ({problem.strerror})") from None
        manifest = self._manifest(folder, PackageId(name, version))
        files = FolderFiles(inner)
        return Package(
            name,
            version,
            manifest.fhir_versions,
            files,
            manifest.dependencies,
            CanonicalIndex(files, lambda: files.listing),
        )

    def installed(self) -> list[tuple[str, str]]:
        """(name, version) of every folder of a package; ``current`` and ``dev`` builds, too."""
        try:
            names = sorted(path.name for path in self.root.iterdir() if path.is_dir())
        except FileNotFoundError:
            return []
        except OSError as problem:
            raise UsageError(f"{self.root}: cannot be read ({problem.strerror})") from None
        split = [(name, version) for name, _, version in (one.partition("#") for one in names)]
        known = [(name, version) for name, version in split if version and not name.startswith(".")]
        return sorted(known, key=lambda one: (one[0], order(one[1])))

    def versions(self, name: str) -> list[str]:
        """The exact versions of a package that are here, lowest first."""
        return [version for one, version in self.installed() if one == name and is_exact(version)]

    def find_version(self, name: str, asked: str) -> str | None:
        """The version in the cache that is meant by ``1.2.x`` or ``latest``."""
        return choose(asked, self.versions(name))

    def digest(self, name: str, version: str) -> str:
        """The SHA-256 of a cached package's content, as a lock file holds it. Reads it all."""
        folder = self.folder(name, version)
        manifest = self._manifest(folder, PackageId(name, version))
        digest = ContentDigest()
        for path, data in folder_entries(folder):
            digest.take(path, data)
        return digest.hex(manifest)

    def stamp(self, name: str, version: str) -> str:
        """A key that changes when a cached package does, from names, sizes and times alone.

        For what is derived from a package and kept; proof of content is ``digest``.
        """
        inner = self.folder(name, version) / "package"
        whole = hashlib.sha256(f"{name}#{version}".encode())
        try:
            paths = sorted(path for path in inner.glob("*.json") if not path.name.startswith("."))
            for path in paths:
                about = path.lstat()
                whole.update(f"\n{path.name}\0{about.st_size}\0{about.st_mtime_ns}".encode())
        except OSError as problem:
            raise UsageError(f"{inner}: cannot be read ({problem.strerror})") from None
        return whole.hexdigest()

    def add(self, contents: Contents, survey: Survey) -> bool:
        """Put a surveyed package into the cache; False when it is there already.

        ``Blocked`` when the same version is there with other content: released versions never
        change, so one of the two is not what it says.
        """
        folder = self.folder(*survey.id)
        if self._there(folder, survey):
            return False
        with self.writing():
            sweep(self.root)
            if self._there(folder, survey):
                return False
            if not (self.root / "packages.ini").exists():
                write_atomic(self.root / "packages.ini", _INI, private=False)
            new = write_folder(folder, _checked(contents, survey))
        # Another tool, which knows no lock of ours, may have been quicker.
        return new or not self._there(folder, survey)

    def remove(self, name: str, version: str) -> bool:
        """Remove a package; False when it is not here."""
        folder = self.folder(name, version)
        if not folder.is_dir():
            return False
        if folder.is_symlink():
            raise UsageError(f"{folder}: is a link, so it is not removed", advice="unlink it")
        with self.writing():
            remove_folder(folder)
        return True

    def closure(
        self, name: str, version: str, *, pins: Mapping[PackageId, Mapping[str, str]] | None = None
    ) -> Resolution:
        """A package with all that it depends on, from the cache alone; what lacks is named.

        ``pins`` are the choices of a lock file (``Lock.choices``).
        """
        from fhirkit.definitions.resolve import resolve

        return resolve([PackageId(name, version)], self, pins=pins)

    def package(self, wanted: PackageId) -> Package | None:
        """As ``get``: the cache as a ``Supply`` for ``resolve``."""
        return self.get(*wanted)

    def _there(self, folder: Path, survey: Survey) -> bool:
        if not folder.exists() and not folder.is_symlink():
            return False
        try:
            same = self.digest(*survey.id) == survey.digest
        except InvalidInput:
            same = False
        if not same:
            raise Blocked(
                f"{survey.id} is in the cache with other content, and a released version never"
                " changes",
                advice=f"find out which is right; `fhirkit package remove {survey.id}` forgets the"
                " old one",
            )
        return True

    def _manifest(self, folder: Path, wanted: PackageId) -> Manifest:
        lock = folder.with_name(f"{folder.name}.lock")
        if lock.exists():
            raise Blocked(
                f"{wanted}: another FHIR tool is unpacking it ({lock.name} is in the cache)",
                advice="wait until it has ended; when none is running, delete that file",
            )
        path = folder / "package" / "package.json"
        manifest = read_manifest(read_regular(path), name=str(folder))
        if (manifest.name, manifest.version) != wanted:
            raise refused(str(folder), f"its package.json says {manifest.name}@{manifest.version}")
        return manifest

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One writer at a time, by a lock that the kernel drops when its holder dies."""
        from filelock import FileLock, Timeout

        try:
            self.root.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.root / ".fhirkit-adding", timeout=_WAIT, mode=0o644)
            lock.acquire()
        except Timeout:
            raise Blocked(f"{self.root}: another fhirkit is writing to the package cache") from None
        except OSError as problem:
            raise FhirkitError(
                f"{self.root}: the package cache cannot be written to ({problem.strerror})",
                advice="name a folder that you may write to with --cache",
            ) from None
        try:
            yield
        finally:
            lock.release()


def _checked(contents: Contents, survey: Survey) -> Iterator[tuple[str, bytes]]:
    """The files once more, with our index; ``InvalidInput`` when they changed since the survey."""
    index = f"package/{LISTING}"
    digest = ContentDigest()
    for path, data in contents.entries():
        digest.take(path, data)
        if path != index:
            yield path, data
    if digest.hex(survey.manifest) != survey.digest:
        raise refused(contents.label, "it changed while it was read")
    yield index, survey.index
