"""Adding packages as the command does it: sources, cache, registries and lock brought together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fhirkit.cli import exits
from fhirkit.cli.console import emit, emit_json, plain, say, show_issues
from fhirkit.cli.packages import REGISTRY_VARIABLE, Access, registries_of
from fhirkit.core.errors import FhirkitError, Incomplete, UsageError
from fhirkit.definitions.contents import Contents
from fhirkit.definitions.lock import LOCK_NAME, Lock
from fhirkit.definitions.supply import Installer
from fhirkit.definitions.versions import PackageId, is_exact, parse

if TYPE_CHECKING:
    from fhirkit.definitions.cache import PackageCache
    from fhirkit.definitions.resolve import Resolution
    from fhirkit.remote.registry import Registries


class Packaging:
    """One run of `package add` or `package lock` in a folder."""

    def __init__(self, path: Path, installer: Installer, registries: Registries | None) -> None:
        self.path, self.installer, self.registries = path, installer, registries

    @classmethod
    def here(
        cls, cache: PackageCache, access: Access, *, frozen: bool = False, anew: bool = False
    ) -> Packaging:
        """For the current folder's lock file. ``anew`` forgets choices and keeps hashes."""
        path = Path(LOCK_NAME)
        if frozen and not path.is_file():
            raise UsageError(f"--locked: there is no {LOCK_NAME} here")
        lock = Lock.read(path)
        registries = registries_of(access)
        return cls(path, Installer(cache, registries, lock, frozen=frozen, anew=anew), registries)

    def close(self) -> None:
        """Close the connections to registries."""
        if self.registries is not None:
            self.registries.close()

    def add(self, sources: tuple[str, ...], *, as_json: bool) -> int:
        """Take the sources and all that they and the lock's other packages need.

        Writes the lock, says what happened, and gives the exit code.
        """
        roots = list(dict.fromkeys(self._root(text) for text in sources))
        while True:
            resolution = self._resolve(roots)
            lock = self.installer.locked(resolution)
            if self.installer.frozen or self.installer.write_lock(self.path, lock):
                break
        issues = [*self.installer.issues, *resolution.issues]
        added = [str(one) for one in self.installer.added]
        if as_json:
            said = [issue.to_dict() for issue in issues]
            emit_json({"added": added, **lock.to_dict(), "issues": said})
        else:
            show_issues(issues, err=True)
            emit(plain("".join(f"{one}\n" for one in added)))
            say(f"{len(resolution.packages)} packages, {len(added)} of them new in the cache")
        for gap in resolution.missing:
            say(f"missing: {gap}{self._instead(gap.name)}")
        if resolution.missing:
            say(f"  try: {_SUPPLY}")
        return exits.INCOMPLETE if resolution.missing else exits.CLEAN

    def _resolve(self, roots: list[PackageId]) -> Resolution:
        lock = self.installer.lock
        for root in roots if self.installer.frozen else ():
            lock.require(root)
        kept = [one for one in lock.requested if one not in roots]
        resolution = self.installer.resolve([*roots, *kept])
        for gap in resolution.missing:
            if gap.needed_by is None:
                raise self._nowhere(PackageId(gap.name, gap.asked), roots)
        return resolution

    def _root(self, text: str) -> PackageId:
        """One argument: a path when it looks like one, else a name and a version."""
        path = Path(text)
        if text.endswith((".tgz", ".tar.gz")) or "/" in text or "\\" in text or path.exists():
            if not path.exists():
                raise UsageError(f"{text}: no such file or folder")
            return self.installer.add(Contents.of_path(path))
        wanted = parse(text)
        version = wanted.version
        found = version if is_exact(version) else self.installer.find_version(*wanted)
        if found is None:
            raise self._nowhere(wanted, [wanted])
        return PackageId(wanted.name, found)

    def _nowhere(self, wanted: PackageId, roots: list[PackageId]) -> FhirkitError:
        asked = "no registry is asked"
        if self.registries is not None:
            asked = "the registry in charge of it, if any, does not have it"
        message = f"{wanted} is not in the package cache, and {asked}{self._instead(wanted.name)}"
        # What this call names is its own affair; what the lock names is a gap in our knowledge.
        return (UsageError if wanted in roots else Incomplete)(message, advice=_SUPPLY)

    def _instead(self, name: str) -> str:
        versions = self.installer.cache.versions(name)
        return f" (the cache has {', '.join(versions[-5:])})" if versions else ""


_SUPPLY = (
    "add it as a .tgz file or a folder, or name a registry: --registry URL, the variable "
    f"{REGISTRY_VARIABLE}, or the config file"
)
