"""Items: the parts of a resource as a profile names them, each with its type and its place.

A profile speaks of elements (`value[x]`, `birthDate`), JSON of properties (`valueQuantity`,
`birthDate` beside `_birthDate`). The shapes of the base types tell which belong together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fhirkit.validate.location import Node, root, step
from fhirkit.validate.members import Kind, Member, Shape
from fhirkit.validate.rules.entries import Entries
from fhirkit.validate.shapes import Shapes


class Item:
    """One occurrence of an element. ``extra`` is what stands beside a primitive's value.

    ``container`` is the resource that ``#id`` is resolved in; None stands for the item itself.
    """

    __slots__ = (
        "container",
        "extra",
        "member",
        "node",
        "outer",
        "resource",
        "shape",
        "type",
        "value",
    )

    def __init__(
        self,
        value: Any,
        extra: Any,
        type_name: str,
        node: Node,
        shape: Shape | None,
        member: Member | None,
    ) -> None:
        self.value = value
        self.extra = extra
        self.type = type_name
        self.node = node
        self.shape = shape
        self.member = member
        self.container: Item | None = None
        #: The resource that a resource stands in, where it was reached through it.
        self.outer: Item | None = None
        #: The resource this item is part of.
        self.resource: Item = self


class Items:
    """Navigation over one document."""

    def __init__(
        self, shapes: Shapes, entries: Entries, document: Any, *, follows_outside: bool = False
    ) -> None:
        self._follows_outside = follows_outside
        self._shapes = shapes
        self._entries = entries
        self._document = document
        self._nodes: dict[int, Node] | None = None

    def of_resource(self, resource: dict[str, Any], node: Node) -> Item:
        """The item of a resource that stands for itself."""
        name = str(resource.get("resourceType"))
        return Item(resource, None, name, node, self._shapes.resource(name), None)

    def children(self, item: Item, name: str) -> list[Item]:
        """The occurrences of a child element, in order."""
        shape, value = item.shape, item.value
        if shape is None:
            # A primitive: its id and extensions stand in the property beside it.
            shape, value = self._shapes.type("Element"), item.extra
        if shape is None or not isinstance(value, dict):
            return []
        keys = shape.element_keys.get(name)
        if keys is None or keys.isdisjoint(value):
            return []
        found: list[Item] = []
        members = shape.elements.get(name, ())
        if len(members) > 1:
            # Of the many properties of a choice one is there.
            present = keys.intersection(value)
            if len(present) == 1:
                one = shape.members[next(iter(present))]
                members = (shape.members[one.twin] if one.kind is Kind.SIBLING else one,)
        for member in members:
            inside, beside = value.get(member.key), value.get(member.twin) if member.twin else None
            if inside is None and beside is None:
                continue
            if isinstance(inside, list) or (inside is None and isinstance(beside, list)):
                found.extend(self._entries_of(inside or [], beside, member, item))
            else:
                place = (item.node, member.key, member.label, None)
                found.append(self._item(inside, beside, member, place, item))
        return found

    def resolve(self, item: Item) -> Item | None:
        """The resource that a Reference (or a canonical or uri) means.

        One outside of this document has a node without a parent.
        """
        text = item.value.get("reference") if isinstance(item.value, dict) else item.value
        if not isinstance(text, str) or not text:
            return None
        container = item.resource.container or item.resource
        if text.startswith("#"):
            return self._contained(container, text[1:])
        resource = self._entries.find(text, container.value)
        if resource is None:
            return None
        if self._nodes is None:
            self._nodes = dict(_resources(self._document))
        node = self._nodes.get(id(resource))
        if node is None and self._follows_outside:
            if _name(resource) == _name(self._document):
                resource = self._document  # its file, by way of another resource
            node = root(str(resource.get("resourceType")))
        return None if node is None else self.of_resource(resource, node)

    def _contained(self, container: Item, logical_id: str) -> Item | None:
        if not logical_id:
            return container
        for child in self.children(container, "contained"):
            if isinstance(child.value, dict) and child.value.get("id") == logical_id:
                return child
        return None

    def _entries_of(
        self, values: Any, siblings: Any, member: Member, parent: Item
    ) -> Iterator[Item]:
        values = values if isinstance(values, list) else []
        beside = siblings if isinstance(siblings, list) else []
        for index in range(max(len(values), len(beside))):
            value = values[index] if index < len(values) else None
            extra = beside[index] if index < len(beside) else None
            if value is not None or extra is not None:
                place = (parent.node, member.key, member.label, index)
                yield self._item(value, extra, member, place, parent)

    def _item(self, value: Any, extra: Any, member: Member, node: Node, parent: Item) -> Item:
        if member.kind is Kind.RESOURCE and isinstance(value, dict):
            item = self.of_resource(value, node)
            item.member = member
            item.outer = parent.resource
            if member.key == "contained":
                item.container = parent.resource.container or parent.resource
            return item
        shape = member.shape if member.kind is Kind.COMPLEX else None
        item = Item(value, extra, member.type, node, shape, member)
        item.resource = parent.resource
        return item


def _resources(document: Any) -> Iterator[tuple[int, Node]]:
    """The resources of a Bundle, and of Bundles in it, with their nodes."""
    pending: list[tuple[Any, Node]] = [(document, root("Bundle"))]
    seen: set[int] = set()
    while pending:
        bundle, node = pending.pop()
        if not isinstance(bundle, dict) or id(bundle) in seen:
            continue
        seen.add(id(bundle))
        yield id(bundle), node
        entries = bundle.get("entry") if bundle.get("resourceType") == "Bundle" else None
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            if isinstance(entry, dict):
                pending.append(
                    (entry.get("resource"), step(step(node, "entry", index), "resource"))
                )


def _name(resource: Any) -> tuple[Any, Any]:
    return resource.get("resourceType"), resource.get("id")
