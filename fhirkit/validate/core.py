"""The core definitions a validator goes by: the embedded R4 ones, or those of a core package.

A core package is compiled once, into a file named by the hash of everything it is made from, so
that a changed package or compiler is another file, and two processes can do it at once.
"""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from fhirkit.core.errors import FhirkitError, UsageError
from fhirkit.definitions import embedded

if TYPE_CHECKING:
    from fhirkit.definitions.package import Package

#: What a file with this name in a package defines: what every element of FHIR is.
_MARK = "StructureDefinition-Element.json"
#: FHIR versions as people call them (https://hl7.org/fhir/versions.html).
_NAMES = {"R4": "4.0.1", "R4B": "4.3.0", "R5": "5.0.0"}
#: First two numbers of a version → its core package.
_PACKAGES = {"4.0": "hl7.fhir.r4.core", "4.3": "hl7.fhir.r4b.core", "5.0": "hl7.fhir.r5.core"}
_COMPILER = ("definitions", "schema")


def is_core(package: Package) -> bool:
    """Whether a package defines a FHIR version itself, rather than something on top of one."""
    return _MARK in package.files


def exact_version(asked: str) -> str:
    """``R5`` or ``5.0.0`` as ``5.0.0``; ``UsageError`` for what is no version of FHIR."""
    version = _NAMES.get(asked.upper(), asked)
    parts = version.partition("-")[0].split(".")
    if len(parts) != 3 or not all(part.isdigit() for part in parts):  # major.minor.patch
        known = ", ".join(f"{name} ({number})" for name, number in _NAMES.items())
        raise UsageError(
            f"{asked!r} is no FHIR version", advice=f"write it in full: 5.0.0, or one of {known}"
        )
    return version


def core_package_name(version: str) -> str | None:
    """The name under which HL7 publishes the core package of a FHIR version."""
    return _PACKAGES.get(version.rpartition(".")[0])


def is_embedded(version: str) -> bool:
    """Whether the embedded definitions are those of this version."""
    return version.rpartition(".")[0] == "4.0"


def core_connection(package: Package | None, folder: Path | None = None) -> sqlite3.Connection:
    """The compiled definitions of a core package; without one the embedded R4 definitions.

    They are kept in ``folder``, by default fhirkit's cache folder of this user, and in memory where
    that cannot be written to. ``InvalidInput`` when the package cannot be compiled.
    """
    if package is None:
        return embedded.connect()
    if folder is None:
        from platformdirs import user_cache_path

        folder = user_cache_path("fhirkit") / "definitions"
    key = _key(package)
    path = folder / f"{package.name}-{package.version}-{key[:16]}.sqlite"
    found = _open(path, key)
    if found is not None:
        return found
    try:
        _build(path, package, key)
    except (OSError, sqlite3.OperationalError):
        return _in_memory(package, key)
    found = _open(path, key)
    if found is None:
        raise FhirkitError(f"{path}: the compiled definitions cannot be read back")
    return found


def _open(path: Path, key: str) -> sqlite3.Connection | None:
    """The file's connection, if it is whole and made from just these inputs."""
    if not path.is_file():
        return None
    try:
        connection = embedded.connect(path)
        row = connection.execute("SELECT value FROM about WHERE key = 'inputs'").fetchone()
        if row == (key,) and connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",):
            return connection
    except (FhirkitError, sqlite3.Error):
        pass
    embedded.connect.cache_clear()
    return None


def _build(path: Path, package: Package, key: str) -> None:
    """Compile beside the file and rename: a reader sees all of it or nothing."""
    from tempfile import TemporaryDirectory

    from filelock import FileLock

    from fhirkit.schema.database import write_database

    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if _open(path, key) is not None:
            return  # another process was quicker
        with TemporaryDirectory(dir=path.parent, prefix=".making-") as making:
            fresh = Path(making) / path.name
            write_database(fresh, package, key)
            fresh.replace(path)


def _in_memory(package: Package, key: str) -> sqlite3.Connection:
    from tempfile import TemporaryDirectory

    from fhirkit.schema.database import write_database

    with TemporaryDirectory() as making:
        fresh = Path(making) / "core.sqlite"
        write_database(fresh, package, key)
        kept = sqlite3.connect(":memory:", check_same_thread=False)
        source = sqlite3.connect(fresh)
        source.backup(kept)
        source.close()
    return kept


def _key(package: Package) -> str:
    """One hash over the package's files and the sources of the compiler."""
    digest = hashlib.sha256(f"{package.name}#{package.version}#{embedded.LAYOUT}".encode())
    stamp = getattr(package.files, "stamp", None)
    if callable(stamp):
        digest.update(stamp().encode())
    else:
        for name in sorted(package.files):
            digest.update(name.encode() + b"\0" + hashlib.sha256(package.files[name]).digest())
    home = Path(__file__).resolve().parent.parent
    for room in _COMPILER:
        for file in sorted((home / room).glob("*.py")):
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
