"""Write the definitions of a set of packages, and what can be compiled of them, into one file.

Compiled are the profiles of the packages that were named, with every profile and value set they
lead to, wherever it stands. ``package_store`` reads the file and describes its tables.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from fhirkit.definitions.package import Package
from fhirkit.schema.extras import Given, Shelf
from fhirkit.schema.model import ElementSchema, StructureSchema, encode
from fhirkit.schema.package_store import LAYOUT
from fhirkit.schema.store import SchemaStore

Resource = dict[str, Any]

_TABLES = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE definition (
    kind TEXT NOT NULL, url TEXT NOT NULL, version TEXT, supplements TEXT, body BLOB NOT NULL
);
CREATE TABLE structure (slot TEXT PRIMARY KEY, body BLOB, trouble TEXT) WITHOUT ROWID;
CREATE TABLE value_set (slot TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE needed (
    url TEXT NOT NULL, kind TEXT NOT NULL, version TEXT, package INTEGER NOT NULL,
    file TEXT NOT NULL
);
CREATE INDEX needed_by_url ON needed (url, kind);
"""
#: The structure of a definition, where it can be made; the slot it is asked for by.
_Compiled = dict[str, StructureSchema | None]


def write_packages(
    path: Path,
    core: sqlite3.Connection,
    named: Sequence[tuple[Resource, bytes]],
    needed: Sequence[Package],
) -> None:
    """Write a new file.

    ``core`` are the definitions everything rests on, ``named`` the definitions of the packages
    that were named, each with its text, the preferred first.
    """
    shelf = _Needed([resource for resource, _ in named], needed)
    store = SchemaStore(core, (), shelf)
    connection = sqlite3.connect(path)
    try:
        with connection:
            connection.executescript(_TABLES)
            connection.execute("INSERT INTO about VALUES ('layout', ?)", (str(LAYOUT),))
            rows = (_definition(*one) for one in named)
            connection.executemany("INSERT INTO definition VALUES (?, ?, ?, ?, ?)", rows)
            structures = _structures(store, shelf)
            connection.executemany(
                "INSERT INTO structure VALUES (?, ?, ?)",
                (
                    (slot, None if one is None else encode(one), store.trouble(slot))
                    for slot, one in sorted(structures.items())
                    if one is not None or store.trouble(slot) is not None
                ),
            )
            value_sets = _value_sets(store, shelf, structures.values())
            connection.executemany("INSERT INTO value_set VALUES (?, ?)", value_sets)
            listed = _listed(needed)
            connection.executemany("INSERT INTO needed VALUES (?, ?, ?, ?, ?)", listed)
        connection.execute("VACUUM")
    finally:
        connection.close()


class _Needed(Given):
    """The definitions that were named, and the packages they depend on, while they are compiled."""

    def __init__(self, given: Iterable[Resource], needed: Sequence[Package]) -> None:
        super().__init__(given)
        self._needed = needed

    def find(self, canonical: str, kind: str) -> Resource | None:
        """A definition of the first package that has it."""
        found = (package.find(canonical, kind) for package in self._needed)
        return next((one for one in found if one is not None), None)


def _definition(resource: Resource, text: bytes) -> tuple[str, str, str | None, str | None, bytes]:
    version, supplements = resource.get("version"), resource.get("supplements")
    return (
        resource["resourceType"],
        resource["url"],
        version if isinstance(version, str) else None,
        supplements.partition("|")[0] if isinstance(supplements, str) else None,
        zlib.compress(text, 1),
    )


def _structures(store: SchemaStore, shelf: Shelf) -> _Compiled:
    """Every structure of the named packages, and of the others those that they lead to."""
    compiled: _Compiled = {}
    waiting: list[str] = []
    for one in shelf.of_kind("StructureDefinition"):
        waiting.append(one["url"])
        if shelf.count("StructureDefinition", one["url"]) > 1:
            waiting.append(f"{one['url']}|{one.get('version')}")
    while waiting:
        canonical = waiting.pop()
        url = canonical.partition("|")[0]
        several = shelf.count("StructureDefinition", url) > 1
        slot = canonical if several else url
        if slot in compiled or not _is_extra(shelf, "StructureDefinition", slot):
            continue
        schema = compiled[slot] = store.structure(slot)
        if schema is not None:
            waiting.extend(_profiles(schema.root))
            if schema.base is not None:
                waiting.append(schema.base)
    return compiled


def _value_sets(
    store: SchemaStore, shelf: Shelf, structures: Iterable[StructureSchema | None]
) -> Iterator[tuple[str, bytes]]:
    """The value sets that the structures are bound to, where they are not of the core."""
    seen: set[str] = set()
    for structure in structures:
        for canonical in () if structure is None else _bound(structure.root):
            url = canonical.partition("|")[0]
            slot = canonical if shelf.count("ValueSet", url) > 1 else url
            if slot not in seen:
                seen.add(slot)
                known = _is_extra(shelf, "ValueSet", slot)
                value_set = store.value_set(slot) if known else None
                if value_set is not None:
                    yield slot, encode(value_set)


def _is_extra(shelf: Shelf, kind: str, slot: str) -> bool:
    """Whether a definition comes from the packages, rather than from the core."""
    url = slot.partition("|")[0]
    return shelf.count(kind, url) > 0 or shelf.find(slot, kind) is not None


def _all(element: ElementSchema) -> Iterator[ElementSchema]:
    yield element
    for one in (*element.children, *element.slices):
        yield from _all(one)


def _profiles(root: ElementSchema) -> Iterator[str]:
    for element in _all(root):
        for reference in element.types:
            for canonical in (*reference.profiles, *reference.target_profiles):
                yield canonical.partition("#")[0]


def _bound(root: ElementSchema) -> Iterator[str]:
    for element in _all(root):
        if element.binding is not None:
            for canonical in (element.binding.value_set, element.binding.max_value_set):
                if canonical is not None:
                    yield canonical


def _listed(
    needed: Sequence[Package],
) -> Iterator[tuple[str, str, str | None, int, str]]:
    for number, package in enumerate(needed):
        for row in package.listed():
            if row.url is not None and row.type is not None:
                yield row.url, row.type, row.version, number, row.file
