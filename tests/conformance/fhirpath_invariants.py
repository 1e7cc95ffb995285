"""Every invariant of the R4 core definitions, and every place of a resource where one applies."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from fhirkit.definitions.embedded import connect
from fhirkit.fhirpath import embedded_model
from fhirkit.fhirpath.elements import Element, child, root
from fhirkit.schema.model import ElementSchema, StructureSchema, decode_structure

_CORE = "http://hl7.org/fhir/StructureDefinition/"
# txt-1 and txt-2 need the narrative rules of the validator.
_LEFT_OUT = frozenset({"htmlChecks()"})


@cache
def schema_of(type_name: str) -> StructureSchema | None:
    """The compiled definition of a type."""
    row = connect().execute("SELECT body FROM schema WHERE url = ?", (_CORE + type_name,))
    body = row.fetchone()
    return None if body is None else decode_structure(body[0])


@cache
def _by_path(type_name: str) -> dict[str, ElementSchema]:
    schema = schema_of(type_name)
    found: dict[str, ElementSchema] = {}
    pending = [schema.root] if schema else []
    while pending:
        element = pending.pop()
        found[element.path] = element
        pending.extend(element.children)
    return found


@cache
def expressions_at(owner: str, path: str) -> tuple[str, ...]:
    """The expressions of the invariants at a path of a type."""
    schema, element = schema_of(owner), _by_path(owner).get(path)
    if schema is None or element is None:
        return ()
    texts = [schema.constraints[key].expression for key in element.constraints]
    return tuple(text for text in texts if text and text not in _LEFT_OUT)


def places(resource: dict[str, Any]) -> Iterator[tuple[Element, tuple[str, ...], Element]]:
    """(element, expressions that apply to it, the resource it is in), depth first."""
    model = embedded_model()
    whole = root(model, resource)
    pending = [(whole, whole, whole.type, whole.type)]
    while pending:
        element, container, owner, path = pending.pop()
        texts = expressions_at(owner, path)
        if path != element.type:
            own = expressions_at(element.type, element.type)
            texts = tuple(dict.fromkeys((*texts, *own)))
        yield element, texts, container
        info = model.type(element.type)
        for part in info.children.values() if info else ():
            for found in child(model, element, part.name):
                is_resource = schema_of(found.type) and schema_of(found.type).kind == "resource"
                if is_resource:
                    pending.append((found, found, found.type, found.type))
                    continue
                suffix = "[x]" if part.choice else ""
                head = element.type.partition(".")[0]
                where = found.type if "." in found.type else f"{element.type}.{part.name}{suffix}"
                pending.append((found, container, head, where))
