"""Packages from a registry into the cache: fetched, checked against the lock, then kept.

Nothing that fails a check gets into the cache, and what is in the cache is checked as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from fhirkit.core.errors import FhirkitError
from fhirkit.core.issues import Issue
from fhirkit.definitions.cache import PackageCache
from fhirkit.definitions.contents import Contents
from fhirkit.definitions.lock import Lock
from fhirkit.definitions.package import Package
from fhirkit.definitions.resolve import Resolution, resolve
from fhirkit.definitions.versions import PackageId, choose


class Listing(Protocol):
    """What a registry has of one package."""

    @property
    def versions(self) -> Sequence[str]:
        """Every version."""

    @property
    def latest(self) -> str | None:
        """The version that the registry calls the latest."""


class Source(Protocol):
    """A registry, or several of which each has names of its own."""

    def listing(self, name: str) -> Listing | None:
        """The versions of a package; None when the registry in charge has no such package."""

    def fetch(self, wanted: PackageId) -> bytes | None:
        """The archive of one package; None when the registry in charge has none."""


@dataclass(slots=True)
class Installer:
    """The cache, and a registry behind it when there is one: a ``Supply`` for ``resolve``.

    With ``frozen`` only packages of the lock are taken; with ``anew`` its choices of open versions
    are forgotten, and only its hashes are kept. ``added`` and ``issues`` tell afterwards
    what came new into the cache and what was noticed about it.
    """

    cache: PackageCache
    source: Source | None = None
    lock: Lock = field(default_factory=Lock)
    frozen: bool = False
    anew: bool = False
    added: list[PackageId] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    _digests: dict[PackageId, str] = field(default_factory=dict)

    def add(self, contents: Contents, wanted: PackageId | None = None) -> PackageId:
        """Take an archive or folder into the cache, if it is what the lock holds."""
        survey = contents.survey(wanted)
        if self.frozen:
            self.lock.require(survey.id)
        self.lock.check(survey.id, survey.digest)
        if self.cache.add(contents, survey):
            self.added.append(survey.id)
        self.issues.extend(survey.issues)
        self._digests[survey.id] = survey.digest
        return survey.id

    def find_version(self, name: str, asked: str) -> str | None:
        """The version meant: with ``frozen`` by the lock, else by the registry, else the cache."""
        if self.frozen:
            return choose(asked, [one.version for one in self.lock.packages if one.name == name])
        listing = self.source.listing(name) if self.source is not None else None
        if listing is None:
            return self.cache.find_version(name, asked)
        return choose(asked, listing.versions, latest=listing.latest)

    def package(self, wanted: PackageId) -> Package | None:
        """The package from the cache, fetched before if need be; None when nobody has it.

        ``Blocked`` when its content is not what the lock holds.
        """
        if self.frozen and wanted not in self.lock.packages:
            return None
        found = self.cache.get(*wanted)
        if found is not None:
            self.lock.check(wanted, self.digest(wanted))
            return found
        data = self.source.fetch(wanted) if self.source is not None else None
        if data is None:
            return None
        self.add(Contents.of_archive(data, label=str(wanted)), wanted)
        return self.cache.get(*wanted)

    def digest(self, wanted: PackageId) -> str:
        """The hash of a package's content in the cache, computed once."""
        if wanted not in self._digests:
            self._digests[wanted] = self.cache.digest(*wanted)
        return self._digests[wanted]

    def resolve(self, roots: Sequence[PackageId]) -> Resolution:
        """The roots with all that they need, by the choices of the lock where it has made them."""
        return resolve(roots, self, pins=None if self.anew else self.lock.choices)

    def locked(self, resolution: Resolution) -> Lock:
        """The lock file for a resolution."""
        return Lock.of(resolution, self.digest)

    def write_lock(self, path: Path, lock: Lock) -> bool:
        """Write the lock file, unless another run has changed it since it was read.

        Then nothing is written, and ``self.lock`` is what it says now: resolve again.
        """
        with ExitStack() as stack:
            # A cache that cannot be written to has no other writer to wait for either.
            with suppress(FhirkitError):
                stack.enter_context(self.cache.writing())
            now = Lock.read(path)
            if now != self.lock:
                self.lock = now
                return False
            lock.write(path)
            return True
