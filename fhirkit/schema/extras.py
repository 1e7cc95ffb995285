"""Definitions given beside the embedded ones, by kind and canonical, in any of their versions.

https://hl7.org/fhir/R4/references.html#canonical: a canonical without a version means the newest
there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

from fhirkit.definitions.versions import order

Resource = dict[str, Any]
#: Kinds of which compiled schemas and value sets are made.
_COMPILED = ("StructureDefinition", "ValueSet", "CodeSystem")


class Shelf(Protocol):
    """Definitions of packages: those of the packages that were named, and others to be found."""

    def versions(self, kind: str, url: str) -> Sequence[Resource]:
        """Every version of a definition in the packages that were named."""

    def count(self, kind: str, url: str) -> int:
        """How many versions of a definition there are in the packages that were named."""

    def kind(self, url: str) -> str | None:
        """The resource type of what has this URL in the packages that were named, or None."""

    def of_kind(self, kind: str) -> Iterator[Resource]:
        """Every definition of a kind in the packages that were named."""

    def supplements(self, url: str) -> Iterator[Resource]:
        """The code systems in the packages that were named that supplement this one."""

    def find(self, canonical: str, kind: str) -> Resource | None:
        """A definition of the packages that those depend on, or None."""

    def structure(self, slot: str) -> bytes | str | None:
        """A compiled structure as it is stored, or why there is none; None when it is not kept."""

    def value_set(self, slot: str) -> bytes | None:
        """A compiled value set as it is stored, or None."""


class Given:
    """Definitions in memory."""

    def __init__(
        self,
        given: Iterable[Resource] = (),
        find: Callable[[str, str], Resource | None] | None = None,
    ) -> None:
        self._find = find
        self._given: dict[tuple[str, str], list[Resource]] = {}
        for resource in given:
            kind, url = resource.get("resourceType"), resource.get("url")
            if isinstance(kind, str) and isinstance(url, str):
                self._given.setdefault((kind, url), []).append(resource)

    @property
    def compiles(self) -> bool:
        """Whether a schema or value set can depend on what was given."""
        return any(kind in _COMPILED for kind, _ in self._given)

    def versions(self, kind: str, url: str) -> Sequence[Resource]:
        """Every version of a definition."""
        return self._given.get((kind, url), ())

    def count(self, kind: str, url: str) -> int:
        """How many versions of a definition there are."""
        return len(self._given.get((kind, url), ()))

    def kind(self, url: str) -> str | None:
        """The resource type of what has this URL, or None."""
        return next((kind for kind, one in self._given if one == url), None)

    def of_kind(self, kind: str) -> Iterator[Resource]:
        """Every definition of a kind."""
        for (one, _), resources in self._given.items():
            if one == kind:
                yield from resources

    def supplements(self, url: str) -> Iterator[Resource]:
        """The code systems that supplement this one."""
        for each in self.of_kind("CodeSystem"):
            if str(each.get("supplements", "")).partition("|")[0] == url:
                yield each

    def find(self, canonical: str, kind: str) -> Resource | None:
        """What ``find`` finds elsewhere."""
        return None if self._find is None else self._find(canonical, kind)

    def structure(self, slot: str) -> bytes | str | None:
        """None: nothing is kept compiled."""

    def value_set(self, slot: str) -> bytes | None:
        """None: nothing is kept compiled."""


class Extras:
    """Extra definitions as they were given, then those of packages."""

    def __init__(self, given: Iterable[Resource] = (), packages: Shelf | None = None) -> None:
        own = Given(given)
        self._shelves: tuple[Shelf, ...] = (own,) if packages is None else (own, packages)
        #: What is kept compiled holds only where nothing else was given that it may depend on.
        self.compiled: Shelf = own if own.compiles or packages is None else packages

    def get(self, kind: str, canonical: str) -> Resource | None:
        """A definition; of several the newest that is of the version asked for."""
        url, _, version = canonical.partition("|")
        best: Resource | None = None
        for shelf in self._shelves:
            for one in shelf.versions(kind, url):
                fits = not version or is_version(version, one.get("version"))
                if fits and (best is None or _newer(one, best)):
                    best = one
        if best is None:
            best = self._shelves[-1].find(canonical, kind)
        return best

    def kind(self, url: str) -> str | None:
        """The resource type of the definitions that were given under a URL, or None."""
        found = (shelf.kind(url) for shelf in self._shelves)
        return next((kind for kind in found if kind is not None), None)

    def has_versions(self, kind: str, url: str) -> bool:
        """Whether there is more than one version of a definition."""
        return sum(shelf.count(kind, url) for shelf in self._shelves) > 1

    def of_kind(self, kind: str) -> Iterator[Resource]:
        """Every definition of a kind that was given."""
        for shelf in self._shelves:
            yield from shelf.of_kind(kind)

    def supplements(self, url: str) -> Iterator[Resource]:
        """The code systems that were given to supplement another one."""
        for shelf in self._shelves:
            yield from shelf.supplements(url)


def is_version(asked: str, present: object) -> bool:
    """Whether ``4.0`` or ``4.0.1`` asks for the version ``4.0.1``."""
    return isinstance(present, str) and (present == asked or present.startswith(f"{asked}."))


def _newer(one: Resource, other: Resource) -> bool:
    return order(str(one.get("version") or "")) > order(str(other.get("version") or ""))
