"""The elements of a StructureDefinition, one by one: paths, types, slicing, what a type can carry.

https://hl7.org/fhir/R4/elementdefinition.html#interpretation
"""

from __future__ import annotations

from collections.abc import Iterator

from fhirkit.core.errors import FhirkitError
from fhirkit.fhirpath.parser import parse
from fhirkit.fhirpath.static import check as check_types
from fhirkit.schema import builders
from fhirkit.schema.model import StructureSchema
from fhirkit.schema.snapshot import element_at
from fhirkit.validate.definitional.known import (
    Json,
    Known,
    Placed,
    inner,
    objects,
    text,
    texts,
    types,
)
from fhirkit.validate.location import Node, step
from fhirkit.validate.rules.finding import Finding

#: What values of a type can carry.
_BOUND_TYPES = """
string uri code oid url uuid CodeableConcept CodeableReference Coding Quantity SimpleQuantity
MoneyQuantity Age Distance Duration Range Extension
"""
_LENGTHY_TYPES = """
integer integer64 decimal instant string uri date dateTime time canonical code id markdown oid
positiveInt unsignedInt url uuid
"""
_RANGED_TYPES = """
integer integer64 decimal instant date dateTime time positiveInt unsignedInt Age Count Distance
Duration Money Quantity SimpleQuantity MoneyQuantity
"""
_BOUND, _LENGTHY, _RANGED = (
    frozenset(names.split()) for names in (_BOUND_TYPES, _LENGTHY_TYPES, _RANGED_TYPES)
)
_TARGETED = frozenset({"Reference", "canonical", "CodeableReference"})
_CARRIED = (("maxLength", _LENGTHY), ("minValue", _RANGED), ("maxValue", _RANGED))
#: What the root element of a profile, and of a type, cannot say.
_NOT_ON_ROOT = (
    "sliceName",
    "slicing",
    "requirements",
    "defaultValue",
    "fixed",
    "pattern",
    "example",
    "minValue",
    "maxValue",
)
_NOT_IN_TYPES = ("sliceName", "fixed", "pattern", "minValue", "maxValue")


def check(definition: Json, base: StructureSchema, node: Node, known: Known) -> Iterator[Placed]:
    """Findings for the elements of differential and snapshot."""
    del base
    for name in ("differential", "snapshot"):
        for at, entry in objects(inner(definition, name).get("element")):
            place = step(step(node, name), "element", at)
            check_one = _Element(entry, definition, known, in_snapshot=name == "snapshot")
            yield from check_one.findings(place)


