"""Harvest codes and displays from a package's CodeSystems and ValueSets.

A code system whose content is complete is known whole
(https://hl7.org/fhir/R4/codesystem-definitions.html#CodeSystem.content); of others (LOINC, SNOMED
CT, UCUM …) those codes are known that some value set lists.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from fhirkit.definitions.terminology_changes import changed, renamed

if TYPE_CHECKING:  # the reader of archives is not needed to read one code system
    from fhirkit.definitions.package import Package


class CodeSystemRow(NamedTuple):
    """A code system; ``complete`` tells whether all its codes are known.

    ``case_sensitive`` is true only when the code system says so. ``body`` is what filters need of
    a complete one: its concepts as they are nested, with their properties (``unpack``).
    """

    url: str
    name: str | None
    version: str | None
    complete: bool
    case_sensitive: bool = False
    body: bytes | None = None


class CodeRow(NamedTuple):
    """A code with its display; ``source`` is the canonical of the resource that says so.

    ``renamed`` codes have got another display since.
    """

    system: str
    code: str
    display: str | None
    source: str
    renamed: bool = False


def harvest(package: Package) -> tuple[list[CodeSystemRow], list[CodeRow]]:
    """Every known code system and code of the package, one row a code, sorted."""
    systems: dict[str, CodeSystemRow] = {}
    codes: dict[tuple[str, str], CodeRow] = {}
    for resource in package.resources("CodeSystem"):
        url = resource.get("url")
        if not isinstance(url, str):
            continue
        resource = changed(resource)
        complete = resource.get("content") == "complete"
        others = renamed(url)
        systems[url] = CodeSystemRow(
            url,
            resource.get("title") or resource.get("name"),
            resource.get("version"),
            complete,
            resource.get("caseSensitive") is True,
            _pack(resource) if complete else None,
        )
        if complete:
            for concept in concepts(resource):
                code = concept["code"]
                row = CodeRow(url, code, concept.get("display"), url, code in others)
                codes.setdefault((url, row.code), row)
    for resource in package.resources("ValueSet"):
        for row in _listed(resource):
            unknown = CodeSystemRow(row.system, None, None, complete=False)
            system = systems.setdefault(row.system, unknown)
            known = codes.get((row.system, row.code))
            if not system.complete and (known is None or (row.display and not known.display)):
                codes[row.system, row.code] = row
    return sorted(systems.values()), [codes[key] for key in sorted(codes)]


def unpack(body: bytes) -> dict[str, Any]:
    """The concepts and properties of a code system, as in its resource."""
    found: dict[str, Any] = json.loads(zlib.decompress(body))
    return found


def _pack(code_system: dict[str, Any]) -> bytes:
    kept: dict[str, Any] = {"concept": [_slim(one) for one in code_system.get("concept", ())]}
    if "property" in code_system:
        kept["property"] = code_system["property"]
    return zlib.compress(json.dumps(kept, separators=(",", ":")).encode(), 9)


def _slim(concept: dict[str, Any]) -> dict[str, Any]:
    """A concept without its definition and designations."""
    kept: dict[str, Any] = {}
    for name in ("code", "display", "property"):
        if name in concept:
            kept[name] = concept[name]
    if "concept" in concept:
        kept["concept"] = [_slim(one) for one in concept["concept"]]
    return kept


def concepts(code_system: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every concept of a CodeSystem, nested ones too, parents before children."""
    stack = list(reversed(code_system.get("concept", ())))
    while stack:
        concept = stack.pop()
        yield concept
        stack.extend(reversed(concept.get("concept", ())))


def _listed(value_set: dict[str, Any]) -> Iterator[CodeRow]:
    source = value_set.get("url", "")
    for include in value_set.get("compose", {}).get("include", ()):
        system = include.get("system")
        if system is None or system.startswith("#"):
            continue
        for concept in include.get("concept", ()):
            yield CodeRow(system, concept["code"], concept.get("display"), source)
