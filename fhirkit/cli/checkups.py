"""What `fhirkit doctor` looks at in the installation and the folder, one function a subject.

Nothing is changed or fetched.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fhirkit.core.errors import FhirkitError
from fhirkit.definitions.versions import is_exact

if TYPE_CHECKING:
    from fhirkit.definitions.cache import PackageCache

#: fine; worth knowing; wrong.
State = Literal["ok", "note", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The state of one subject, and what to do where it is not ok."""

    subject: str
    state: State
    message: str
    advice: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON form, without absent members."""
        return {name: value for name, value in asdict(self).items() if value}


#: The first libxml2 without a known hole.
LIBXML2_SAFE_SINCE = (2, 14, 5)
#: Extra → the module that it brings.
_EXTRAS = {"lsp": "pygls", "smart": "jwt", "keyring": "keyring"}
#: Library → the first version without a known hole, and the hole.
SAFE_SINCE = {
    "jinja2": ("3.1.6", "CVE-2025-27516"),
    "lxml": ("6.0.2", "old libxml2"),
    "orjson": ("3.11.6", "CVE-2025-67221"),
    "requests": ("2.33", "CVE-2024-47081, CVE-2026-25645"),
    "urllib3": ("2.6.3", "CVE-2026-21441"),
    "PyJWT": ("2.13", "CVE-2026-48523"),
    "pydicom": ("3.0.2", "CVE-2026-32711"),
}


def versions() -> Iterator[Finding]:
    """fhirkit, Python, and libraries of which older versions have known holes."""
    from importlib.metadata import PackageNotFoundError, version
    from importlib.util import find_spec

    from fhirkit import __version__

    python = ".".join(map(str, sys.version_info[:3]))
    extras = [name for name, module in _EXTRAS.items() if find_spec(module) is not None]
    also = f", with {', '.join(extras)}" if extras else ""
    yield Finding("fhirkit", "ok", f"{__version__} on Python {python}{also}")
    for name, (safe, hole) in SAFE_SINCE.items():
        try:
            present = version(name)
        except PackageNotFoundError:
            continue  # an extra that is not here
        if _numbers(present) < _numbers(safe):
            advice = f"pip install --upgrade '{name}>={safe}'"
            yield Finding(name, "wrong", f"{present} has a known hole ({hole})", advice)
    yield from _libxml2()
    yield _gate()


def _gate() -> Finding:
    """Whether the native code is there that makes checks quicker."""
    from fhirkit.validate.gate.library import library

    if library() is not None:
        return Finding("native gate", "ok", "built, and used where many records are checked")
    message = "not built, so checks take somewhat longer; findings are the same"
    return Finding("native gate", "note", message, "install fhirkit where rustc is on the PATH")


def _libxml2() -> Iterator[Finding]:
    """The parser inside lxml: one built here takes the system's, however old that is."""
    from lxml import etree

    present = etree.LIBXML_VERSION
    if present < LIBXML2_SAFE_SINCE:
        shown, safe = (".".join(map(str, one)) for one in (present, LIBXML2_SAFE_SINCE))
        message = f"{shown}, which lxml uses, has known holes (CVE-2025-32414, CVE-2025-49794)"
        advice = f"pip install --force-reinstall --only-binary=lxml lxml, or libxml2 {safe}"
        yield Finding("libxml2", "wrong", message, advice)


def _numbers(text: str) -> tuple[int, ...]:
    import re

    return tuple(int(number) for number in re.findall(r"\d+", text)[:3])


