"""Packages for a validator: files, folders and cached ones, with what they depend on.

What a set of packages defines is compiled once, into a file of which only what is asked for is
read (``schema.package_store``). Nothing is fetched: what the cache lacks is not at hand, and
whatever needs it is said not to be checked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fhirkit.core.derived import DerivedFiles
from fhirkit.core.errors import UsageError
from fhirkit.definitions.versions import PackageId
from fhirkit.schema.extras import Given, Shelf
from fhirkit.schema.package_store import LAYOUT, PackageStore
from fhirkit.validate.core import (
    core_connection,
    core_key,
    core_package_name,
    exact_version,
    is_core,
    is_embedded,
)

if TYPE_CHECKING:
    from fhirkit.definitions.cache import PackageCache
    from fhirkit.definitions.package import Package

_KINDS = (
    "StructureDefinition",
    "ValueSet",
    "CodeSystem",
    "Questionnaire",
    "ImplementationGuide",
    "SearchParameter",
    "OperationDefinition",
    "Measure",
    "Library",
)


class Packages:
    """The packages of one validator. ``cache`` is the folder that NAME@VERSION is looked for in.

    ``kept`` is where compiled definitions are kept.
    """

    def __init__(
        self,
        sources: Iterable[Path | str],
        cache: Path | None = None,
        fhir_version: str | None = None,
        *,
        kept: DerivedFiles,
    ) -> None:
        self._kept = kept
        self._named: list[Package] = []
        self._needed: list[Package] = []
        self._cache = cache
        #: The core package to go by; None for the embedded R4 definitions.
        self.core: Package | None = None
        for source in sources:
            self._add(source)
        if fhir_version is not None:
            self._want(exact_version(fhir_version))

    def shelf(self) -> Shelf | None:
        """The definitions of the packages, compiled before or now; None when there are none."""
        if not self._named:
            return None
        # Loaded here, since most runs have no packages.
        from fhirkit.definitions.fingerprint import fingerprint

        key = hashlib.sha256(f"{LAYOUT}{core_key(self.core, self._kept)}".encode())
        for part in (self._named, self._needed):
            prints = [fingerprint(package, self._kept) for package in part]
            key.update(repr(prints).encode())
        first = self._named[0]
        name = f"{first.name}-{first.version}"
        path = self._kept.made(name, key.hexdigest(), ".sqlite", self._write)
        if path is None:
            return Given((resource for resource, _ in self._definitions()), self._find)
        return PackageStore(path, self._needed)

    def _write(self, path: Path) -> None:
        from fhirkit.schema.package_writer import write_packages

        core = core_connection(self.core, self._kept)
        write_packages(path, core, list(self._definitions()), self._needed)

    def _definitions(self) -> Iterator[tuple[dict[str, Any], bytes]]:
        """Every definition of the packages that were named, and its text; the preferred first."""
        for package in reversed(self._named):
            for resource, text in package.texts(*_KINDS):
                if isinstance(resource.get("url"), str):
                    yield resource, text

    def _find(self, url: str, kind: str) -> dict[str, Any] | None:
        """A definition of the packages that are needed by those that were named, or None."""
        for package in self._needed:
            found = package.find(url, kind)
            if found is not None:
                return found
        return None

    def _add(self, source: Path | str) -> None:
        from fhirkit.definitions.versions import is_exact, parse

        path = Path(source)
        if path.exists():
            package = _read(path, self._kept)
            if self._is_core(package):
                return
            self._named.append(package)
            asked = package.dependencies
            self._need([parse(f"{one}@{asked[one]}") for one in asked if is_exact(asked[one])])
            return
        text = str(source)
        if path.suffix == ".tgz" or "/" in text:
            raise UsageError(f"{text}: there is no such package file or folder")
        wanted = parse(text)
        supply = self._supply()
        if not is_exact(wanted.version):
            found = supply.find_version(wanted.name, wanted.version)
            wanted = wanted._replace(version=found or wanted.version)
        package_here = supply.package(wanted) if is_exact(wanted.version) else None
        if package_here is None:
            raise UsageError(
                f"{text}: is not in the package cache",
                advice=f"run `fhirkit package add {text}`, or name a .tgz file or a folder",
            )
        if not self._is_core(package_here):
            self._named.append(package_here)
            self._need([wanted])

    def _is_core(self, package: Package) -> bool:
        """Whether the package defines a FHIR version; then that is the one to go by."""
        if not is_core(package):
            return False
        version = next(iter(package.fhir_versions), package.version)
        if not is_embedded(version):
            if self.core is not None and self.core.version != package.version:
                raise UsageError(
                    f"{self.core.name} and {package.name} define different versions of FHIR",
                    advice="name one of them",
                )
            self.core = package
        return True

    def _want(self, version: str) -> None:
        """Go by this version of FHIR; ``UsageError`` when its definitions are not at hand."""
        if self.core is not None:
            if version not in self.core.fhir_versions:
                raise UsageError(
                    f"{self.core.name}@{self.core.version} is not FHIR {version}",
                    advice=f"name the core package of FHIR {version}, or another version",
                )
            return
        if is_embedded(version):
            return
        name = core_package_name(version)
        found = None if name is None else self._supply().package(PackageId(name, version))
        if found is None or not self._is_core(found):
            raise UsageError(
                f"the definitions of FHIR {version} are not at hand",
                advice=f"run `fhirkit package add {name}@{version}`"
                if name is not None
                else "name its core package with --package",
            )

    def _need(self, roots: list[PackageId]) -> None:
        """Note the packages that these need, those of them that the cache has."""
        from fhirkit.definitions.resolve import resolve

        known = {(one.name, one.version) for one in (*self._named, *self._needed)}
        for package in resolve(roots, self._supply()).ordered():
            # A core package that is merely needed must not define types of another version.
            if (package.name, package.version) not in known and not is_core(package):
                self._needed.append(package)

    def _supply(self) -> PackageCache:
        from fhirkit.definitions.cache import PackageCache

        return PackageCache(self._cache or Path("~/.fhir/packages").expanduser())


def _read(path: Path, kept: DerivedFiles) -> Package:
    """A package from a .tgz file, or from a folder that holds ``package/`` or is one itself."""
    from fhirkit.definitions.fingerprint import open_archive
    from fhirkit.definitions.folder import FolderFiles, read_regular
    from fhirkit.definitions.manifest import read_manifest
    from fhirkit.definitions.package import Package

    if not path.is_dir():
        return open_archive(path, kept)
    inner = path / "package" if (path / "package").is_dir() else path
    if not (inner / "package.json").is_file():
        raise UsageError(f"{path}: holds no package.json, so it is no FHIR package")
    manifest = read_manifest(read_regular(inner / "package.json"), name=str(path))
    return Package.of(manifest, FolderFiles(inner))


def kept_definitions() -> DerivedFiles:
    """Where compiled definitions are kept for this user."""

    def folder() -> Path:
        from platformdirs import user_cache_path

        return user_cache_path("fhirkit") / "definitions"

    return DerivedFiles(folder)
