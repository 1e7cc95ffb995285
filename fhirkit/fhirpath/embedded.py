"""The model of the embedded FHIR definitions: a type is read when an expression first meets it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Protocol

import msgspec

from fhirkit.definitions.embedded import connect
from fhirkit.fhirpath.model import (
    ElementInfo,
    TypeInfo,
    TypeTable,
    element_info,
    system_type,
    type_info,
)

_CORE = "http://hl7.org/fhir/StructureDefinition/"


class _TypeReference(msgspec.Struct, frozen=True):
    code: str


class _Element(msgspec.Struct, frozen=True):
    path: str
    types: tuple[_TypeReference, ...] = ()
    array: bool = False
    choice: bool = False
    content_reference: str | None = None
    children: tuple[_Element, ...] = ()


class _Structure(msgspec.Struct, frozen=True):
    """The few parts of a stored schema that make a type."""

    type: str
    kind: str
    root: _Element
    base: str | None = None
    derivation: str | None = None


class ElementLike(Protocol):
    """An element of a compiled schema, as far as types go."""

    @property
    def path(self) -> str:
        """The dotted path."""

    @property
    def types(self) -> Sequence[TypeReferenceLike]:
        """The allowed types."""

    @property
    def array(self) -> bool:
        """Whether JSON writes a list."""

    @property
    def choice(self) -> bool:
        """Whether the path ends in ``[x]``."""

    @property
    def content_reference(self) -> str | None:
        """The element whose content this one shares."""

    @property
    def children(self) -> Sequence[ElementLike]:
        """The elements below."""


class TypeReferenceLike(Protocol):
    """One allowed type."""

    @property
    def code(self) -> str:
        """Its name."""


@lru_cache(maxsize=1)
def embedded_model() -> TypeTable:
    """FHIR R4 as it comes with fhirkit."""
    connection = connect()
    decode = msgspec.json.Decoder(_Structure).decode
    anonymous: dict[str, TypeInfo] = {}

    def load(name: str) -> TypeInfo | None:
        head, dot, _ = name.partition(".")
        if dot:
            table.type(head)
            return anonymous.get(name)
        row = connection.execute(
            "SELECT body FROM schema WHERE url = ?", (_CORE + name,)
        ).fetchone()
        if row is None:
            return None
        structure = decode(row[0])
        if structure.derivation == "constraint":
            return None
        base = (structure.base or "").rpartition("/")[2] or None
        found = list(types_of_schema(structure.type, structure.kind, base, structure.root))
        anonymous.update({info.name: info for info in found[1:]})
        return found[0]

    table = TypeTable("embedded", load)
    return table


def types_of_schema(
    name: str, kind: str, base: str | None, root: ElementLike
) -> Iterator[TypeInfo]:
    """The type a compiled schema describes, then the anonymous types inside it."""
    primitive = kind == "primitive-type"
    system = system_type(name) if primitive else None
    pending: list[tuple[str, str | None, str, ElementLike]] = [(name, base, kind, root)]
    while pending:
        type_name, base_name, kind_name, node = pending.pop(0)
        elements: list[ElementInfo] = []
        for child in node.children:
            own_name = child.path.rpartition(".")[2]
            if primitive and own_name == "value":
                continue
            codes = [reference.code for reference in child.types]
            if child.content_reference is not None:
                codes = [child.content_reference.rpartition("#")[2]]
            elif child.children and not child.choice:
                pending.append((child.path, codes[0] if codes else None, "complex-type", child))
                codes = [child.path]
            elements.append(element_info(own_name, codes, array=child.array))
        yield type_info(type_name, base_name, kind_name, elements, system if node is root else None)