def definitions() -> Iterator[Finding]:
    """The embedded R4 definitions, down to the last page of their file."""
    from fhirkit.definitions.embedded import connect

    try:
        connection = connect()
        about = dict(connection.execute("SELECT key, value FROM about"))
        (state,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except FhirkitError as problem:
        yield Finding("definitions", "wrong", problem.message, problem.advice or "")
        return
    if state == "ok":
        message = f"FHIR {about['fhir_version']} from {about['package']}"
        yield Finding("definitions", "ok", message)
    else:
        advice = "pip install --force-reinstall fhirkit"
        yield Finding("definitions", "wrong", "the file is damaged", advice)


def packages() -> Iterator[Finding]:
    """The package cache, and whether it holds what this folder's lock file says."""
    from fhirkit.cli.packages import package_cache
    from fhirkit.definitions.lock import LOCK_NAME, Lock

    try:
        cache = package_cache(None)
        count = len(cache.installed())
        lock = Lock.read(Path(LOCK_NAME))
    except FhirkitError as problem:
        yield Finding("packages", "wrong", problem.message, problem.advice or "")
        return
    writable = not cache.root.exists() or os.access(cache.root, os.W_OK)
    yield Finding("packages", "ok", f"{count} in {cache.root}")
    yield from _damaged(cache)
    if not writable:
        yield Finding("packages", "note", f"{cache.root} cannot be written to: nothing is added")
    for wanted, locked in lock.packages.items():
        if locked.embedded:
            continue
        try:
            if cache.get(*wanted) is None:
                message = f"{wanted} of {LOCK_NAME} is not in the cache"
                yield Finding("packages", "wrong", message, "fhirkit package add --locked")
                continue
            lock.check(wanted, cache.digest(*wanted))
        except FhirkitError as problem:
            yield Finding("packages", "wrong", problem.message, problem.advice or "")
    for gap in lock.missing:
        message = f"{gap.name}@{gap.version} was missing when {LOCK_NAME} was written"
        yield Finding("packages", "note", message, "fhirkit package add it")


def _damaged(cache: PackageCache) -> Iterator[Finding]:
    """Packages of the cache that cannot be used: half unpacked, or not what their folder says."""
    for name, version in cache.installed():
        try:
            cache.get(name, version)
        except FhirkitError as problem:
            if is_exact(version):  # builds (current, dev) are named as they please
                advice = problem.advice or f"fhirkit package remove {name}@{version}, then add it"
                yield Finding("packages", "wrong", problem.message, advice)


def settings() -> Iterator[Finding]:
    """The settings that `fhirkit validate` takes in this folder."""
    from fhirkit.cli.checking import Checking
    from fhirkit.cli.project import Project

    try:
        project = Project(Checking())
    except FhirkitError as problem:
        yield Finding("settings", "wrong", problem.message, problem.advice or "")
        return
    path = project.settings.path
    yield Finding("settings", "ok", "none in this folder" if path is None else f"{path}")


def caches() -> Iterator[Finding]:
    """What fhirkit keeps for this user, and whether it can."""
    from platformdirs import user_cache_path

    from fhirkit.validate.packages import kept_definitions

    for folder in {user_cache_path("fhirkit"), user_cache_path("fhirkit", appauthor=False)}:
        if not folder.is_dir():
            yield Finding("cache", "ok", f"{folder}: not there yet")
            continue
        size = sum(map(_size, folder.rglob("*")))
        for file in sorted(folder.glob("*.sqlite")):
            if not _is_whole(file):
                message = f"{file} is damaged; it is made anew when it is needed"
                yield Finding("cache", "note", message, f"rm {shlex.quote(str(file))}")
        if os.access(folder, os.W_OK):
            yield Finding("cache", "ok", f"{folder}: {size / 1e6:.1f} MB")
        else:
            message = f"{folder} cannot be written to: every run does all the work again"
            yield Finding("cache", "note", message)
    kept = kept_definitions()
    if (size := kept.size()) > 0:
        message = f"{size / 1e6:.1f} MB compiled from packages, in {kept.folder}"
        yield Finding("cache", "ok", f"{message}; `fhirkit package clear` removes it")


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0  # another process has removed it


def _is_whole(file: Path) -> bool:
    import sqlite3
    from contextlib import closing

    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
            return bool(database.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
    except sqlite3.Error:
        return False


def terminal() -> Iterator[Finding]:
    """How text reaches the terminal."""
    encoding = (sys.stdout.encoding or "unknown").lower()
    if encoding.replace("-", "") == "utf8":
        yield Finding("terminal", "ok", "UTF-8")
    else:
        message = f"standard output is {encoding}; reports are written in UTF-8 all the same"
        yield Finding("terminal", "note", message, "export LC_ALL=C.UTF-8")
