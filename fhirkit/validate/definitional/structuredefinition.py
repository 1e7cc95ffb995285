"""StructureDefinition: what it says about itself and its base, before any of its elements.

https://hl7.org/fhir/R4/structuredefinition.html. Elements, differentials and extensions have
modules of their own.
"""

from __future__ import annotations

from collections.abc import Iterator

from fhirkit.core.errors import InvalidInput
from fhirkit.schema.model import ElementSchema, StructureSchema
from fhirkit.schema.snapshot import compile_differential
from fhirkit.validate.definitional import (
    differential,
    elementdefinition,
    extensiondefinition,
    invariants,
    readable,
    slicings,
)
from fhirkit.validate.definitional.known import Json, Known, Placed, inner, objects, text
from fhirkit.validate.location import Node, step
from fhirkit.validate.rules.finding import Finding

_NOT_FOLLOWED = ("its base is not at hand",)
_CORE = "http://hl7.org/fhir/StructureDefinition/"


def check(definition: Json, node: Node, known: Known) -> Iterator[Placed]:
    """Findings for one StructureDefinition."""
    yield from _type(definition, step(node, "type"), known)
    yield from extensiondefinition.check(definition, node, known)
    canonical = text(definition, "baseDefinition")
    if canonical is not None and _is_circular(definition, canonical, known):
        message = "by way of its base the structure is based on itself"
        yield node, Finding("structure-circular", message)
        return
    if canonical is None:
        return
    followed = known.store.structure(canonical)
    if followed is None:
        message = f"its base {canonical} is not at hand, so the differential was not checked"
        yield node, Finding("structure-base-unknown", message)
    base = followed or _stated(canonical, known)
    if base is None:
        return
    for finding in _base(definition, base):
        yield node, finding
    if definition.get("derivation") == "constraint":
        yield from _constraint(definition, base, node, known)
    yield from elementdefinition.check(definition, base, node, known)
    yield from invariants.check(definition, base, node, known)


def _type(definition: Json, node: Node, known: Known) -> Iterator[Placed]:
    """Only logical models may make up types of their own, under URLs."""
    name, kind = text(definition, "type"), definition.get("kind")
    if name is None:
        return
    if "://" in name or name.startswith("urn:"):
        if kind != "logical":
            message = f"only logical models have a type of their own; this is a {kind}"
            yield node, Finding("structure-type", message)
    elif known.store.kind(name) is None:
        message = f"FHIR has no type {name[:60]!r}; a type of one's own is named by a URL"
        yield node, Finding("structure-type", message)
    elif definition.get("url") != _CORE + name and definition.get("derivation") != "constraint":
        message = f"{name} is defined by FHIR; other definitions can only constrain it"
        yield node, Finding("structure-type", message)


def _stated(canonical: str, known: Known) -> StructureSchema | None:
    """What a base says of itself that cannot be followed, as its own base is not at hand."""
    stated = known.store.resource("StructureDefinition", canonical)
    if stated is None:
        return None
    url, name, kind, called = (text(stated, key) or "" for key in ("url", "type", "kind", "name"))
    return StructureSchema(
        url=url,
        type=name,
        name=called,
        kind=kind,
        root=ElementSchema(path=name, name=name),
        abstract=stated.get("abstract") is True,
        gaps=_NOT_FOLLOWED,
    )


def _is_circular(definition: Json, base: str, known: Known) -> bool:
    url = text(definition, "url")
    passed: set[str] = set()
    above: str | None = base
    while above is not None and above not in passed:
        passed.add(above)
        parent = known.store.resource("StructureDefinition", above)
        if parent is not None and parent.get("url") == url:
            return True
        above = None if parent is None else text(parent, "baseDefinition")
    return False


def _base(definition: Json, base: StructureSchema) -> Iterator[Finding]:
    """Kind and type must go with those of the base."""
    derivation, kind, name = (text(definition, key) for key in ("derivation", "kind", "type"))
    if derivation is None:
        yield Finding("structure-derivation", "with a base, the derivation from it is told")
        return
    if kind != base.kind and not base.abstract:
        yield Finding("structure-kind", f"the base {base.url} is a {base.kind}, not a {kind}")
    if derivation == "constraint":
        if name != base.type:
            message = f"a constraint keeps the type of its base, {base.type}; this is a {name}"
            yield Finding("structure-base-type", message)
        if kind != base.kind:
            message = f"a constraint keeps the kind of its base, {base.kind}; this is a {kind}"
            yield Finding("structure-kind", message)
    elif name == base.type:
        message = f"a specialization has a type of its own, not that of its base, {name}"
        yield Finding("structure-base-type", message)


def _constraint(
    definition: Json, base: StructureSchema, node: Node, known: Known
) -> Iterator[Placed]:
    """Whether the differential of a profile can be applied to its base."""
    if text(definition, "type") != base.type:
        message = f"the differential cannot be applied: {base.url} is of another type"
        yield node, Finding("structure-snapshot", message)
        return
    if base.gaps == _NOT_FOLLOWED:
        return
    entries = [entry for _, entry in objects(inner(definition, "differential").get("element"))]
    if not entries:
        return
    if len(entries) > 1 and "slicing" in entries[0] and "." not in str(entries[0].get("path")):
        message = "the differential cannot be applied: its root is sliced"
        yield node, Finding("structure-snapshot", message)
        return
    for message in readable.unknown(definition, entries):
        yield node, Finding("structure-snapshot", f"the differential cannot be applied: {message}")
        return
    for message in slicings.contradictions(entries):
        yield node, Finding("slicing-redefined", message)
    try:
        compile_differential(definition, known.store.structure)
    except InvalidInput as problem:
        reason = problem.message.partition(": ")[2]
        yield node, Finding("structure-snapshot", f"the differential cannot be applied: {reason}")
        return
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return  # malformed: the walk says how
    yield from differential.check(entries, base, node, known)
