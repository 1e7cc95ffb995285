"""What the rules about definitions may ask: the definitions at hand, and the type model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from fhirkit.fhirpath.model import ModelInfo
from fhirkit.schema import builders
from fhirkit.schema.model import TypeReference
from fhirkit.schema.store import SchemaStore
from fhirkit.validate.location import Node
from fhirkit.validate.rules.finding import Finding
from fhirkit.validate.shapes import Shapes

Json = dict[str, Any]
_ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*:[^ ]+")
#: A finding with the node it belongs to.
Placed = tuple[Node, Finding]


class Known:
    """The definitions at hand of one validator, and the resource a rule looks at."""

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes

    @property
    def store(self) -> SchemaStore:
        """The schemas, value sets and code systems."""
        return self._shapes.store

    @property
    def model(self) -> ModelInfo:
        """The types, as FHIRPath sees them."""
        return self._shapes.model

    def outside(self, inner: str, outer: str) -> str | None:
        """A code of one value set that another, which is known whole, does not hold; or None."""
        one, other = self.store.value_set(inner), self.store.value_set(outer)
        if one is None or other is None or other.missing:
            return None
        for system, code in self.store.members(one):
            if self.store.has_member(other, system, code) is False:
                return f"{system}#{code}"
        return None

    def is_instance_of(self, type_name: str) -> set[str]:
        """A type, and the abstract ones above it: a Count is no Quantity, though based on it."""
        above = [name for name in self.lineage(type_name) if name != type_name]
        types = ((name, self.store.type(name)) for name in above)
        return {type_name, *(name for name, one in types if one is not None and one.abstract)}

    def lineage(self, type_name: str) -> tuple[str, ...]:
        """A type and its ancestors, nearest first."""
        return self._shapes.lineage(type_name)


def objects(value: Any) -> Iterator[tuple[int, Json]]:
    """The objects of a list, with their places; nothing of what is no list."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, dict):
                yield index, item


def inner(element: Json, name: str) -> Json:
    """A property that is an object; an empty one where there is none."""
    value = element.get(name)
    return value if isinstance(value, dict) else {}


def texts(value: Any) -> list[str]:
    """The texts of a list; nothing of what is no list."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def types(element: Json) -> tuple[TypeReference, ...]:
    """The types of an ElementDefinition, as far as they have the shape of some."""
    given = [
        {
            "code": one["code"],
            "profile": texts(one.get("profile")),
            "targetProfile": texts(one.get("targetProfile")),
            "extension": [extension for _, extension in objects(one.get("extension"))],
        }
        for _, one in objects(element.get("type"))
        if isinstance(one.get("code"), str)
    ]
    return builders.types({"type": given})


def text(element: Json, name: str) -> str | None:
    """A property that is a text, or None."""
    value = element.get(name)
    return value if isinstance(value, str) else None


def is_absolute(url: str) -> bool:
    """Whether an identifying URL has a scheme, written small as it is meant to be compared."""
    return _ABSOLUTE.fullmatch(url) is not None
