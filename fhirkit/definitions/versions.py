"""Names and versions of packages: what is one, which of several is meant, which is newer.

FHIR's rules (https://hl7.org/fhir/R4/packages.html and the FHIR package registry's): a dependency
names one version, or leaves its last parts open (``1.2.x``), or says ``latest``. npm's ranges are
not among them. ``current`` and ``dev`` name builds that change from day to day.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from fhirkit.core.errors import UsageError
from fhirkit.core.folders import is_portable

LATEST = "latest"

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?=[A-Za-z0-9]))*")
_VERSION = re.compile(r"[0-9]+(?:\.[0-9]+)*(?:[-+][A-Za-z0-9.+-]*[A-Za-z0-9])?")
_OPEN = re.compile(r"[0-9]+(?:\.[0-9]+)*(?:\.[xX*])+")
_LONGEST = 128


class PackageId(NamedTuple):
    """One released package: name and exact version; renders as ``name@version``."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


def refusal(name: str, asked: str) -> str | None:
    """Why ``name`` in the version ``asked`` cannot be looked for at all; None when it can."""
    if _NAME.fullmatch(name) is None or len(name) > _LONGEST or not is_portable(f"{name}#1"):
        return "that is no name of a FHIR package"
    if is_exact(asked) or is_open(asked) or asked == LATEST:
        return None
    build = asked.partition("$")[0]
    if build in ("current", "dev"):
        return f"{build!r} names a build that changes without changing its name"
    return "a FHIR version is exact (1.2.3), open at its end (1.2.x) or latest"


def is_exact(asked: str) -> bool:
    """Whether this names exactly one version."""
    return _VERSION.fullmatch(asked) is not None and len(asked) <= _LONGEST and ".." not in asked


def is_open(asked: str) -> bool:
    """Whether this leaves the last parts of a version open (``1.2.x``)."""
    return _OPEN.fullmatch(asked) is not None and len(asked) <= _LONGEST


def parse(text: str) -> PackageId:
    """``NAME@VERSION`` (or ``NAME#VERSION``) as it may be asked for; ``UsageError`` otherwise."""
    name, mark, asked = text.replace("#", "@", 1).partition("@")
    if not mark or not asked:
        raise UsageError(
            f"{text}: expected NAME@VERSION, a .tgz file or a folder",
            advice=f"for example {name or 'example.package'}@1.0.0, or @latest",
        )
    why = refusal(name, asked)
    if why is not None:
        raise UsageError(f"{text}: {why}", advice="ask for a released version: NAME@1.2.3")
    return PackageId(name, asked)


def fits(version: str, asked: str) -> bool:
    """Whether a version is one of those asked for. A pre-release only fits its own name."""
    if asked == LATEST:
        return True
    if is_open(asked):
        fixed = [part for part in asked.split(".") if part.isdigit()]
        return version.split(".")[: len(fixed)] == fixed and is_release(version)
    return version == asked


def choose(asked: str, versions: Iterable[str], *, latest: str | None = None) -> str | None:
    """The version meant by ``asked``: the highest release that fits, or None.

    ``latest`` is what the registry calls so. Without it, and without any release, ``latest``
    means the highest pre-release.
    """
    known = {version for version in versions if is_exact(version)}
    if asked == LATEST and latest in known:
        return latest
    fitting = [version for version in known if fits(version, asked)]
    released = [version for version in fitting if is_release(version)]
    return max(released or fitting, key=order, default=None)


def is_release(version: str) -> bool:
    """Whether the version has no label (``-ballot``, ``-cibuild``)."""
    return "-" not in version.partition("+")[0]


def order(version: str) -> tuple[object, ...]:
    """A sort key for any text: numbers as numbers, a release above its pre-releases.

    No version at all is the lowest.
    """
    core, dash, label = version.partition("+")[0].partition("-")
    return (_parts(core), not dash, _parts(label), version)


def _parts(text: str) -> tuple[tuple[int, int, str], ...]:
    # A number counts less than a word, as in semantic versioning.
    return tuple(
        (0, int(part), "") if part.isascii() and part.isdigit() and len(part) < 19 else (1, 0, part)
        for part in (text.split(".") if text else ())
    )
