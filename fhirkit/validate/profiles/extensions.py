"""Extensions: defined, allowed where they stand, and with the content of their definition.

https://hl7.org/fhir/R4/defining-extensions.html. A definition is a profile of Extension, so its
content is checked like any profile. HL7's validator refuses extensions without a definition,
except those of example URLs; of those under hl7.org fhirkit cannot tell, since later packages
define more than R4 did.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from fhirkit.schema.model import ElementSchema, StructureSchema
from fhirkit.validate.location import Node, keys
from fhirkit.validate.profiles import values
from fhirkit.validate.profiles.conformance import Conformance
from fhirkit.validate.profiles.contexts import widened
from fhirkit.validate.profiles.items import Item
from fhirkit.validate.reports import Found
from fhirkit.validate.shapes import Kind, Member, Shape, Shapes

#: An extension of the document and its node.
Use = tuple[dict[str, Any], Node]

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_EXAMPLE = re.compile(r"https?://([\w-]+\.)*(example\.org|acme\.com|nema\.org)(/|$)")
_OF_HL7 = re.compile(r"https?://([\w-]+\.)*(hl7|fhir)\.org/")
#: Names that later packages use for groups of types; they are types only from R5 on.
_GROUPS = frozenset({"CanonicalResource", "MetadataResource"})


class _Place(NamedTuple):
    """Where an extension stands: every name that a context may call the element by."""

    names: frozenset[str]
    shape: Shape | None
    member: Member | None


class Extensions:
    """The extensions of one document."""

    def __init__(self, shapes: Shapes, conformance: Conformance, document: Any) -> None:
        self._shapes = shapes
        self._conformance = conformance
        self._document = document

    def check(self, uses: list[Use]) -> Iterator[Found]:
        """What is wrong with the extensions that the walk met."""
        for use in uses:
            url = use[0].get("url")
            if isinstance(url, str) and url:
                yield from self._extension(use, url)

    def _extension(self, use: Use, url: str) -> Iterator[Found]:
        parent, key = use[1][0], use[1][1]
        nested = parent is not None and parent[1] in ("extension", "modifierExtension")
        if _ABSOLUTE.match(url) is None:
            if not nested:
                message = "the url of an extension must be absolute"
                yield Found("extension-url", message, use[1])
            return
        definition = self._shapes.store.structure(url)
        if definition is None:
            yield from self._unknown(use, url, key)
            return
        if definition.type != "Extension":
            yield Found("extension-url", "the url is not that of an extension", use[1])
            return
        yield from self._where(use, definition, key)
        item = self._item(use)
        if item is not None:
            yield from self._conformance.check(item, definition)
        yield from self._parts(use[0], use[1], definition.root, definition)

    @staticmethod
    def _unknown(use: Use, url: str, key: str) -> Iterator[Found]:
        if _EXAMPLE.match(url):
            return
        message = f"the definition of the extension {url} is not at hand; add its package"
        if key == "extension" and _OF_HL7.match(url):
            yield Found("extension-not-checked", message, use[1])
        else:
            yield Found("extension-unknown", message, use[1])

    def _where(self, use: Use, definition: StructureSchema, key: str) -> Iterator[Found]:
        """That the extension is of the right kind, and that its context allows the place."""
        modifier = definition.root.modifier
        if key == "modifierExtension" and not modifier:
            message = f"{definition.url} is no modifier; it belongs in extension"
            yield Found("extension-modifier", message, use[1])
        elif key == "extension" and modifier:
            message = f"{definition.url} is a modifier; it belongs in modifierExtension"
            yield Found("extension-modifier", message, use[1])
        parent = use[1][0]
        if parent is None or not definition.contexts:
            return
        place = self._place(parent)
        urls = self._urls_above(parent)
        for context in definition.contexts:
            if context.type == "fhirpath" or context.type == "extension":
                if context.type == "fhirpath" or context.expression in urls:
                    return
            elif _fits(context.expression, place):
                return
        if any(_fits(expression, place) for expression in widened(definition.url)):
            return
        allowed = ", ".join(context.expression for context in definition.contexts)
        message = f"the extension {definition.url} is not allowed here, but on {allowed}"
        yield Found("extension-context", message, parent, use[1])

    def _parts(
        self, value: dict[str, Any], node: Node, element: ElementSchema, source: StructureSchema
    ) -> Iterator[Found]:
        """That the definition knows each part (an extension with a relative url)."""
        parts = value.get("extension")
        if not isinstance(parts, list):
            return
        known = dict(_known_parts(element))
        for index, part in enumerate(parts):
            url = part.get("url") if isinstance(part, dict) else None
            if not isinstance(url, str) or _ABSOLUTE.match(url):
                continue
            place = (node, "extension", "extension", index)
            if url not in known:
                names = ", ".join(known) or "none"
                message = f"{source.url} has no part of this url; expected {names}"
                yield Found("extension-part", message, place)
            else:
                yield from self._parts(part, place, known[url], source)

    # Where an extension stands

    def _item(self, use: Use) -> Item | None:
        place = self._place(use[1])
        if place.member is None:
            return None
        item = Item(use[0], None, "Extension", use[1], place.shape, place.member)
        resource, node = self._resource_of(use[1])
        item.resource = Item(
            resource,
            None,
            str(resource.get("resourceType")),
            node,
            self._shapes.resource(str(resource.get("resourceType"))),
            None,
        )
        return item

    def _resource_of(self, node: Node) -> tuple[dict[str, Any], Node]:
        """The innermost resource around a place."""
        nodes: list[Node] = [node]
        while (above := nodes[-1][0]) is not None:
            nodes.append(above)
        value = self._document
        found, place = value, nodes[-1]
        for step in reversed(nodes[:-1]):
            value = value[step[1]] if step[3] is None else value[step[1]][step[3]]
            if isinstance(value, dict) and "resourceType" in value:
                found, place = value, step
        return found, place

    def _place(self, node: Node) -> _Place:
        """Follow the way to a node through the shapes, collecting the element's names."""
        value: Any = self._document
        shape = self._shapes.resource(str(value.get("resourceType")))
        member: Member | None = None
        names = self._names(shape.type) if shape is not None else set()
        for key in keys(node):
            value = value[key]
            if isinstance(key, int) or shape is None:
                names = names if shape is not None else set()
                if isinstance(key, int) and member is not None and member.kind is Kind.RESOURCE:
                    shape, names = self._resource(value)
                continue
            member = shape.members.get(key)
            if member is None:
                return _Place(frozenset(), None, None)
            name = member.element.name
            names = {f"{one}.{name}" for one in names} | {f"{one}.{key}" for one in names}
            names.add(member.element.path)
            if member.kind is Kind.RESOURCE:
                shape, names = self._resource(value)
                continue
            names |= self._names(member.type)
            shape = member.shape if member.kind is not Kind.PRIMITIVE else None
            if shape is not None and member.kind is Kind.COMPLEX:
                names.add(shape.element.path)
        return _Place(frozenset(names), shape, member)

    def _resource(self, value: Any) -> tuple[Shape | None, set[str]]:
        name = value.get("resourceType") if isinstance(value, dict) else None
        shape = self._shapes.resource(name) if isinstance(name, str) else None
        return shape, self._names(shape.type) if shape is not None else set()

    def _names(self, type_name: str) -> set[str]:
        return set(self._shapes.lineage(type_name)) | {type_name}

    def _urls_above(self, node: Node) -> set[str]:
        """The urls of the extensions around a place."""
        value: Any = self._document
        urls: set[str] = set()
        for key in keys(node):
            value = value[key]
            if isinstance(value, dict) and isinstance(value.get("url"), str):
                urls.add(value["url"])
        return urls


def _fits(expression: str, place: _Place) -> bool:
    """Whether a context's element is the one at this place."""
    if expression == "Element":
        return True  # every element, and in practice every resource too
    if expression in _GROUPS:
        return place.shape is not None and {"url", "status"} <= place.shape.members.keys()
    if ":" in expression:
        return True  # an element of a profile, or a slice: the base type alone cannot tell
    wanted = expression.replace("[x]", "")
    return wanted in place.names or any(wanted == name.replace("[x]", "") for name in place.names)


def _known_parts(element: ElementSchema) -> Iterator[tuple[str, ElementSchema]]:
    """The parts an extension's definition has, by url."""
    for child in element.children:
        if child.name != "extension":
            continue
        for part in child.slices:
            for inner in part.children:
                if inner.name == "url" and inner.fixed is not None:
                    yield str(values.parsed(inner.fixed)), part
