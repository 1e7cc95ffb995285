"""The core definitions a validator goes by: the embedded R4 ones, or those of a core package.

A core package is compiled once, into a file that is known by the hash of everything it is made
from, so that a changed package or compiler is another file (``core.derived``).
"""

from __future__ import annotations

import hashlib
import sqlite3
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from fhirkit.core.derived import DerivedFiles, program
from fhirkit.core.errors import UsageError
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


def core_connection(package: Package | None, kept: DerivedFiles) -> sqlite3.Connection:
    """The compiled definitions of a core package; without one the embedded R4 definitions.

    They are kept among the files of ``kept``, and in memory where none can be. ``InvalidInput``
    when the package cannot be compiled.
    """
    if package is None:
        return embedded.connect()
    key = core_key(package, kept)
    made = partial(_write, package=package, key=key)
    path = kept.made(f"{package.name}-{package.version}", key, ".sqlite", made)
    return _in_memory(package, key) if path is None else embedded.connect(path)


def core_key(package: Package | None, kept: DerivedFiles) -> str:
    """A key of the definitions that everything rests on, and of the program that compiles them."""
    whole = hashlib.sha256(f"{_program()}{embedded.LAYOUT}".encode())
    if package is None:
        row = embedded.connect().execute("SELECT value FROM about WHERE key = 'inputs'").fetchone()
        whole.update(repr(row).encode())
    else:
        from fhirkit.definitions.fingerprint import fingerprint

        whole.update(fingerprint(package, kept).encode())
    return whole.hexdigest()


@lru_cache(maxsize=1)
def _program() -> str:
    home = Path(__file__).resolve().parent.parent
    return program(*(home / room for room in _COMPILER))


def _write(path: Path, package: Package, key: str) -> None:
    from fhirkit.schema.database import write_database

    write_database(path, package, key)


def _in_memory(package: Package, key: str) -> sqlite3.Connection:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as making:
        fresh = Path(making) / "core.sqlite"
        _write(fresh, package, key)
        kept = sqlite3.connect(":memory:", check_same_thread=False)
        source = sqlite3.connect(fresh)
        source.backup(kept)
        source.close()
    return kept
