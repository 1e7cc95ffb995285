"""A resource as XML text (https://hl7.org/fhir/R4/xml.html), damaged ones included.

What the definitions know stands in their order; what they do not know stands at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import quoteattr  # noqa: TID251  # writes, reads nothing

from fhirkit.validate.members import Kind, Member, Shape
from fhirkit.validate.shapes import Shapes

NAMESPACE = "http://hl7.org/fhir"


def xml_text(resource: dict[str, Any], shapes: Shapes) -> str:
    """The resource as a document."""
    name = resource["resourceType"]
    shape = shapes.resource(name)
    assert shape is not None
    inner = "".join(_children(resource, shape, shapes))
    return f'<{name} xmlns="{NAMESPACE}">{inner}</{name}>'


def _children(value: dict[str, Any], shape: Shape | None, shapes: Shapes) -> Iterator[str]:
    members = shape.members if shape is not None else {}
    names = {key.removeprefix("_") for key in value if key != "resourceType"}

    def order(name: str) -> tuple[int, str]:
        member = members.get(name)
        return (member.order if member is not None else 1 << 20, name)

    for name in sorted(names, key=order):
        member = members.get(name)
        if name in ("id", "url") and _is_attribute(member, shape):
            continue
        entries, beside = _list(value.get(name)), _list(value.get(f"_{name}"))
        for index in range(max(len(entries), len(beside))):
            entry = entries[index] if index < len(entries) else None
            extra = beside[index] if index < len(beside) else None
            yield _element(name, entry, extra, member, shapes)


def _element(name: str, value: Any, extra: Any, member: Member | None, shapes: Shapes) -> str:
    if name == "div" and isinstance(value, str):
        return value
    if isinstance(value, dict) and "resourceType" in value:
        inner_name = value["resourceType"]
        inner = "".join(_children(value, shapes.resource(inner_name), shapes))
        return f"<{name}><{inner_name}>{inner}</{inner_name}></{name}>"
    shape = member.shape if member is not None and member.kind is Kind.COMPLEX else None
    attributes, content = "", value if isinstance(value, dict) else extra
    if value is not None and not isinstance(value, dict):
        attributes = f" value={quoteattr(_lexical(value))}"
    inner = ""
    if isinstance(content, dict):
        for key in ("id", "url"):
            inner_member = shape.members.get(key) if shape is not None else None
            if key in content and (key == "id" or _is_attribute(inner_member, shape)):
                attributes += f" {key}={quoteattr(_lexical(content[key]))}"
        inner = "".join(_children(content, shape, shapes))
    return f"<{name}{attributes}>{inner}</{name}>"


def _is_attribute(member: Member | None, shape: Shape | None) -> bool:
    if shape is not None and shape.is_resource:
        return False
    return member is None or "xmlAttr" in member.element.representations


def _lexical(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
