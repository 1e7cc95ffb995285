"""Types by name: ``is``, ``as``, ``ofType`` and ``type()`` (http://hl7.org/fhirpath/N1/#types)."""

from __future__ import annotations

import msgspec

from fhirkit.fhirpath.elements import Element
from fhirkit.fhirpath.errors import SemanticError
from fhirkit.fhirpath.frame import Frame, Item, system_name
from fhirkit.fhirpath.model import ModelInfo

SYSTEM_TYPES = frozenset(
    {"Any", "Boolean", "Integer", "Long", "Decimal", "String", "Date", "DateTime", "Time"}
    | {"Quantity"}
)


class TypeSpecifier(msgspec.Struct, frozen=True):
    """A type an expression names: the FHIR type, the System type, or both (``Quantity``)."""

    fhir: str | None
    system: str | None


class TypeName(msgspec.Struct, frozen=True):
    """What ``type()`` gives: a name in a namespace, with its base type."""

    namespace: str
    name: str
    base: str

    def member(self, name: str) -> list[str]:
        """The properties ``namespace``, ``name`` and ``baseType``."""
        values = {"namespace": self.namespace, "name": self.name, "baseType": self.base}
        return [values[name]] if name in values else []


def specifier(model: ModelInfo, text: str) -> TypeSpecifier:
    """The type a text names; ``SemanticError`` when no such type is known."""
    namespace, dot, name = text.rpartition(".")
    known_fhir = model.type(text if dot and namespace not in ("FHIR", "System") else name)
    if dot and namespace not in ("FHIR", "System"):
        if known_fhir is not None:
            return TypeSpecifier(text, None)
        raise SemanticError(f"unknown type {text}")
    fhir = name if known_fhir is not None and namespace != "System" else None
    system = name if name in SYSTEM_TYPES and namespace != "FHIR" else None
    if fhir is None and system is None and namespace != "System":
        raise SemanticError(f"unknown type {text}")
    return TypeSpecifier(fhir, system or (name if namespace == "System" else None))


def is_of(frame: Frame, item: Item, wanted: TypeSpecifier) -> bool:
    """``is``: the type itself or one derived from it."""
    if not isinstance(item, Element):
        return wanted.system is not None and wanted.system in ("Any", system_name(item))
    if wanted.fhir is not None:
        return wanted.fhir in (frame.model.lineage(item.type) or (item.type,))
    # HL7's validator takes `is Boolean` for `is boolean`; published invariants rely on it.
    return not frame.strict and wanted.system is not None and _respelled(wanted.system) == item.type


def _respelled(system: str) -> str:
    return system[:1].lower() + system[1:]


def selected_as(frame: Frame, item: Item, wanted: TypeSpecifier) -> bool:
    """``as`` and ``ofType``: as ``is``, but a primitive must be of the very type."""
    if isinstance(item, Element) and wanted.fhir is not None and item.type != wanted.fhir:
        info = frame.model.type(item.type)
        if info is not None and info.is_primitive:
            return False
    return is_of(frame, item, wanted)


def type_of(frame: Frame, item: Item) -> TypeName:
    """The type of an item, as a value."""
    if not isinstance(item, Element):
        return TypeName("System", system_name(item), "System.Any")
    info = frame.model.type(item.type)
    base = info.base if info is not None else None
    return TypeName("FHIR", item.type or "Element", f"FHIR.{base}" if base else "System.Any")
