"""Conditions of slices: whether an item is what a discriminator looks for.

https://hl7.org/fhir/R4/profiling.html#discriminator. The conditions come from
``schema/discriminator.py``; what has to be found at the end of their steps are schema nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from fhirkit.schema.discriminator import Condition, Step
from fhirkit.schema.model import ElementSchema, StructureSchema, TypedValue, TypeReference
from fhirkit.validate.profiles import values
from fhirkit.validate.profiles.definitions import Definitions
from fhirkit.validate.profiles.items import Item, Items

_ANY = ("Resource", "DomainResource")
_TOLD_BY_PARTS = ("CodeableConcept", "Coding", "Identifier")

#: Whether an item follows a profile.
Follows = Callable[[Item, StructureSchema], bool]


class Conditions:
    """Answers conditions about the items of one document."""

    def __init__(self, definitions: Definitions, items: Items, follows: Follows) -> None:
        self._definitions = definitions
        self._items = items
        self._follows = follows

    def meets(self, item: Item, condition: Condition) -> bool:
        """Whether an item meets a slice's condition."""
        places = self._follow(item, condition.steps)
        if condition.kind == "exists":
            limits = condition.nodes[0].cardinality
            return not places if limits.max == 0 else bool(places)
        met = (
            any(self._satisfies(place, node) for place in places)
            or (node.cardinality.max == 0 and not places)
            for node in condition.nodes
        )
        return any(met) if condition.any_node else all(met)

    def _follow(self, start: Item, steps: tuple[Step, ...]) -> list[Item]:
        """The items at the end of a discriminator's path."""
        items = [start]
        for step in steps:
            items = [found for item in items for found in self._step(item, step)]
        return items

    def _step(self, item: Item, step: Step) -> list[Item]:
        if step.kind == "resolve":
            target = self._items.resolve(item)
            return [] if target is None else [target]
        if step.kind == "ofType":
            return [item] if item.type == step.name else []
        if step.kind == "extension":
            extensions = self._items.children(item, "extension")
            return [
                one
                for one in extensions
                if isinstance(one.value, dict) and one.value.get("url") == step.name
            ]
        return self._items.children(item, step.name)

    def _satisfies(self, item: Item, node: ElementSchema) -> bool:
        """Whether an item is what a node of a condition describes."""
        if node.cardinality.max == 0:
            return False
        if node.fixed is not None and not _is_fixed(node.fixed, item.value):
            return False
        if node.pattern is not None and not values.matches(values.parsed(node.pattern), item.value):
            return False
        if node.types and not self._has_type(item, node.types):
            return False
        if node.binding is not None:
            check = self._definitions.coded(node, item)
            if item.value is None or (check is not None and check(item.value) is not None):
                return False
        return True

    def _has_type(self, item: Item, types: Iterable[TypeReference]) -> bool:
        lineage = self._definitions.lineage(item.type)
        for reference in types:
            if reference.code not in lineage and reference.code not in _ANY:
                continue
            if not reference.profiles:
                return True
            for profile in reference.profiles:
                structure = self._definitions.store.structure(profile)
                if structure is not None and self._follows(item, structure):
                    return True
        return False


def _is_fixed(fixed: TypedValue, value: Any) -> bool:
    """Whether a value is told by a fixed one. Of concepts and identifiers what is fixed suffices.

    A display that is not fixed makes an item no stranger to its slice; it is an error in it.
    """
    same = values.matches if fixed.type in _TOLD_BY_PARTS else values.is_exactly
    return same(values.parsed(fixed), value)
