"""``fhirkit.lock``: the exact packages of a piece of work and the hashes of their content.

JSON, sorted, without times or paths, so that the same packages give the same file on every
machine, and a change of it reads well in a diff.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from fhirkit.core.errors import Blocked, UsageError
from fhirkit.core.files import read_bytes, write_atomic
from fhirkit.core.jsonio import dump_bytes, loads
from fhirkit.definitions.resolve import Choices, Resolution
from fhirkit.definitions.versions import PackageId, is_exact, order, refusal

#: The file's name, in the folder that one works in.
LOCK_NAME = "fhirkit.lock"
_FORM = 1


class LockedPackage(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One package: the SHA-256 of its content, and which versions its dependencies got.

    ``embedded`` ones come with fhirkit and have no hash here.
    """

    name: str
    version: str
    sha256: str | None = None
    embedded: bool = False
    dependencies: dict[str, str] = {}  # msgspec copies it for each instance

    @property
    def id(self) -> PackageId:
        """Name and version."""
        return PackageId(self.name, self.version)


class LockedGap(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A dependency that could not be had when the file was written."""

    name: str
    version: str
    needed_by: str


class _File(msgspec.Struct, forbid_unknown_fields=True):
    lock: int
    requested: list[str] = []
    packages: list[LockedPackage] = []
    missing: list[LockedGap] = []


@dataclass(frozen=True, slots=True)
class Lock:
    """What was asked for, and every package that follows from it."""

    requested: tuple[PackageId, ...] = ()
    packages: dict[PackageId, LockedPackage] = field(default_factory=dict)
    missing: tuple[LockedGap, ...] = ()

    @classmethod
    def read(cls, path: Path) -> Lock:
        """The lock file, empty when there is none; ``UsageError`` when it cannot be trusted."""
        if not path.exists():
            return cls()
        table: Any = loads(read_bytes(path), file=str(path))
        try:
            file = msgspec.convert(table, _File)
        except msgspec.ValidationError as problem:
            raise _not_ours(path, str(problem)) from None
        if file.lock != _FORM:
            raise _not_ours(path, f"its form is {file.lock}, and this fhirkit knows {_FORM}")
        ids = [PackageId(*text.partition("@")[::2]) for text in file.requested]
        for name, version in [*ids, *(one.id for one in file.packages)]:
            if refusal(name, version) is not None or not is_exact(version):
                raise _not_ours(path, f"{name[:60]}@{version[:60]} is no exact package")
        for one in file.packages:
            if not one.embedded and not _is_sha256(one.sha256):
                raise _not_ours(path, f"{one.id} has no SHA-256")
        return cls(tuple(ids), {one.id: one for one in file.packages}, tuple(file.missing))

    def write(self, path: Path) -> bool:
        """Write the file in its one order; False when it says just that already."""
        data = self.to_bytes()
        if path.is_file() and read_bytes(path) == data:
            return False
        write_atomic(path, data, private=False)
        return True

    def to_bytes(self) -> bytes:
        """The file as it is written."""
        return dump_bytes(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """The file as plain JSON, in its one order."""
        rows = sorted(self.packages.values(), key=lambda one: _sorting(one.id))
        file: dict[str, Any] = {
            "lock": _FORM,
            "requested": [str(one) for one in sorted(set(self.requested), key=_sorting)],
            "packages": [_row(one) for one in rows],
        }
        if self.missing:
            gaps = sorted(set(self.missing), key=lambda gap: (gap.name, gap.version, gap.needed_by))
            file["missing"] = [msgspec.to_builtins(gap) for gap in gaps]
        return file

    @property
    def choices(self) -> Choices:
        """Which version each dependency got: the ``pins`` of ``resolve``."""
        return {one: locked.dependencies for one, locked in self.packages.items()}

    def check(self, wanted: PackageId, digest: str) -> None:
        """``Blocked`` when the package is locked with another content."""
        locked = self.packages.get(wanted)
        if locked is not None and locked.sha256 is not None and locked.sha256 != digest:
            raise Blocked(
                f"{wanted} is not what {LOCK_NAME} holds: its content changed"
                f" (SHA-256 {locked.sha256[:12]}… locked, {digest[:12]}… found)",
                advice="a released version never changes: find out where this one comes from",
            )

    def require(self, wanted: PackageId) -> None:
        """``Blocked`` when the package is not in the lock."""
        if wanted not in self.packages:
            raise Blocked(
                f"{wanted} is not in {LOCK_NAME}, and --locked adds nothing to it",
                advice=f"fhirkit package add {wanted} without --locked",
            )

    @classmethod
    def of(cls, resolution: Resolution, digest: Callable[[PackageId], str]) -> Lock:
        """The lock of what was resolved; ``digest`` tells the hash of a package's content."""
        packages = {
            one: LockedPackage(
                *one, sha256=digest(one), dependencies=dict(resolution.choices.get(one, {}))
            )
            for one in resolution.packages
        }
        packages |= {one: LockedPackage(*one, embedded=True) for one in resolution.embedded}
        gaps = tuple(
            LockedGap(gap.name, gap.asked, str(gap.needed_by))
            for gap in resolution.missing
            if gap.needed_by is not None
        )
        return cls(resolution.roots, packages, gaps)

    def without(self, unwanted: PackageId) -> Lock:
        """The lock as if this had not been asked for; what others need stays."""
        requested = tuple(one for one in self.requested if one != unwanted)
        kept = self._reachable(requested)
        needed = {str(one) for one in kept}
        return Lock(
            requested,
            {one: locked for one, locked in self.packages.items() if one in kept},
            tuple(gap for gap in self.missing if gap.needed_by in needed),
        )

    def _reachable(self, roots: Iterable[PackageId]) -> set[PackageId]:
        found: set[PackageId] = set()
        waiting = [one for one in roots if one in self.packages]
        while waiting:
            here = waiting.pop()
            if here not in found:
                found.add(here)
                asked = self.packages[here].dependencies.items()
                waiting += [one for one in (PackageId(*pair) for pair in asked)
                            if one in self.packages]  # fmt: skip
        return found


def _row(one: LockedPackage) -> dict[str, Any]:
    row: dict[str, Any] = {"name": one.name, "version": one.version}
    row |= {"embedded": True} if one.embedded else {"sha256": one.sha256}
    if one.dependencies:
        row["dependencies"] = dict(sorted(one.dependencies.items()))
    return row


def _sorting(one: PackageId) -> tuple[object, ...]:
    return (one.name, order(one.version))


def _is_sha256(text: str | None) -> bool:
    return text is not None and len(text) == 64 and not set(text) - set("0123456789abcdef")


def _not_ours(path: Path, why: str) -> UsageError:
    return UsageError(
        f"{path}: not a valid lock file: {why}",
        advice="take it from version control again, or delete it and run `fhirkit package lock`",
    )
