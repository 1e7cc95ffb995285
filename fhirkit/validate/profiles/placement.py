"""Where extensions stand, and whether their definitions allow it there.

https://hl7.org/fhir/R4/defining-extensions.html#context. A context names an element (by its path or
its type), an extension around, or what a FHIRPath expression finds in the resource.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from fhirkit.core.errors import FhirkitError
from fhirkit.fhirpath.environment import Environment
from fhirkit.fhirpath.expression import Expression
from fhirkit.schema.model import ExtensionContext, StructureSchema
from fhirkit.validate.location import Node, keys
from fhirkit.validate.members import Kind, Member, Shape
from fhirkit.validate.profiles.conformance import Conformance
from fhirkit.validate.profiles.contexts import widened
from fhirkit.validate.profiles.items import Item
from fhirkit.validate.reports import Found
from fhirkit.validate.shapes import Shapes

#: Places that are remembered.
_MANY = 4096
#: Names that later packages use for groups of types; they are types only from R5 on.
_GROUPS = frozenset({"CanonicalResource", "MetadataResource"})
#: Elements that show an element of any type as an example: whatever may stand there may stand here.
_SHOWN = frozenset({
    "ElementDefinition.example.value", "ElementDefinition.pattern", "ElementDefinition.fixed",
})  # fmt: skip


class _Place(NamedTuple):
    """Where an extension stands: every name that a context may call the element by."""

    names: frozenset[str]
    shape: Shape | None
    member: Member | None


class Placement:
    """The places of one document."""

    def __init__(self, shapes: Shapes, conformance: Conformance, document: Any) -> None:
        self._shapes = shapes
        self._conformance = conformance
        self._document = document

    def check(self, definition: StructureSchema, node: Node) -> Iterator[Found]:
        """That an extension's definition allows the place of the extension at a node."""
        parent = node[0]
        if parent is None or not definition.contexts:
            return
        place = self._place(parent)
        if _SHOWN & {name.replace("[x]", "") for name in place.names}:
            return
        if not self._allows(definition, parent, place):
            allowed = ", ".join(context.expression for context in definition.contexts)
            message = f"the extension {definition.url} is not allowed here, but on {allowed}"
            yield Found("extension-context", message, parent, node)
            return
        for text in definition.context_invariants:
            if self._evaluated(text, parent) in ([], [False]):
                message = f"the extension {definition.url} is not allowed here, but where {text}"
                yield Found("extension-context", message, parent, node)
                return

    def item(self, value: dict[str, Any], node: Node) -> Item | None:
        """An extension as an item; None when no definition tells what stands there."""
        place = self._place(node)
        if place.member is None:
            return None
        item = Item(value, None, "Extension", node, place.shape, place.member)
        resource, above = self._resource_of(node)
        name = str(resource.get("resourceType"))
        item.resource = Item(resource, None, name, above, self._shapes.resource(name), None)
        return item

    def _allows(self, definition: StructureSchema, parent: Node, place: _Place) -> bool:
        contexts = definition.contexts
        if any(self._fits(context, parent, place) for context in contexts):
            return True
        return any(_is_element(expression, place) for expression in widened(definition.url))

    def _fits(self, context: ExtensionContext, parent: Node, place: _Place) -> bool:
        if context.type == "extension":
            return bool(context.expression == self._extension_around(parent))
        if context.type == "fhirpath":
            value, extra = self._at(parent)
            found = self._found(context.expression, parent)
            if found is None:
                return True
            # Of primitives, what stands beside them is the element; their values repeat.
            is_object = isinstance(value, dict)
            return any(one is value if is_object else twin is extra for one, twin in found)
        profile, hash_sign, path = context.expression.rpartition("#")
        if hash_sign and not self._follows(parent, profile):
            return False
        return _is_element(path, place)

    def _follows(self, parent: Node, canonical: str) -> bool:
        """Whether the resource around follows a profile; taken for granted of an unknown one."""
        structure = self._shapes.store.structure(canonical)
        if structure is None:
            return True
        resource, node = self._resource_of(parent)
        name = str(resource.get("resourceType"))
        item = Item(resource, None, name, node, self._shapes.resource(name), None)
        return self._conformance.follows(item, structure)

    def _extension_around(self, parent: Node) -> Any:
        """The url of the extension that an extension stands in, itself or in its value."""
        value, _ = self._at(parent)
        if parent[1].removeprefix("_").startswith("value") and parent[0] is not None:
            value, _ = self._at(parent[0])
        return value.get("url") if isinstance(value, dict) else None

    # Expressions

    def _found(self, text: str, parent: Node) -> list[tuple[Any, Any]] | None:
        """What an expression finds in the resource around; None when it cannot be evaluated."""
        resource, _ = self._resource_of(parent)
        try:
            expression = Expression(text, self._shapes.model)
            environment = Environment(resource=resource, root_resource=self._document)
            items = expression.items(resource, environment)
        except FhirkitError:
            return None
        return [(getattr(one, "value", one), getattr(one, "extra", None)) for one in items]

    def _evaluated(self, text: str, parent: Node) -> list[Any] | None:
        """What an expression gives for the element an extension stands on."""
        resource, _ = self._resource_of(parent)
        value, extra = self._at(parent)
        place = self._place(parent)
        type_name = place.member.type if place.member is not None else None
        try:
            expression = Expression(text, self._shapes.model, type_name)
            environment = Environment(resource=resource, root_resource=self._document)
            return expression.evaluate(value, environment, type_name=type_name, extra=extra)
        except FhirkitError:
            return None

    # Ways through the document

    def _at(self, node: Node) -> tuple[Any, Any]:
        """What stands at a node: a value, and what stands beside a primitive."""
        above = node[0]
        if above is None:
            return self._document, None
        holder, beside = self._at(above)
        holder = holder if isinstance(holder, dict) else beside
        name = node[1].removeprefix("_")
        found = [_entry(holder, key, node[3]) for key in (name, f"_{name}")]
        return found[0], found[1]

    def _resource_of(self, node: Node) -> tuple[dict[str, Any], Node]:
        """The innermost resource around a place."""
        nodes: list[Node] = [node]
        while (above := nodes[-1][0]) is not None:
            nodes.append(above)
        value = self._document
        found, place = value, nodes[-1]
        for step in reversed(nodes[:-1]):
            value = value.get(step[1]) if isinstance(value, dict) else None
            if step[3] is not None:
                value = value[step[3]] if isinstance(value, list) else None
            if isinstance(value, dict) and "resourceType" in value:
                found, place = value, step
        return found, place

    def _place(self, node: Node) -> _Place:
        """Where a node is; the same way leads to the same place in every document."""
        way = keys(node)
        steps = (None if isinstance(key, int) else key for key in way)
        slot = (str(self._document.get("resourceType")), *steps)
        known: _Place | None = self._shapes.places.get(slot)
        if known is not None:
            return known
        place, by_shape = self._follow(way)
        if by_shape:
            if len(self._shapes.places) >= _MANY:
                self._shapes.places.clear()
            self._shapes.places[slot] = place
        return place

    def _follow(self, way: tuple[str | int, ...]) -> tuple[_Place, bool]:
        """Follow a way through the shapes, collecting the element's names; and whether the shapes
        alone tell it, without the resources that stand in others.
        """
        by_shape = True
        value: Any = self._document
        shape = self._shapes.resource(str(value.get("resourceType")))
        member: Member | None = None
        names = self._names(shape.type) if shape is not None else set()
        for key in way:
            value = value[key]
            if isinstance(key, int) or shape is None:
                names = names if shape is not None else set()
                if isinstance(key, int) and member is not None and member.kind is Kind.RESOURCE:
                    shape, names = self._resource(value)
                continue
            member = shape.members.get(key)
            if member is None:
                return _Place(frozenset(), None, None), False
            name = member.element.name
            names = {f"{one}.{name}" for one in names} | {f"{one}.{key}" for one in names}
            names.add(member.element.path)
            if member.kind is Kind.RESOURCE:
                by_shape = False
                shape, names = self._resource(value)
                continue
            names |= self._names(member.type)
            shape = member.shape if member.kind is not Kind.PRIMITIVE else None
            if shape is not None and member.kind is Kind.COMPLEX:
                names.add(shape.element.path)
        return _Place(frozenset(names), shape, member), by_shape

    def _resource(self, value: Any) -> tuple[Shape | None, set[str]]:
        name = value.get("resourceType") if isinstance(value, dict) else None
        shape = self._shapes.resource(name) if isinstance(name, str) else None
        return shape, self._names(shape.type) if shape is not None else set()

    def _names(self, type_name: str) -> set[str]:
        return set(self._shapes.lineage(type_name)) | {type_name}


def _entry(holder: Any, key: str, index: int | None) -> Any:
    value = holder.get(key) if isinstance(holder, dict) else None
    if index is None:
        return value
    return value[index] if isinstance(value, list) and index < len(value) else None


def _is_element(expression: str, place: _Place) -> bool:
    """Whether a context's element is the one at this place."""
    if expression in ("Element", "Any"):
        return True  # every element, and in practice every resource too
    if expression in _GROUPS:
        return place.shape is not None and {"url", "status"} <= place.shape.members.keys()
    if ":" in expression:
        return True  # an element of a profile, or a slice: the base type alone cannot tell
    wanted = expression.replace("[x]", "")
    return wanted in place.names or any(wanted == name.replace("[x]", "") for name in place.names)
