"""What a profile says about a narrative: where its parts are from, and their languages.

The extensions narrative-source-control and narrative-language-control of an element of a profile:
https://hl7.org/fhir/extensions/StructureDefinition-narrative-source-control.html.
"""

from __future__ import annotations

from collections.abc import Iterator

from fhirkit.core import xmlio
from fhirkit.core.errors import InvalidInput
from fhirkit.schema.model import ElementSchema
from fhirkit.validate.profiles.items import Item
from fhirkit.validate.reports import Found
from fhirkit.validate.rules.narrative import parse

#: How a part is marked by its class: https://hl7.org/fhir/R5/narrative.html#css.
_SOURCES = frozenset({"generated", "boilerplate", "original"})
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


def restrictions(item: Item, element: ElementSchema, whose: str) -> Iterator[Found]:
    """In what a narrative is not as a profile asks."""
    div = item.value.get("div") if isinstance(item.value, dict) else None
    if not isinstance(div, str):
        return
    try:
        root = parse(div)
    except InvalidInput:
        return  # the narrative's own rule has spoken
    if element.narrative_source is not None:
        # A level below "error" changes nothing: HL7's validator takes each for one.
        for number, part in enumerate(_parts(root), start=1):
            if not _SOURCES & set((part or "").split()):
                message = f"part {number} does not say by its class where it is from{whose}"
                yield Found("narrative-source", message, item.node)
    languages = {part.get(_LANGUAGE) for part in root if _is_language_part(part)}
    for wanted in element.narrative_languages:
        yield from _language(item, wanted, languages, whose)


def _language(item: Item, wanted: str, languages: set[str | None], whose: str) -> Iterator[Found]:
    if wanted == "_no":
        if languages:
            yield _wrong(item, f"parts by language are not allowed{whose}")
    elif wanted == "_yes":
        if not languages:
            yield _wrong(item, f"parts by language are required{whose}")
    else:
        around = item.resource.value if item.resource is not None else None
        own = around.get("language") if isinstance(around, dict) else None
        asked = own if wanted == "_resource" else wanted
        if not languages or asked is None:
            message = f"no part says its language{whose}"
            yield Found("narrative-language-advised", message, item.node)
        elif asked not in languages:
            yield _wrong(item, f"no part is in the language asked for{whose}")


def _wrong(item: Item, message: str) -> Found:
    return Found("narrative-language", message, item.node)


def _parts(root: xmlio.Element) -> Iterator[str | None]:
    """The class of each part of a div that has content; None for text outside any element."""
    if root.text and root.text.strip():
        yield None
    for part in root:
        if any(text.strip() for text in part.itertext()):
            yield part.get("class")
        if part.tail and part.tail.strip():
            yield None


def _is_language_part(part: xmlio.Element) -> bool:
    return xmlio.local_name(part) == "div" and part.get(_LANGUAGE) is not None
