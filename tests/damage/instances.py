"""Valid instances of any resource type, made from the compiled definitions by chance.

A seed decides everything, so an instance can be made again. What the shape of a type demands is
followed by construction; what its invariants demand is reached by leaving out, adding or making
anew elements around a broken one, as long as that leaves fewer errors.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

from fhirkit import Validator
from fhirkit.core.issues import Severity
from fhirkit.schema.model import ElementSchema, StructureSchema, TypeReference
from fhirkit.schema.store import SchemaStore

XHTML = "http://www.w3.org/1999/xhtml"
#: Deeper than this only what is required is made.
_DEEP = 5
#: A word in the canonical of a value set that cannot be listed → a code of it.
_UNLISTED = {
    "mimetypes": ("urn:ietf:bcp:13", "text/plain"),
    "languages": ("urn:ietf:bcp:47", "en"),
    "currenc": ("urn:iso:std:iso:4217", "EUR"),
    "ucum": ("http://unitsofmeasure.org", "mg"),
    "loinc.org/vs/": ("http://loinc.org", "LA6683-2"),
}
_UUID = "urn:uuid:5f0d1c2e-9a41-4b6e-8d57-3c2b1a0f9e8d"

PRIMITIVES: dict[str, tuple[Any, ...]] = {
    "base64Binary": ("aGVsbG8=", "AAECAwQ=", "Zm9v"),
    "boolean": (True, False),
    "canonical": ("http://example.org/fhir/thing", "http://example.org/fhir/thing|1.0"),
    "code": ("one", "two-words", "in between"),
    "date": ("2024", "2024-02", "2024-02-29", "1999-12-31"),
    "dateTime": ("2024", "2024-02", "2024-02-29", "2024-02-29T08:30:00Z"),
    "decimal": (1, 0.5, 20),
    "id": ("one", "a-b.C1", "x" * 64),
    "instant": ("2024-02-29T08:30:00Z", "2023-06-30T23:59:59.123+02:00"),
    "integer": (0, 3, -7),
    "markdown": ("plain", "a *marked* line\n\nand another"),
    "oid": ("urn:oid:2.999.1", "urn:oid:2.16.840.1"),
    "positiveInt": (1, 12),
    "string": ("some text", "Ärger & Söhne", "x"),
    "time": ("08:30:00", "23:59:59"),
    "unsignedInt": (0, 1, 12),
    "uri": ("http://example.org/fhir/place", "urn:oid:2.999.1"),
    "url": ("http://example.org/fhir/place", "mailto:someone@example.org"),
    "uuid": (_UUID,),
    "xhtml": (f'<div xmlns="{XHTML}"><p>said in words</p></div>',),
}
#: Data types that are made as one piece.
SAMPLES: dict[str, dict[str, Any]] = {
    "CodeableConcept": {"text": "in words"},
    "Coding": {"system": "http://example.org/codes", "code": "one"},
    "Extension": {"url": "http://example.org/fhir/more", "valueString": "more"},
    "Narrative": {"status": "generated", "div": PRIMITIVES["xhtml"][0]},
}


class Maker:
    """Makes instances. ``density`` is the chance of an optional element, at the top."""

    def __init__(self, store: SchemaStore, seed: int, density: float = 0.4) -> None:
        self._store = store
        self._random = random.Random(seed)  # noqa: S311  # made-up data
        self._density = density

    def resource(self, name: str, depth: int = 0) -> dict[str, Any]:
        """A resource whose shape, values and codes are as its type demands."""
        structure = self._store.type(name)
        assert structure is not None
        made = {"resourceType": name}
        made.update(self._children(structure, structure.root, depth))
        return made

    def changes(
        self, source: StructureSchema, element: ElementSchema, made: dict[str, Any]
    ) -> Iterator[dict[str, Any]]:
        """An object with one optional child less, one more, or one made anew."""
        for key in made:
            if key != "resourceType":
                yield {name: value for name, value in made.items() if name != key}
        for child in element.children:
            if not _is_simple(child) or child.cardinality.max == 0:
                continue
            rest = dict(made)
            if child.choice:
                for reference in child.types:
                    rest.pop(child.name + reference.code[0].upper() + reference.code[1:], None)
            for _ in range(3):
                more = dict(rest)
                more.pop(child.name, None)
                self._add(more, source, child, _DEEP - 2)
                if more != made:
                    yield more

    def _children(
        self, source: StructureSchema, element: ElementSchema, depth: int
    ) -> dict[str, Any]:
        made: dict[str, Any] = {}
        chance = self._density if depth < _DEEP else 0.0
        wanted = [
            child
            for child in element.children
            if child.cardinality.max != 0
            and (
                child.cardinality.min
                or (_is_simple(child) and self._random.random() < chance / (1 + depth / 2))
            )
        ]
        for child in wanted:
            self._add(made, source, child, depth)
        if not made:
            # An element says something: an optional child that is cheap to make.
            for child in element.children:
                if _is_simple(child) and child.cardinality.max != 0 and child.types:
                    self._add(made, source, child, depth + 1)
                    break
        return made

    def _add(
        self, made: dict[str, Any], source: StructureSchema, child: ElementSchema, depth: int
    ) -> None:
        reference = self._random.choice(child.types) if child.types else None
        key = child.name
        if child.choice and reference is not None:
            key += reference.code[0].upper() + reference.code[1:]
        count = 1
        if child.array:
            most = child.cardinality.max or 3
            count = max(child.cardinality.min, min(most, self._random.choice((1, 1, 2))))
        values = []
        for _ in range(count):
            value = self._value(source, child, reference, depth + 1)
            if value is not None and value not in values:
                values.append(value)
        if values:
            made[key] = values if child.array else values[0]

    def _value(
        self,
        source: StructureSchema,
        element: ElementSchema,
        reference: TypeReference | None,
        depth: int,
    ) -> Any:
        if element.content_reference is not None:
            target = _find(source.root, element.content_reference.rpartition("#")[2])
            return self._children(source, target, max(depth, _DEEP - 1))
        if element.children and not element.choice:
            return self._children(source, element, depth)
        assert reference is not None
        name = reference.code
        if name in ("code", "Coding", "CodeableConcept", "Quantity", "uri", "string"):
            coded = self._coded(element, name)
            if coded is not None:
                return coded
        if name == "code" and element.name == "language":
            return self._random.choice(("en", "de-CH"))
        if name in PRIMITIVES:
            return self._random.choice(PRIMITIVES[name])
        if name in SAMPLES:
            return copy.deepcopy(SAMPLES[name])
        if name == "Reference":
            return self._reference(reference)
        if name == "Resource":
            return self.resource(self._random.choice(("Basic", "Patient", "Organization")), _DEEP)
        profile = self._store.structure(reference.profiles[0]) if reference.profiles else None
        structure = profile or self._store.type(name)
        assert structure is not None, name
        return self._children(structure, structure.root, depth)

    def _coded(self, element: ElementSchema, name: str) -> Any:
        """A value with a code of a required or extensible binding, or None where any will do."""
        binding = element.binding
        if binding is None or binding.strength not in ("required", "extensible"):
            return None
        pairs = self._pairs(binding.value_set or "")
        if not pairs or (name != "code" and binding.strength != "required" and "C" not in name):
            return None
        system, code = self._random.choice(pairs)
        if name in ("code", "uri", "string"):
            return code
        coding = {"system": system, "code": code}
        if name == "Quantity":
            return {"value": 2, "unit": code, **coding}
        return coding if name == "Coding" else {"coding": [coding]}

    def _pairs(self, value_set: str) -> list[tuple[str, str]]:
        """System and code of what a value set lists, or one that is known to be in it."""
        found = self._store.value_set(value_set)
        if found is None or found.missing:
            return [pair for word, pair in _UNLISTED.items() if word in value_set]
        pairs = [(system, code) for system, codes in found.codes.items() for code in codes]
        for system in found.whole:
            pairs.extend((system, code) for code in sorted(self._store.codes(system) or ()))
        return pairs

    def _reference(self, reference: TypeReference) -> dict[str, Any]:
        names = [url.rpartition("/")[2] for url in reference.target_profiles]
        names = [name for name in names if name in self._store.resource_types] or ["Patient"]
        return {"reference": f"{self._random.choice(names)}/one"}


#: Elements that are made only where they are required: they ask for more than a value.
_NEVER = frozenset({"id", "contained", "implicitRules", "modifierExtension"})
#: The same, by path: they have to agree with the data beside them.
_NEVER_HERE = frozenset({"Attachment.size", "Attachment.hash"})


def _is_simple(element: ElementSchema) -> bool:
    return element.name not in _NEVER and element.path not in _NEVER_HERE


def valid_instance(
    validator: Validator, store: SchemaStore, name: str, seed: int, density: float = 0.4
) -> dict[str, Any] | None:
    """A resource without errors, or None when chance does not find one."""
    for attempt in range(6):
        maker = Maker(store, seed * 31 + attempt, density / (1 + attempt))
        made = maker.resource(name)
        wrong = errors(validator, made)
        for _ in range(40):
            if not wrong:
                return made
            better = _better(validator, store, maker, made, wrong)
            if better is None:
                break
            made, wrong = better
    return None


def errors(validator: Validator, resource: dict[str, Any]) -> list[str]:
    """The places of all errors."""
    issues = validator.validate(resource).issues
    grave = (Severity.ERROR, Severity.FATAL)
    return [issue.expression or "" for issue in issues if issue.severity in grave]


def _better(
    validator: Validator,
    store: SchemaStore,
    maker: Maker,
    made: dict[str, Any],
    wrong: list[str],
) -> tuple[dict[str, Any], list[str]] | None:
    """The resource with one element left out or put in, and with fewer errors than before."""
    way = keys_of(wrong[0])
    while True:
        parent = _at(made, way)
        element = _element_at(store, made["resourceType"], way, made)
        if isinstance(parent, dict) and element is not None:
            source, own = element
            for changed in maker.changes(source, own, parent):
                candidate = _with(made, way, changed)
                left = errors(validator, candidate)
                if len(left) < len(wrong):
                    return candidate, left
        if not way:
            return None
        way = way[:-1]


def keys_of(expression: str) -> tuple[str | int, ...]:
    """The JSON keys of a FHIRPath place: ``A.b[0].c.ofType(X)`` is ``("b", 0, "cX")``."""
    found: list[str | int] = []
    for part in expression.replace(".ofType(", "\0").split(".")[1:]:
        name, _, index = part.rstrip("]").partition("[")
        name, _, type_name = name.partition("\0")
        type_name = type_name.rstrip(")")
        found.append(name + type_name[:1].upper() + type_name[1:])
        if index:
            found.append(int(index))
    return tuple(found)


def _at(value: Any, way: tuple[str | int, ...]) -> Any:
    for key in way:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _with(value: Any, way: tuple[str | int, ...], new: Any) -> Any:
    """A copy of a value with another one at a place."""
    if not way:
        return new
    if isinstance(value, list):
        copied: Any = list(value)
    else:
        copied = dict(value)
    copied[way[0]] = _with(value[way[0]], way[1:], new)
    return copied


def _element_at(
    store: SchemaStore, name: str, way: tuple[str | int, ...], value: Any
) -> tuple[StructureSchema, ElementSchema] | None:
    """The schema of the element at a place."""
    structure = store.type(name)
    if structure is None:
        return None
    element = structure.root
    for key in way:
        value = _at(value, (key,))
        if isinstance(key, int):
            continue
        if not element.children or element.choice:
            return None
        step = _child(element, key)
        if step is None:
            return None
        element, reference = step
        if element.content_reference is not None:
            element = _find(structure.root, element.content_reference.rpartition("#")[2])
        elif (not element.children or element.choice) and reference is not None:
            type_name = reference.code
            if type_name == "Resource" and isinstance(value, dict):
                type_name = value.get("resourceType", "")
            inner = store.type(type_name)
            if inner is None or inner.kind == "primitive-type":
                continue
            structure, element = inner, inner.root
    return structure, element


def _child(element: ElementSchema, key: str) -> tuple[ElementSchema, TypeReference | None] | None:
    for child in element.children:
        if not child.choice and child.name == key:
            return child, child.types[0] if child.types else None
        for reference in child.types if child.choice else ():
            if key == child.name + reference.code[0].upper() + reference.code[1:]:
                return child, reference
    return None


def _find(element: ElementSchema, path: str) -> ElementSchema:
    if element.path == path:
        return element
    for child in element.children:
        if path == child.path or path.startswith(f"{child.path}."):
            return _find(child, path)
    raise LookupError(path)
