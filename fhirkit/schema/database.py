"""Write a core package, compiled, into one SQLite file: the form that ``SchemaStore`` reads.

``scripts/build_definitions.py`` makes the embedded R4 file with it, and ``validate.core`` one for
each other FHIR version whose core package is added. The tables are described in
``definitions.embedded``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from fhirkit.definitions.codes import harvest
from fhirkit.definitions.embedded import LAYOUT
from fhirkit.definitions.package import Package
from fhirkit.definitions.terminology_changes import changed
from fhirkit.schema.definition import compile_definition
from fhirkit.schema.model import StructureSchema, encode
from fhirkit.schema.value_sets import compile_value_set

_TABLES = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE code_system (
    url TEXT PRIMARY KEY, name TEXT, version TEXT, complete INTEGER NOT NULL,
    case_sensitive INTEGER NOT NULL, body BLOB
);
CREATE TABLE code (
    system TEXT NOT NULL, code TEXT NOT NULL, display TEXT, source TEXT NOT NULL,
    renamed INTEGER NOT NULL,
    PRIMARY KEY (system, code)
) WITHOUT ROWID;
CREATE TABLE schema (
    url TEXT PRIMARY KEY, type TEXT NOT NULL, kind TEXT NOT NULL, derivation TEXT,
    abstract INTEGER NOT NULL, body BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE element (
    path TEXT PRIMARY KEY, short TEXT NOT NULL, definition TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE value_set (url TEXT PRIMARY KEY, version TEXT, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE canonical (url TEXT PRIMARY KEY, type TEXT NOT NULL, version TEXT) WITHOUT ROWID;
CREATE TABLE search_parameter (
    base TEXT NOT NULL, code TEXT NOT NULL, type TEXT NOT NULL, url TEXT NOT NULL,
    PRIMARY KEY (base, code)
) WITHOUT ROWID;
"""


def write_database(
    path: Path, package: Package, inputs: str, added: Iterable[dict[str, Any]] = ()
) -> None:
    """Compile a core package into a new database file.

    ``inputs`` is a key of what it is made from, kept in it; ``added`` are StructureDefinitions to
    compile beside those of the package. ``InvalidInput`` when a definition cannot be compiled.
    """
    systems, codes = harvest(package)
    connection = sqlite3.connect(path)
    try:
        with connection:
            connection.executescript(_TABLES)
            connection.executemany("INSERT INTO code_system VALUES (?, ?, ?, ?, ?, ?)", systems)
            connection.executemany("INSERT INTO code VALUES (?, ?, ?, ?, ?)", codes)
            rows = _schemas(package, added)
            connection.executemany("INSERT INTO schema VALUES (?, ?, ?, ?, ?, ?)", rows)
            value_sets = _value_sets(package)
            connection.executemany("INSERT INTO value_set VALUES (?, ?, ?)", value_sets)
            texts = _element_texts(package)
            connection.executemany("INSERT INTO element VALUES (?, ?, ?)", texts)
            canonicals = _canonicals(package)
            connection.executemany("INSERT INTO canonical VALUES (?, ?, ?)", canonicals)
            parameters = _search_parameters(package)
            connection.executemany("INSERT INTO search_parameter VALUES (?, ?, ?, ?)", parameters)
            about = {
                "layout": str(LAYOUT),
                "inputs": inputs,
                "package": f"{package.name}#{package.version}",
                "fhir_version": package.fhir_versions[0],
            }
            connection.executemany("INSERT INTO about VALUES (?, ?)", sorted(about.items()))
        connection.execute("VACUUM")
    finally:
        connection.close()


def _schemas(
    package: Package, added: Iterable[dict[str, Any]]
) -> Iterator[tuple[str, str, str, str | None, bool, bytes]]:
    published = {entry["url"]: entry for entry in added}
    published.update((entry["url"], entry) for entry in package.resources("StructureDefinition"))
    compiled: dict[str, StructureSchema | None] = {}

    def resolve(url: str) -> StructureSchema | None:
        if url not in compiled:
            definition = published.get(url)
            compiled[url] = None  # for those that need themselves
            compiled[url] = compile_definition(definition, resolve) if definition else None
        return compiled[url]

    for url in sorted(published):
        schema = resolve(url)
        if schema is not None:
            body = encode(schema)
            yield url, schema.type, schema.kind, schema.derivation, schema.abstract, body


def _element_texts(package: Package) -> Iterator[tuple[str, str, str]]:
    """What each type says of its elements; profiles say mostly the same again."""
    seen: set[str] = set()
    for definition in package.resources("StructureDefinition"):
        if definition.get("derivation") == "constraint":
            continue
        for element in definition.get("snapshot", {}).get("element", ()):
            path = element["path"]
            if path not in seen:
                seen.add(path)
                yield path, element.get("short", ""), element.get("definition", "")


def _value_sets(package: Package) -> Iterator[tuple[str, str | None, bytes]]:
    published = {entry["url"]: entry for entry in package.resources("ValueSet")}
    systems = {entry["url"]: changed(entry) for entry in package.resources("CodeSystem")}

    def find(canonical: str) -> dict[str, Any] | None:
        return published.get(canonical.partition("|")[0])

    for url in sorted(published):
        schema = compile_value_set(published[url], find, systems.get)
        yield url, schema.version, encode(schema)


def _canonicals(package: Package) -> Iterator[tuple[str, str, str | None]]:
    found: dict[str, tuple[str, str | None]] = {}
    for resource in package.resources():
        url = resource.get("url")
        if isinstance(url, str):
            found.setdefault(url, (resource["resourceType"], resource.get("version")))
    for url in sorted(found):
        yield url, *found[url]


def _search_parameters(package: Package) -> Iterator[tuple[str, str, str, str]]:
    found = {
        (base, entry["code"]): (base, entry["code"], entry["type"], entry["url"])
        for entry in package.resources("SearchParameter")
        for base in entry.get("base", ())
    }
    for slot in sorted(found):
        yield found[slot]
