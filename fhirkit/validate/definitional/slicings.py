"""Slicings that a differential states twice: a slice does not tell its siblings apart anew.

https://hl7.org/fhir/R4/profiling.html#slicing: the entry that introduces the slices says, once, how
they are told apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fhirkit.validate.definitional.known import Json, inner, objects, text


def contradictions(entries: Sequence[Json]) -> Iterator[str]:
    """What is wrong with slicings that follow another one of the same element."""
    stated: dict[str, Json] = {}
    for entry in entries:
        path = text(entry, "path") or ""
        slicing = inner(entry, "slicing")
        if not slicing or path.endswith("[x]") or _below_one(path, stated):
            continue
        name = text(entry, "sliceName")
        first = stated.get(path)
        if first is None and name is None:
            stated[path] = slicing
        elif first is not None and _differs(first, slicing):
            yield f"the slices of {path} are told apart already, and {name or path} says it anew"


def _below_one(path: str, stated: dict[str, Json]) -> bool:
    """Whether the element stands inside one that is sliced: each slice may have its own then."""
    parts = path.split(".")
    return any(".".join(parts[:count]) in stated for count in range(1, len(parts)))


def _differs(first: Json, later: Json) -> bool:
    for name in ("ordered", "rules"):
        if name in later and later[name] != first.get(name):
            return True
    return _discriminators(first) != _discriminators(later)


def _discriminators(slicing: Json) -> list[tuple[str | None, str | None]]:
    listed = objects(slicing.get("discriminator"))
    return [(text(one, "type"), text(one, "path")) for _, one in listed]
