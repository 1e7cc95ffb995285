"""Which packages a package needs: every dependency, followed to its end, in one fixed order.

Nearest first, and by name among those equally near. A cycle ends where it began. Nothing is
guessed: what is not there is named, with who asked for it and why it was not taken.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from fhirkit.core.issues import Issue, Severity
from fhirkit.definitions.embedded import connect
from fhirkit.definitions.package import Package
from fhirkit.definitions.versions import PackageId, fits, is_exact, order, parse, refusal

#: Package → the version that was taken of each of its dependencies.
Choices = Mapping[PackageId, Mapping[str, str]]


class Supply(Protocol):
    """Where packages come from: the cache alone, or a registry behind it."""

    def find_version(self, name: str, asked: str) -> str | None:
        """The exact version meant by ``1.2.x`` or ``latest``; None when there is none."""

    def package(self, wanted: PackageId) -> Package | None:
        """The package, or None when it is nowhere."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A dependency that could not be had. ``needed_by`` is None when the call itself asked."""

    name: str
    asked: str
    needed_by: PackageId | None
    reason: str

    def __str__(self) -> str:
        needed = f", needed by {self.needed_by}" if self.needed_by else ""
        return f"{self.name}@{self.asked}{needed}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Resolution:
    """The packages found, nearest first; what lacks; and what a person should know."""

    roots: tuple[PackageId, ...]
    packages: Mapping[PackageId, Package]
    choices: Choices
    embedded: frozenset[PackageId] = frozenset()
    missing: tuple[Missing, ...] = ()
    issues: tuple[Issue, ...] = ()

    def ordered(self) -> Iterator[Package]:
        """The packages in the order in which definitions are looked for.

        Nearest first; of two versions of one package the higher one first.
        """
        place: dict[str, int] = {}
        for number, wanted in enumerate(self.packages):
            place.setdefault(wanted.name, number)
        newest_first = sorted(self.packages, key=lambda one: order(one.version), reverse=True)
        for wanted in sorted(newest_first, key=lambda one: place[one.name]):
            yield self.packages[wanted]

    def find(self, canonical: str, *types: str) -> dict[str, Any] | None:
        """The definition with this canonical in the first package that has it, or None."""
        for package in self.ordered():
            found = package.find(canonical, *types)
            if found is not None:
                return found
        return None


@dataclass(slots=True)
class _Search:
    supply: Supply
    pins: Choices
    embedded: frozenset[PackageId]
    packages: dict[PackageId, Package] = field(default_factory=dict)
    choices: dict[PackageId, dict[str, str]] = field(default_factory=dict)
    used: set[PackageId] = field(default_factory=set)
    missing: list[Missing] = field(default_factory=list)
    absent: set[PackageId] = field(default_factory=set)

    def run(self, roots: Sequence[PackageId]) -> None:
        waiting = deque(roots)
        for root in roots:
            if not self._obtain(root):
                self.missing.append(Missing(*root, None, _NOT_FOUND))
        while waiting:
            here = waiting.popleft()
            if here not in self.packages or here in self.choices:
                continue
            chosen = self.choices[here] = {}
            for name, asked in sorted(self.packages[here].dependencies.items()):
                target = self._choose(here, name, asked)
                if target is not None:
                    chosen[name] = target.version
                    waiting.append(target)

    def _choose(self, here: PackageId, name: str, asked: str) -> PackageId | None:
        why = refusal(name, asked)
        if why is None:
            version = self._version(here, name, asked)
            if version is None:
                why = f"no version is {asked}"
            else:
                target = PackageId(name, version)
                if target in self.embedded and target not in self.packages:
                    self.used.add(target)
                    return target
                if self._obtain(target):
                    return target
                why = _NOT_FOUND
        self.missing.append(Missing(name, asked, here, why))
        return None

    def _version(self, here: PackageId, name: str, asked: str) -> str | None:
        if is_exact(asked):
            return asked
        pinned = self.pins.get(here, {}).get(name)
        if pinned is not None and is_exact(pinned) and fits(pinned, asked):
            return pinned
        version = self.supply.find_version(name, asked)
        if version is None:
            fitting = [one.version for one in self.embedded if one.name == name]
            version = next((one for one in fitting if fits(one, asked)), None)
        return version

    def _obtain(self, wanted: PackageId) -> bool:
        if wanted in self.packages:
            return True
        if wanted in self.absent:
            return False
        package = self.supply.package(wanted)
        if package is None:
            self.absent.add(wanted)
            return False
        self.packages[wanted] = package
        return True


_NOT_FOUND = "it is not in the cache, and no registry had it"


def resolve(
    roots: Sequence[PackageId],
    supply: Supply,
    *,
    pins: Choices | None = None,
    embedded: frozenset[PackageId] | None = None,
) -> Resolution:
    """The roots (exact versions) with all that they need.

    ``pins`` decides open versions as a lock file did; ``embedded`` are packages that need not be
    fetched (by default the FHIR core that comes with fhirkit).
    """
    ours = embedded_packages() if embedded is None else embedded
    search = _Search(supply, pins or {}, ours)
    search.run(roots)
    return Resolution(
        tuple(roots),
        search.packages,
        search.choices,
        frozenset(search.used),
        tuple(search.missing),
        tuple(_two_versions([*search.packages, *sorted(search.used)], search.choices)),
    )


def embedded_packages() -> frozenset[PackageId]:
    """The package whose definitions come with fhirkit."""
    row = connect().execute("SELECT value FROM about WHERE key = 'package'").fetchone()
    return frozenset({parse(row[0])} if row else ())


def _two_versions(found: Sequence[PackageId], choices: Choices) -> Iterator[Issue]:
    by_name: dict[str, list[str]] = {}
    for one in found:
        by_name.setdefault(one.name, []).append(one.version)
    for name in sorted(by_name):
        versions = sorted(by_name[name], key=order, reverse=True)
        if len(versions) < 2:
            continue
        wishes = [
            f"{version} for {', '.join(_asking(choices, name, version)) or 'this call'}"
            for version in versions
        ]
        yield Issue(
            Severity.WARNING,
            "package-two-versions",
            f"{name} is needed in {len(versions)} versions: {'; '.join(wishes)}."
            f" A canonical without a version means the one of {versions[0]}",
            issue_type="conflict",
        )


def _asking(choices: Choices, name: str, version: str) -> list[str]:
    return sorted(str(one) for one, chosen in choices.items() if chosen.get(name) == version)
