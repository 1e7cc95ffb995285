"""What FHIRPath needs to know about FHIR types: a protocol, and a table that fulfils it.

Types are named as in StructureDefinition.type; an anonymous type (BackboneElement or Element with
children of its own) by its path, for example ``Patient.contact``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import msgspec

_SYSTEM_URL = "http://hl7.org/fhirpath/System."
_FHIR_TYPE = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"
_INTEGERS = frozenset({"integer", "positiveInt", "unsignedInt"})
_BY_NAME = {
    "boolean": "Boolean",
    "decimal": "Decimal",
    "date": "Date",
    "dateTime": "DateTime",
    "instant": "DateTime",
    "time": "Time",
}


class ElementInfo(msgspec.Struct, frozen=True):
    """One child element: its name in FHIRPath, whether JSON writes a list, and its types.

    ``keys`` maps each JSON property that may hold it to the type found there: one entry for an
    ordinary element, one a type for a choice (``value`` → ``valueString``, ``valueQuantity`` …).
    """

    name: str
    array: bool
    keys: Mapping[str, str]
    choice: bool = False

    @property
    def types(self) -> tuple[str, ...]:
        """The possible types, each once."""
        return tuple(dict.fromkeys(self.keys.values()))


class TypeInfo(msgspec.Struct, frozen=True):
    """One FHIR type. ``system`` names the System type of a primitive's value, else None."""

    name: str
    base: str | None
    kind: str
    system: str | None = None
    children: Mapping[str, ElementInfo] = msgspec.field(default_factory=dict)
    by_key: Mapping[str, ElementInfo] = msgspec.field(default_factory=dict)

    @property
    def is_primitive(self) -> bool:
        """Whether instances are JSON primitives."""
        return self.system is not None


class ModelInfo(Protocol):
    """Where type information comes from. Implementations must be immutable in effect."""

    @property
    def name(self) -> str:
        """Tells this model from others in messages."""

    def type(self, name: str) -> TypeInfo | None:
        """The type of this name, or None when it is unknown."""

    def lineage(self, name: str) -> tuple[str, ...]:
        """The type and its ancestors, nearest first; empty when unknown."""


class TypeTable:
    """A ``ModelInfo`` that asks ``load`` once for each type it meets."""

    def __init__(self, name: str, load: Callable[[str], TypeInfo | None]) -> None:
        self._name = name
        self._load = load
        self._types: dict[str, TypeInfo | None] = {}
        self._lineages: dict[str, tuple[str, ...]] = {}

    @property
    def name(self) -> str:
        """What the table was made from."""
        return self._name

    def type(self, name: str) -> TypeInfo | None:
        """The type of this name, or None when it is unknown."""
        try:
            return self._types[name]
        except KeyError:
            info = self._types[name] = self._load(name)
            return info

    def lineage(self, name: str) -> tuple[str, ...]:
        """The type and its ancestors, nearest first; empty when unknown."""
        try:
            return self._lineages[name]
        except KeyError:
            names: list[str] = []
            current: str | None = name
            while current is not None and current not in names:
                info = self.type(current)
                if info is None:
                    break
                names.append(current)
                current = info.base
            line = self._lineages[name] = tuple(names)
            return line

    @classmethod
    def from_definitions(cls, name: str, definitions: Iterable[dict[str, Any]]) -> TypeTable:
        """A table of every type defined by these StructureDefinitions; profiles are left out."""
        types: dict[str, TypeInfo] = {}
        for definition in definitions:
            if definition.get("derivation") != "constraint" and definition.get("snapshot"):
                for info in types_of(definition):
                    types[info.name] = info
        return cls(name, types.get)


def type_info(
    name: str, base: str | None, kind: str, elements: Iterable[ElementInfo], system: str | None
) -> TypeInfo:
    """A ``TypeInfo`` with both of its indexes made from the elements."""
    children = {element.name: element for element in elements}
    by_key = {key: element for element in children.values() for key in element.keys}
    return TypeInfo(name, base, kind, system, children, by_key)


def element_info(name: str, types: Iterable[str], *, array: bool) -> ElementInfo:
    """An ``ElementInfo`` from the last part of a path (``value[x]``) and the type codes."""
    if name.endswith("[x]"):
        stem = name[:-3]
        keys = {stem + code[:1].upper() + code[1:]: code for code in types}
        return ElementInfo(stem, array, keys, choice=True)
    return ElementInfo(name, array, dict.fromkeys((name,), next(iter(types), "Element")))


def system_type(name: str) -> str:
    """The System type a FHIR primitive converts to (https://hl7.org/fhir/R4/fhirpath.html#types)."""
    return "Integer" if name in _INTEGERS else _BY_NAME.get(name, "String")


def types_of(definition: Mapping[str, Any]) -> Iterable[TypeInfo]:
    """The type a StructureDefinition defines, and the anonymous types inside it."""
    entries = definition["snapshot"]["element"]
    paths = {entry["path"].rpartition(".")[0] for entry in entries}
    children: dict[str, list[ElementInfo]] = {path: [] for path in paths}
    own: dict[str, str] = {}
    for entry in entries[1:]:
        if "sliceName" in entry:
            continue
        path: str = entry["path"]
        parent, _, name = path.rpartition(".")
        codes = [_type_code(reference) for reference in entry.get("type", ())]
        if "contentReference" in entry:
            codes = [entry["contentReference"].rpartition("#")[2]]
        elif path in paths:
            own[path] = codes[0] if codes else "Element"
            codes = [path]
        upper = entry.get("base", {}).get("max", entry.get("max", "*"))
        children[parent].append(element_info(name, codes, array=upper not in ("0", "1")))
    root: str = definition["type"]
    kind: str = definition["kind"]
    base = str(definition.get("baseDefinition", "")).rpartition("/")[2] or None
    primitive = kind == "primitive-type"
    own_elements = [e for e in children.get(root, ()) if not (primitive and e.name == "value")]
    yield type_info(root, base, kind, own_elements, system_type(root) if primitive else None)
    for path, base_type in own.items():
        yield type_info(path, base_type, "complex-type", children[path], None)


def _type_code(reference: Mapping[str, Any]) -> str:
    code = str(reference.get("code", "Element"))
    if not code.startswith(_SYSTEM_URL):
        return code
    for extension in reference.get("extension", ()):
        if extension.get("url") == _FHIR_TYPE:
            return str(extension.get("valueUrl") or extension.get("valueUri"))
    name = code.removeprefix(_SYSTEM_URL)
    return name[:1].lower() + name[1:]
