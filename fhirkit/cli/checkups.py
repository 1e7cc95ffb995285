"""What `fhirkit doctor` looks at, one function a subject. Nothing is changed or fetched."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from fhirkit.core.errors import FhirkitError

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
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


def versions() -> Iterator[Finding]:
    """fhirkit, Python, and libraries of which older versions have known holes."""
    from importlib.metadata import PackageNotFoundError, version

    from fhirkit import __version__

    python = ".".join(map(str, sys.version_info[:3]))
    yield Finding("fhirkit", "ok", f"{__version__} on Python {python}")
    for name, (safe, hole) in SAFE_SINCE.items():
        try:
            present = version(name)
        except PackageNotFoundError:
            continue  # an extra that is not here
        if _numbers(present) < _numbers(safe):
            advice = f"pip install --upgrade '{name}>={safe}'"
            yield Finding(name, "wrong", f"{present} has a known hole ({hole})", advice)


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
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        if os.access(folder, os.W_OK):
            yield Finding("cache", "ok", f"{folder}: {size / 1e6:.1f} MB")
        else:
            message = f"{folder} cannot be written to: every run does all the work again"
            yield Finding("cache", "note", message)
    kept = kept_definitions()
    if (size := kept.size()) > 0:
        message = f"{size / 1e6:.1f} MB compiled from packages, in {kept.folder}"
        yield Finding("cache", "ok", f"{message}; `fhirkit package clear` removes it")


def server() -> Iterator[Finding]:
    """Java and Maven, which only `fhirkit server` needs."""
    from fhirkit.server.tools import find_java, find_maven, require_compiler

    try:
        java = find_java(os.environ)
        yield Finding("java", "ok", f"{java.release} in {java.home}")
        require_compiler(java)
        yield Finding("maven", "ok", str(find_maven(os.environ)))
    except FhirkitError as problem:
        message = f"{problem.message}; `fhirkit server` needs it, nothing else does"
        yield Finding("server", "note", message, problem.advice or "")


def network() -> Iterator[Finding]:
    """Proxies and certificates in the environment. Their secrets are not shown."""
    yield from proxies(os.environ)
    for name in _CERTIFICATES:
        value = os.environ.get(name)
        if value and not Path(value).exists():
            message = f"{name} names {value}, which is not there"
            yield Finding("certificates", "wrong", message, f"unset {name}, or correct it")
        elif value:
            yield Finding("certificates", "note", f"{name} is {value}")


def proxies(environment: Mapping[str, str]) -> Iterator[Finding]:
    """No proxy is taken from the environment: said, since other tools take them."""
    from urllib.parse import urlsplit

    for name in sorted(environment):
        if name.lower() not in _PROXIES or not environment[name]:
            continue
        if name.lower() == "no_proxy":
            yield Finding("proxies", "note", f"{name} is set; fhirkit does not look at it")
            continue
        try:
            host = urlsplit(environment[name]).hostname or "?"
        except ValueError:
            host = "?"
        message = f"{name} names {host}; fhirkit uses a proxy only where --proxy names one"
        yield Finding("proxies", "note", message)


def terminal() -> Iterator[Finding]:
    """How text reaches the terminal."""
    encoding = (sys.stdout.encoding or "unknown").lower()
    if encoding.replace("-", "") == "utf8":
        yield Finding("terminal", "ok", "UTF-8")
    else:
        message = f"standard output is {encoding}; reports are written in UTF-8 all the same"
        yield Finding("terminal", "note", message, "export LC_ALL=C.UTF-8")


#: In the order in which they are told.
CHECKUPS: tuple[Callable[[], Iterator[Finding]], ...] = (
    versions, definitions, settings, packages, caches, server, network, terminal,
)  # fmt: skip
