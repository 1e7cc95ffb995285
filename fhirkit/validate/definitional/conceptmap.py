"""ConceptMap: the codes that it maps are codes of the systems and value sets it names.

https://hl7.org/fhir/R4/conceptmap.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from fhirkit.validate.definitional.known import Json, Known, Placed, objects, text
from fhirkit.validate.location import Node, step
from fhirkit.validate.rules.finding import Finding

#: Systems that are too large for their codes to be at hand whole, whatever a package holds.
_SERVED = frozenset({"http://snomed.info/sct", "http://loinc.org"})


class _Side(NamedTuple):
    """Where the codes of one side come from: a code system, and the value set of the whole map."""

    system: str | None
    value_set: str | None


def check(concept_map: Json, node: Node, known: Known) -> Iterator[Placed]:
    """Findings for one ConceptMap."""
    scopes: dict[str, str | None] = {}
    for name in ("source", "target"):
        scope = text(concept_map, f"{name}Canonical") or text(concept_map, f"{name}Uri")
        kind = None if scope is None else known.store.canonical_type(scope.partition("|")[0])
        if kind not in (None, "ValueSet"):
            message = f"{scope} is a {kind}; a map is made for the codes of a value set"
            yield step(node, name), Finding("conceptmap-value-set", message)
        scopes[name] = scope if kind == "ValueSet" else None
    for at, group in objects(concept_map.get("group")):
        place = step(node, "group", at)
        source = _Side(_system(group, "source", known), scopes["source"])
        target = _Side(_system(group, "target", known), scopes["target"])
        for index, element in objects(group.get("element")):
            here = step(place, "element", index)
            yield from _code(element, here, source, known)
            for number, mapped in objects(element.get("target")):
                yield from _code(mapped, step(here, "target", number), target, known)


def _system(group: Json, name: str, known: Known) -> str | None:
    """The code system of one side, when its codes are all known in the version asked for."""
    system = text(group, name)
    if system is None:
        return None
    url, _, version = system.partition("|")
    version = text(group, f"{name}Version") or version
    schema = None if url in _SERVED else known.store.code_system(url)
    if schema is None or not schema.complete or (version and version != schema.version):
        return None
    return url


def _code(element: Json, node: Node, side: _Side, known: Known) -> Iterator[Placed]:
    code = text(element, "code")
    schema = None if side.system is None else known.store.code_system(side.system)
    if code is None or schema is None:
        return
    if code not in schema.displays:
        message = f"{schema.url} has no code {code[:60]!r}"
        yield step(node, "code"), Finding("conceptmap-code", message)
    elif side.value_set is not None and not known.store.may_hold(side.value_set, schema.url, code):
        message = f"{code[:60]!r} of {schema.url} is not in {side.value_set}"
        yield step(node, "code"), Finding("conceptmap-code", message)
