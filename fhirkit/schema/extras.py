"""Definitions given beside the embedded ones, by kind and canonical, in any of their versions.

https://hl7.org/fhir/R4/references.html#canonical: a canonical without a version means the newest
there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from fhirkit.definitions.versions import order

Resource = dict[str, Any]


class Extras:
    """Extra definitions as they were given, and those that ``find`` fetches where needed.

    ``find`` takes a canonical and a kind (a resource type).
    """

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

    def get(self, kind: str, canonical: str) -> Resource | None:
        """A definition; of several the newest that is of the version asked for."""
        url, _, version = canonical.partition("|")
        best: Resource | None = None
        for one in self._given.get((kind, url), ()):
            fits = not version or is_version(version, one.get("version"))
            if fits and (best is None or _newer(one, best)):
                best = one
        if best is None and self._find is not None:
            best = self._find(canonical, kind)
        return best

    def kind(self, url: str) -> str | None:
        """The resource type of the definitions that were given under a URL, or None."""
        return next((kind for kind, one in self._given if one == url), None)

    def has_versions(self, kind: str, url: str) -> bool:
        """Whether there is more than one version of a definition."""
        return len(self._given.get((kind, url), ())) > 1

    def of_kind(self, kind: str) -> Iterator[Resource]:
        """Every definition of a kind that was given."""
        for (one, _), resources in self._given.items():
            if one == kind:
                yield from resources


def is_version(asked: str, present: object) -> bool:
    """Whether ``4.0`` or ``4.0.1`` asks for the version ``4.0.1``."""
    return isinstance(present, str) and (present == asked or present.startswith(f"{asked}."))


def _newer(one: Resource, other: Resource) -> bool:
    return order(str(one.get("version") or "")) > order(str(other.get("version") or ""))
