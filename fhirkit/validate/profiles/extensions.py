"""Extensions: defined, allowed where they stand, and with the content of their definition.

https://hl7.org/fhir/R4/defining-extensions.html. A definition is a profile of Extension, so its
content is checked like any profile. Extensions without a definition are refused, as HL7's
validator does, except those of example URLs. Of what HL7 published after R4 only the names come
with fhirkit: such an extension is let pass, and said not to be checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from fhirkit.schema.model import ElementSchema, StructureSchema
from fhirkit.validate.location import Node
from fhirkit.validate.profiles import values
from fhirkit.validate.profiles.conformance import Conformance
from fhirkit.validate.profiles.placement import Placement
from fhirkit.validate.reports import Found
from fhirkit.validate.shapes import Shapes

#: An extension of the document and its node.
Use = tuple[dict[str, Any], Node]

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_EXAMPLE = re.compile(r"https?://([\w-]+\.)*(example\.org|acme\.com)(/|$)")
#: URLs that need no definition: of DICOM, and of the tools that make definitions.
_FREE = re.compile(
    r"https?://([\w-]+\.)*nema\.org(/|$)|http://hl7\.org/fhir/tools/StructureDefinition/"
)
_CORE = "http://hl7.org/fhir/StructureDefinition/"
#: Names of extensions that HL7 published for R4 later: of these only that they exist is known.
_PUBLISHED = Path(__file__).parent.parent / "data" / "extensions.txt"
#: Elements of other FHIR versions as extensions (https://hl7.org/fhir/R4/versions.html#extensions).
_OF_ANOTHER_VERSION = re.compile(
    r"http://hl7\.org/fhir/(1\.0|3\.0|4\.0|4\.3|5\.0)/StructureDefinition/extension-\w"
)
_EXTENSIONS = ("extension", "modifierExtension")


class Extensions:
    """The extensions of one document."""

    def __init__(self, shapes: Shapes, conformance: Conformance, document: Any) -> None:
        self._shapes = shapes
        self._conformance = conformance
        self._placement = Placement(shapes, conformance, document)

    def check(self, uses: list[Use]) -> Iterator[Found]:
        """What is wrong with the extensions that the walk met."""
        for use in uses:
            url = use[0].get("url")
            if isinstance(url, str) and url:
                yield from self._extension(use, url)
            else:
                message = "without a url nobody can tell what the extension says"
                yield Found("extension-url", message, use[1])

    def _extension(self, use: Use, url: str) -> Iterator[Found]:
        parent, key = use[1][0], use[1][1]
        nested = parent is not None and parent[1] in _EXTENSIONS
        if _ABSOLUTE.match(url) is None:
            if not nested:
                message = "the url of an extension must be absolute"
                yield Found("extension-url", message, use[1])
            return
        plain, bar, _ = url.partition("|")
        definition = self._shapes.store.structure(plain)
        if definition is None:
            yield from self._unknown(use, url, key)
            return
        if definition.type != "Extension":
            yield Found("extension-url", "the url is not that of an extension", use[1])
            return
        if bar:
            message = f"the url of an extension has no version: write {plain}"
            yield Found("extension-version", message, use[1])
        yield from _modifier(use, definition, key)
        yield from self._placement.check(definition, use[1])
        content = list(_content(use, definition))
        yield from content
        item = self._placement.item(*use)
        if item is not None:
            # Of a value of the wrong type the extension has been told.
            yield from (
                found
                for found in self._conformance.check(item, definition)
                if not (content and found.rule == "type-not-allowed" and found.node != use[1])
            )
        yield from self._parts(use[0], use[1], definition.root, definition)

    def _unknown(self, use: Use, url: str, key: str) -> Iterator[Found]:
        if _FREE.match(url) or (self._shapes.options.example_urls and _EXAMPLE.match(url)):
            return
        message = f"the definition of the extension {url} is not at hand; add its package"
        published = key == "extension" and _is_published(url)
        if published or _OF_ANOTHER_VERSION.match(url):
            yield Found("extension-not-checked", message, use[1])
        else:
            yield Found("extension-unknown", message, use[1])

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


def _is_published(url: str) -> bool:
    return url.startswith(_CORE) and url.removeprefix(_CORE) in _published()


@cache
def _published() -> frozenset[str]:
    return frozenset(_PUBLISHED.read_text("utf-8").splitlines())


def _modifier(use: Use, definition: StructureSchema, key: str) -> Iterator[Found]:
    """That an extension is of the kind of its property."""
    modifier = definition.root.modifier
    if key == "modifierExtension" and not modifier:
        message = f"{definition.url} is no modifier; it belongs in extension"
        yield Found("extension-modifier", message, use[1])
    elif key == "extension" and modifier:
        message = f"{definition.url} is a modifier; it belongs in modifierExtension"
        yield Found("extension-modifier", message, use[1])


def _content(use: Use, definition: StructureSchema) -> Iterator[Found]:
    """That there is a value where the definition has one, and that it is of an allowed type."""
    value = next((one for one in definition.root.children if one.name == "value"), None)
    if value is None:
        return
    types = sorted({one.code for one in value.types}) if value.cardinality.max != 0 else []
    given = next((key for key in use[0] if key.removeprefix("_").startswith("value")), None)
    if given is not None:
        name = given.removeprefix("_").removeprefix("value")
        if not any(name == one[:1].upper() + one[1:] for one in types):
            allowed = f"only {' or '.join(types)}" if types else "its parts are extensions"
            message = f"{definition.url} has no value of type {name}; {allowed}"
            yield Found("extension-value", message, use[1])
    elif types and not ("extension" in use[0] and value.cardinality.min == 0):
        message = f"{definition.url} is an extension with a value, and there is none"
        yield Found("extension-value", message, use[1])


def _known_parts(element: ElementSchema) -> Iterator[tuple[str, ElementSchema]]:
    """The parts an extension's definition has, by url."""
    for child in element.children:
        if child.name != "extension":
            continue
        for part in child.slices:
            for inner in part.children:
                if inner.name == "url" and inner.fixed is not None:
                    yield str(values.parsed(inner.fixed)), part
