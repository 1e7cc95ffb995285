"""FHIR XML into the JSON shape, so that one walk checks both (https://hl7.org/fhir/R4/xml.html).

The definitions say what repeats and what is a number. Decimals keep their digits. What has no
place in JSON (namespaces, attributes, stray text, order) is found here.
"""

from __future__ import annotations

import re
from typing import Any

from fhirkit.core import xmlio
from fhirkit.core.jsonio import FhirDecimal
from fhirkit.validate.location import Node, root
from fhirkit.validate.members import Kind, Member, Shape
from fhirkit.validate.rules.primitive import Lexeme
from fhirkit.validate.shapes import Shapes

FHIR = "http://hl7.org/fhir"
XHTML = "http://www.w3.org/1999/xhtml"
_SCHEMA_LOCATION = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,29})")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,9})?")


#: A document with more findings than this is not looked at further; the rest is counted out.
MAX_FOUND = 10_000


class Repeated(list[Any]):
    """An element that XML repeats although its definition does not."""


class XmlReader:
    """One document: its value in the JSON shape, its own findings, and where things are."""

    def __init__(self, document: xmlio.Element, shapes: Shapes) -> None:
        self._shapes = shapes
        #: Rule, message, node, and where to point to.
        self.found: list[tuple[str, str, Node, Node | None]] = []
        self._lines: dict[int, Any] = {}
        self._document = document
        start = root(xmlio.local_name(document))
        #: The namespace that elements are in; where it is wrong, the root has been told so.
        self._namespace = xmlio.namespace(document)
        if self._namespace != FHIR:
            self._note("xml-root", f"expected the namespace {FHIR}", start, None)
        self.value = self._resource(document, start)
        if not len(document) and not self._is_told(document):
            self._note("element-empty", "a resource without any content", start, None)

    def line(self, keys: tuple[str | int, ...]) -> int | None:
        """The line of a place given by JSON keys, or of the nearest element around it."""
        element = self._document
        position = 0
        while position < len(keys):
            name = str(keys[position]).removeprefix("_")
            position += 1
            index = 0
            if position < len(keys) and isinstance(keys[position], int):
                index = int(keys[position])
                position += 1
            inner = [child for child in element if xmlio.local_name(child) == name]
            if index >= len(inner):
                break
            element = inner[index]
            wrapped = list(element)
            if name in ("contained", "resource") and len(wrapped) == 1:
                element = wrapped[0]
        line: int | None = element.sourceline
        return line

    def _note(self, rule: str, message: str, node: Node, place: Node | None) -> None:
        if len(self.found) < MAX_FOUND:
            self.found.append((rule, message, node, place))
        elif len(self.found) == MAX_FOUND:
            message = f"more than {MAX_FOUND} issues; the others are not listed"
            self.found.append(("too-many-issues", message, node, None))

    def _resource(self, element: xmlio.Element, node: Node) -> dict[str, Any]:
        name = xmlio.local_name(element)
        value: dict[str, Any] = {"resourceType": name}
        shape = self._shapes.resource(name)
        if node[0] is not None and xmlio.namespace(element) != self._namespace:
            self._note("xml-namespace", f"expected the namespace {FHIR}", node, None)
        if shape is not None:
            self._fill(value, element, shape, node)
        return value

    def _is_told(self, document: xmlio.Element) -> bool:
        """Whether something is wrong with an empty root already: its name, or text in it."""
        return bool(self.found) or self._shapes.resource(xmlio.local_name(document)) is None

    def _object(self, element: xmlio.Element, shape: Shape, node: Node) -> dict[str, Any]:
        value: dict[str, Any] = {}
        self._fill(value, element, shape, node)
        return value

    def _fill(
        self, value: dict[str, Any], element: xmlio.Element, shape: Shape, node: Node
    ) -> None:
        """Read the attributes, then the children, of an element into an object."""
        for name in element.keys():  # noqa: SIM118 - an element's own iteration is over children
            member = shape.members.get(name)
            if member is not None and "xmlAttr" in member.element.representations:
                value[name] = element.get(name)
            elif name != _SCHEMA_LOCATION:
                message = f"the attribute {name[:60]!r} is not defined here"
                self._note("xml-attribute", message, node, None)
        self._stray_text(element, node)
        last = 0
        counts: dict[str, int] = {}
        for child in element:
            name = xmlio.local_name(child)
            member = shape.members.get(name)
            if member is None or name.startswith("_"):
                value.setdefault(name, {})
                continue
            if "xmlAttr" in member.element.representations:
                message = f"{name} is an attribute in XML, not an element"
                self._note("element-unknown", message, node, (node, name, name, None))
                continue
            index = counts[name] = counts.get(name, -1) + 1
            place: Node = (node, name, member.label, index if member.array else None)
            if member.order < last:
                message = f"{name} must stand before the element ahead of it"
                self._note("xml-order", message, place, None)
            last = max(last, member.order)
            self._check_namespace(child, member, place)
            self._put(value, child, member, place)

    def _put(self, value: dict[str, Any], child: xmlio.Element, member: Member, node: Node) -> None:
        key = member.key
        sibling: dict[str, Any] | None = None
        content: Any
        if member.type == "xhtml":
            content = xmlio.serialise(child)
        elif member.kind is Kind.PRIMITIVE:
            content, sibling = self._primitive(child, member, node)
        elif member.kind is Kind.RESOURCE:
            content = self._wrapped(child, node)
        else:
            content = self._object(child, member.shape, node)
        if member.array:
            self._append(value, member, content, sibling)
            return
        if content is not None:
            value[key] = _again(value, key, content)
        if sibling is not None:
            value[f"_{key}"] = _again(value, f"_{key}", sibling)

    def _append(
        self,
        value: dict[str, Any],
        member: Member,
        content: Any,
        sibling: dict[str, Any] | None,
    ) -> None:
        listed = value.setdefault(member.key, [])
        listed.append(content)
        twin = f"_{member.key}"
        if sibling is not None or twin in value:
            # Places without extensions are null, so that both lists run in step.
            siblings = value.setdefault(twin, [])
            siblings.extend([None] * (len(listed) - 1 - len(siblings)))
            siblings.append(sibling)

    def _primitive(
        self, child: xmlio.Element, member: Member, node: Node
    ) -> tuple[Any, dict[str, Any] | None]:
        """The typed value of an element, and its id and extensions."""
        sibling: dict[str, Any] = {}
        extensions = self._shapes.type("Element")
        self._stray_text(child, node)
        text: str | None = None
        # Names first: lxml looks for each value from the start.
        for name in child.keys():  # noqa: SIM118 - an element's own iteration is over children
            if name == "value":
                text = child.get(name)
            elif name == "id":
                sibling["id"] = child.get(name)
            else:
                message = f"the attribute {name[:60]!r} is not defined here"
                self._note("xml-attribute", message, node, None)
        for inner in child:
            name = xmlio.local_name(inner)
            extension = extensions.members.get(name) if extensions is not None else None
            if extension is None or name == "id":
                sibling.setdefault(name, {})
                continue
            index = len(sibling.get(name, ()))
            place: Node = (node, name, name, index)
            self._check_namespace(inner, extension, place)
            sibling.setdefault(name, []).append(self._object(inner, extension.shape, place))
        if text is None:
            return None, sibling
        kind = self._shapes.store.type(member.type)
        json = kind.primitive.json if kind is not None and kind.primitive is not None else "string"
        return _typed(text, json), sibling or None

    def _wrapped(self, child: xmlio.Element, node: Node) -> Any:
        """A resource inside an element of its own: ``<contained><Patient>…``."""
        self._stray_text(child, node)
        inner = list(child)
        if len(inner) != 1:
            return None if not inner else Repeated(self._resource(part, node) for part in inner)
        return self._resource(inner[0], node)

    def _check_namespace(self, child: xmlio.Element, member: Member, node: Node) -> None:
        expected = XHTML if member.type == "xhtml" else self._namespace
        if xmlio.namespace(child) != expected:
            self._note("xml-namespace", f"expected the namespace {expected}", node, None)

    def _stray_text(self, element: xmlio.Element, node: Node) -> None:
        texts = [element.text, *(child.tail for child in element)]
        if any(text and text.strip() for text in texts):
            self._note("xml-text", "text is not allowed between FHIR elements", node, None)


def _again(value: dict[str, Any], key: str, content: Any) -> Any:
    """The content, or the list of all contents when the element came before."""
    if key not in value:
        return content
    earlier = value[key]
    return Repeated([*earlier, content] if isinstance(earlier, Repeated) else [earlier, content])


def _typed(text: str, json: str) -> Any:
    """The JSON value of an XML attribute; a ``Lexeme`` when it has none."""
    if json == "string":
        return text
    if json == "boolean":
        return {"true": True, "false": False}.get(text, Lexeme(text))
    if json == "integer":
        return int(text) if _INTEGER.fullmatch(text) else Lexeme(text)
    return FhirDecimal(text) if _DECIMAL.fullmatch(text) else Lexeme(text)