class _Element:
    """One ElementDefinition."""

    def __init__(self, entry: Json, definition: Json, known: Known, *, in_snapshot: bool) -> None:
        self._entry = entry
        self._definition = definition
        self._known = known
        self._in_snapshot = in_snapshot
        self._path = text(entry, "path") or ""
        self._is_root = "." not in self._path
        self._types = [one for _, one in objects(entry.get("type"))]
        self._codes = {one.code for one in types(entry)}
        if self._is_root:
            self._codes.add(self._path)

    def findings(self, node: Node) -> Iterator[Placed]:
        """Findings for this element, which stands at the node."""
        for finding in self._own():
            yield node, finding
        yield from self._slicing(node)
        for at, one in enumerate(self._types):
            yield from self._type(one, step(node, "type", at))
        if self._in_snapshot:
            yield from self._values(node)

    def _own(self) -> Iterator[Finding]:
        name = str(text(self._definition, "type"))
        if self._definition.get("kind") == "logical":
            name = name.rpartition("/")[2]
        if self._path != name and not self._path.startswith(f"{name}."):
            yield Finding("element-path", f"the path {self._path} does not start with {name}")
        is_constraint = self._definition.get("derivation") == "constraint"
        if not self._in_snapshot and self._is_root and "slicing" in self._entry:
            yield Finding("element-slicing", "the root element cannot be sliced")
        is_extension = self._path == "Extension" or self._path.endswith(".extension")
        told = not self._in_snapshot and "meaningWhenMissing" in self._entry
        if told and is_constraint and not is_extension:
            message = "a profile cannot say what it means when an element is missing"
            yield Finding("element-prohibited", message)
        known = {code for code in self._codes if self._known.store.kind(code) is not None}
        if known:
            yield from self._carries()
        if self._in_snapshot:
            yield from self._prohibited(is_constraint=is_constraint)

    def _carries(self) -> Iterator[Finding]:
        """A binding, a length, limits and targets need a type that can have them."""
        listed = ", ".join(sorted(self._codes))
        if "binding" in self._entry and not self._codes & _BOUND:
            yield Finding("element-characteristic", f"no codes are bound to {listed}")
        for name, able in _CARRIED:
            if _has(self._entry, name) and not self._codes & able:
                yield Finding("element-characteristic", f"{listed} has no {name}")
        for one in self._types:
            if "targetProfile" in one and text(one, "code") not in _TARGETED:
                message = f"{text(one, 'code')} refers to nothing, so it has no target"
                yield Finding("element-characteristic", message)

    def _prohibited(self, *, is_constraint: bool) -> Iterator[Finding]:
        """What cannot be said of an element here (the table of the specification)."""
        names: tuple[str, ...] = ()
        if self._is_root:
            names = (*_NOT_ON_ROOT, "maxLength") if is_constraint else _NOT_ON_ROOT
            if is_constraint:
                names += ("meaningWhenMissing",)
        elif not is_constraint:
            if self._definition.get("kind") != "primitive-type":
                names = _NOT_IN_TYPES  # the values of integers have their limits
            for needed in ("min", "max"):
                if needed not in self._entry:
                    yield Finding("element-prohibited", f"{self._path} must have {needed}")
        for name in names:
            if _has(self._entry, name):
                kind = "profile" if is_constraint else "type"
                yield Finding("element-prohibited", f"{self._path}: no {name} here in a {kind}")
        if not self._is_root and not self._codes and "contentReference" not in self._entry:
            message = f"{self._path} has neither types nor a contentReference"
            yield Finding("element-types", message)

    def _slicing(self, node: Node) -> Iterator[Placed]:
        slicing = self._entry.get("slicing")
        if not isinstance(slicing, dict):
            return
        name = self._path.partition(".")[0]
        structure = self._known.store.type(name) if "/" not in name else None
        element = None if structure is None else element_at(structure.root, self._path)
        if element is None:
            return
        place = step(node, "slicing")
        if element.cardinality.max == 1 and not element.choice:
            message = f"{self._path} does not repeat, so it cannot be sliced"
            yield place, Finding("element-slicing", message)
        codes = {name} if self._is_root else {text(one, "code") for one in self._types} - {None}
        own = any(child.path for child in element.children)
        focus = {self._path} if own and not self._is_root and codes else codes
        for at, discriminator in objects(slicing.get("discriminator")):
            path = text(discriminator, "path")
            if path is None or not focus:
                continue
            try:
                check_types(
                    parse(path), self._known.model, frozenset(map(str, focus)), check_order=False
                )
            except FhirkitError as problem:
                message = f"the discriminator leads nowhere: {problem.message}"
                yield step(place, "discriminator", at), Finding("element-discriminator", message)

    def _type(self, one: Json, node: Node) -> Iterator[Placed]:
        code = text(one, "code")
        if code is None:
            return
        for at, canonical in enumerate(texts(one.get("profile"))):
            for finding in self._profile(canonical, code):
                yield step(node, "profile", at), finding
        for at, canonical in enumerate(texts(one.get("targetProfile"))):
            for finding in self._target(canonical, code):
                yield step(node, "targetProfile", at), finding

    def _profile(self, canonical: str, code: str) -> Iterator[Finding]:
        structure = self._known.store.structure(canonical)
        if structure is None:
            return
        if code not in (structure.url, *self._known.is_instance_of(structure.type)):
            message = f"{canonical} is a profile of {structure.type}, not of {code}"
            yield Finding("element-type-profile", message)
        elif structure.type == "Extension":
            is_modifier = self._path.endswith(".modifierExtension")
            if structure.root.modifier and not is_modifier:
                message = f"{canonical} is a modifier; it belongs in modifierExtension"
                yield Finding("element-type-profile", message)
            elif is_modifier and not structure.root.modifier:
                message = f"{canonical} is no modifier; it belongs in extension"
                yield Finding("element-type-profile", message)

    def _target(self, canonical: str, code: str) -> Iterator[Finding]:
        if code not in _TARGETED:
            yield Finding("element-type-profile", f"{code} refers to nothing")
            return
        structure = self._known.store.structure(canonical)
        is_logical = self._definition.get("kind") == "logical"
        if structure is not None and structure.kind != "resource" and not is_logical:
            message = f"{canonical} is a {structure.kind}; a target is a resource"
            yield Finding("element-type-profile", message)

    def _values(self, node: Node) -> Iterator[Placed]:
        """In a snapshot fixed, default and pattern values are of one of the types."""
        element_id = text(self._entry, "id")
        if element_id is None or "." not in element_id or not self._codes:
            return
        for name in ("defaultValue", "fixed", "pattern"):
            typed = builders.typed_value(self._entry, name)
            if typed is None:
                continue
            if not any(typed.type == code[:1].upper() + code[1:] for code in self._codes):
                listed = ", ".join(sorted(self._codes))
                message = f"{name}{typed.type}, but the types are {listed}"
                place = (node, f"{name}{typed.type}", f"{name}.ofType({_lower(typed.type)})", None)
                yield place, Finding("element-value-type", message)


def _has(entry: Json, name: str) -> bool:
    """Whether an element is there, be it a choice."""
    if name in entry:
        return True
    return any(key.startswith(name) and key[len(name) :][:1].isupper() for key in entry)


def _lower(name: str) -> str:
    primitive = name[:1].lower() + name[1:]
    return primitive if primitive in _LENGTHY | {"boolean", "base64Binary"} else name
