"""What a merge needs to know of FHIR: element types from the schema, and the validator's verdict.

``sync`` knows neither schema nor validator; here they are handed to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from fhirkit.schema.model import ElementSchema
    from fhirkit.schema.store import SchemaStore
    from fhirkit.sync.conflicts import Judgement

_INDEX = re.compile(r"\[\d+\]")
#: Data types are atoms, so nothing is looked up inside them.
_OPEN = ("BackboneElement", "Element", "Meta")


class SchemaKnowledge:
    """Element names and types from the embedded definitions."""

    def __init__(self, store: SchemaStore) -> None:
        self._store = store
        self._known: dict[tuple[str, ...], dict[str, ElementSchema]] = {}

    @classmethod
    def embedded(cls) -> Self:
        """With the definitions that come with fhirkit."""
        from fhirkit.definitions.embedded import connect
        from fhirkit.schema.store import SchemaStore

        return cls(SchemaStore(connect()))

    def element(self, place: tuple[str, ...], name: str) -> tuple[str, str | None]:
        """The element that a JSON name stands for, and its type (see ``sync.merge.Knowledge``)."""
        children = self._children(place)
        found = children.get(name)
        if found is not None:
            kinds = [one.code for one in found.types]
            if found.content_reference or not kinds:
                return name, "BackboneElement"
            return name, kinds[0] if len(kinds) == 1 else None
        for child in children.values():
            if child.choice and name.startswith(child.name):
                for one in child.types:
                    if name == child.name + one.code[:1].upper() + one.code[1:]:
                        return child.name, one.code
        return name, None

    def _children(self, place: tuple[str, ...]) -> dict[str, ElementSchema]:
        if place not in self._known:
            self._known[place] = {child.name: child for child in self._elements(place)}
        return self._known[place]

    def _elements(self, place: tuple[str, ...]) -> tuple[ElementSchema, ...]:
        if len(place) == 1:
            structure = self._store.type(place[0])
            return structure.root.children if structure is not None else ()
        element = self._children(place[:-1]).get(place[-1])
        if element is None:
            return ()
        if element.content_reference:
            parts = element.content_reference.rpartition("#")[2].split(".")
            return tuple(self._children(tuple(parts)).values())
        kinds = [one.code for one in element.types]
        if kinds == ["Meta"]:
            structure = self._store.type("Meta")
            return structure.root.children if structure is not None else ()
        return element.children if kinds and kinds[0] in _OPEN else ()


def judgement() -> Judgement:
    """What a merge rests on; schema and validator are loaded when a merge first needs them."""
    from fhirkit.sync.conflicts import Judgement

    class Late:
        """The definitions, opened when they are first asked about."""

        known: SchemaKnowledge | None = None

        def element(self, place: tuple[str, ...], name: str) -> tuple[str, str | None]:
            """As ``SchemaKnowledge.element``."""
            if self.known is None:
                self.known = SchemaKnowledge.embedded()
            return self.known.element(place, name)

    checks: list[Callable[[dict[str, Any]], frozenset[str]]] = []

    def errors(resource: dict[str, Any]) -> frozenset[str]:
        if not checks:
            checks.append(errors_of())
        return checks[0](resource)

    return Judgement(Late(), errors)


def errors_of() -> Callable[[dict[str, Any]], frozenset[str]]:
    """A function that names the errors the validator finds in a resource, without values."""
    from fhirkit.validate.validator import Validator

    validator = Validator()

    def errors(resource: dict[str, Any]) -> frozenset[str]:
        outcome = validator.validate(resource)
        # Without indexes: merging moves items, and an error that moved is no new one.
        return frozenset(
            f"{issue.rule} {_INDEX.sub('', issue.expression)}"
            for issue in outcome.issues
            if issue.is_error
        )

    return errors
