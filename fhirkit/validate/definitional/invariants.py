"""The constraints of a StructureDefinition: what they say means something, under their own keys.

https://hl7.org/fhir/R4/conformance-rules.html#constraints. Expressions are checked where the types
are told, in the snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator

from fhirkit.core.errors import FhirkitError
from fhirkit.fhirpath.expression import Expression
from fhirkit.fhirpath.parser import parse
from fhirkit.fhirpath.static import check as check_types
from fhirkit.schema.model import StructureSchema
from fhirkit.validate.definitional.known import Json, Known, Placed, inner, objects, text, types
from fhirkit.validate.location import Node, step
from fhirkit.validate.rules.finding import Finding


def check(definition: Json, base: StructureSchema, node: Node, known: Known) -> Iterator[Placed]:
    """Findings for the constraints of differential and snapshot."""
    for name in ("differential", "snapshot"):
        said: dict[str, str] = {}
        for at, entry in objects(inner(definition, name).get("element")):
            place = step(step(node, name), "element", at)
            for index, constraint in objects(entry.get("constraint")):
                here = step(place, "constraint", index)
                for finding in (
                    _in_snapshot(constraint, entry, said, definition, known)
                    if name == "snapshot"
                    else _in_differential(constraint, said, definition, base)
                ):
                    yield here, finding


def _in_snapshot(
    constraint: Json, entry: Json, said: dict[str, str], definition: Json, known: Known
) -> Iterator[Finding]:
    key, expression = text(constraint, "key"), text(constraint, "expression")
    if key is None or expression is None:
        return
    if said.setdefault(key, expression) != expression and key != "ele-1":
        yield _wrong(f"{key} stands for another expression elsewhere in the snapshot")
    if text(constraint, "source") in (None, text(definition, "url")):
        yield from _expression(key, expression, entry, known)


def _expression(key: str, expression: str, entry: Json, known: Known) -> Iterator[Finding]:
    path = text(entry, "path") or ""
    codes = {one.code for one in types(entry)} if "." in path else {path}
    if not codes or any(known.store.kind(one) is None for one in codes):
        return
    abstract = {"Element", "BackboneElement", "Resource", "DomainResource"} & codes
    focus = None if abstract else frozenset(codes)
    try:
        Expression(expression, known.model)
        check_types(parse(expression), known.model, focus, check_order=False)
    except FhirkitError as problem:
        yield _wrong(f"{key} cannot be evaluated here: {problem.message}")


def _in_differential(
    constraint: Json, said: dict[str, str], definition: Json, base: StructureSchema
) -> Iterator[Finding]:
    key, expression = text(constraint, "key"), text(constraint, "expression")
    if key is None or expression is None:
        return
    url, source = text(definition, "url"), text(constraint, "source")
    own = (url, f"{url}|{text(definition, 'version')}")
    if source is not None and source not in own:
        yield _wrong(f"{key} is said to be from {source}; a differential has its own constraints")
        return
    inherited = base.constraints.get(key)
    before = inherited.expression if inherited is not None else None
    if before is not None and before != expression:
        yield _wrong(f"the key {key} is taken by a constraint of {base.url}")
    elif said.setdefault(key, expression) != expression:
        yield _wrong(f"{key} stands for another expression elsewhere in the differential")


def _wrong(message: str) -> Finding:
    return Finding("constraint-definition", message)
