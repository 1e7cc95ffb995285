"""What the rules about definitions may ask: the definitions at hand, and the type model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fhirkit.fhirpath.model import ModelInfo
from fhirkit.schema.store import SchemaStore
from fhirkit.validate.location import Node
from fhirkit.validate.rules.finding import Finding
from fhirkit.validate.shapes import Shapes

Json = dict[str, Any]
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

    def lineage(self, type_name: str) -> tuple[str, ...]:
        """A type and its ancestors, nearest first."""
        return self._shapes.lineage(type_name)


def objects(value: Any) -> Iterator[tuple[int, Json]]:
    """The objects of a list, with their places; nothing of what is no list."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, dict):
                yield index, item


def texts(value: Any) -> list[str]:
    """The texts of a list; nothing of what is no list."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def text(element: Json, name: str) -> str | None:
    """A property that is a text, or None."""
    value = element.get(name)
    return value if isinstance(value, str) else None
