"""From a way through a JSON document to its node, named as FHIRPath names it."""

from __future__ import annotations

from typing import Any

from fhirkit.validate.location import Node, root
from fhirkit.validate.members import Kind, Shape
from fhirkit.validate.shapes import Shapes


def node_of(way: tuple[str | int, ...], document: Any, shapes: Shapes) -> Node:
    """The node of a way of property names and list places, as far as definitions know its names."""
    shape = _resource(document, shapes)
    node = root(document["resourceType"] if shape is not None else "Resource")
    value = document
    for key in way:
        if isinstance(key, int):
            node = (node[0], node[1], node[2], key)
            value = value[key] if isinstance(value, list) and key < len(value) else None
            continue
        member = shape.members.get(key) if shape is not None else None
        label = member.label if member is not None else ""
        node = (node, key, label or key.removeprefix("_"), None)
        value = value.get(key) if isinstance(value, dict) else None
        shape = None
        if member is not None and member.kind is Kind.RESOURCE:
            inner = value[0] if isinstance(value, list) and value else value
            shape = _resource(inner, shapes)
        elif member is not None and member.kind in (Kind.COMPLEX, Kind.SIBLING):
            shape = member.shape
    return node


def _resource(value: Any, shapes: Shapes) -> Shape | None:
    name = value.get("resourceType") if isinstance(value, dict) else None
    return shapes.resource(name) if isinstance(name, str) else None
