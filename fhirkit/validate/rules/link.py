"""Links of a narrative within the record: ``#name`` must lead to something.

https://hl7.org/fhir/R4/narrative.html#id. A name is the id of a resource or element, or an id or
anchor in a narrative, of the resource itself or, failing that, of the Bundle around it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fhirkit.core import xmlio
from fhirkit.core.errors import InvalidInput
from fhirkit.validate.rules.finding import Finding
from fhirkit.validate.rules.narrative import parse
from fhirkit.validate.rules.objects import objects
from fhirkit.validate.rules.xhtml import XHTML

Path = tuple[str | int, ...]
_INSIDE = ('="#', "='#")
_KINDS = {f"{{{XHTML}}}a": "href", f"{{{XHTML}}}img": "src"}


def fragments(div: str) -> Iterator[tuple[str, str]]:
    """(attribute, name) of every link and image of a div that leads to ``#name``."""
    # One character is looked for many times faster than several.
    if "#" not in div or (_INSIDE[0] not in div and _INSIDE[1] not in div):
        return
    try:
        root = parse(div)
    except InvalidInput:
        return
    for element in root.iter():
        attribute = _KINDS.get(element.tag)
        target = element.get(attribute) if attribute is not None else None
        if attribute is not None and target is not None and len(target) > 1 and target[0] == "#":
            yield attribute, target[1:]


class Links:
    """The links of all narratives in a document; ``document`` is what is around each resource."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._everywhere: set[str] | None = None

    def check(self, resource: dict[str, Any]) -> Iterator[Finding]:
        """A finding for each link of a resource's narratives that leads nowhere."""
        known: set[str] | None = None
        for path, div in _narratives(resource, ()):
            if "#" not in div:
                continue
            for number, (attribute, name) in enumerate(dict.fromkeys(fragments(div)), start=1):
                if known is None:
                    known = set(_names(resource))
                if name not in known and (attribute == "src" or not self._is_around(name)):
                    message = f"{attribute} number {number} that stays in the record leads nowhere"
                    yield Finding("narrative-link", message, path)

    def _is_around(self, name: str) -> bool:
        if self._document.get("resourceType") != "Bundle":
            return False
        if self._everywhere is None:
            self._everywhere = set(_names(self._document))
        return name in self._everywhere


def _narratives(part: dict[str, Any], path: Path) -> Iterator[tuple[Path, str]]:
    """Each div of a resource with its place; sections are looked into as deep as they go."""
    pending = [(part, path)]
    while pending:
        part, path = pending.pop()
        text = part.get("text")
        div = text.get("div") if isinstance(text, dict) else None
        if isinstance(div, str):
            yield (*path, "text", "div"), div
        sections = part.get("section")
        for index, section in enumerate(sections if isinstance(sections, list) else ()):
            if isinstance(section, dict) and len(path) < _DEEPEST:
                pending.append((section, (*path, "section", index)))


#: Far beyond any real document, and an end for a dict that holds itself.
_DEEPEST = 200


def _names(value: Any) -> Iterator[str]:
    """Every id below a value, and every id and anchor in its narratives."""
    for each in objects(value):
        if isinstance(each.get("id"), str):
            yield each["id"]
        div = each.get("div")
        if isinstance(div, str):
            yield from _anchors(div)


def _anchors(div: str) -> Iterator[str]:
    try:
        root: xmlio.Element = parse(div)
    except InvalidInput:
        return
    for element in root.iter():
        for attribute in ("id", "name"):
            if element.get(attribute):
                yield element.get(attribute)
