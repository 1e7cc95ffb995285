"""Narratives: XHTML of the allowed kind, with something to read in it.

https://hl7.org/fhir/R4/narrative.html#xhtml (txt-1, txt-2). Active content is what this keeps out:
scripts, event handlers, forms, frames, outside styles. Where a link within the record leads is the
business of ``link``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from fhirkit.core import xmlio
from fhirkit.core.errors import InvalidInput
from fhirkit.validate.rules import xhtml
from fhirkit.validate.rules.finding import Finding
from fhirkit.validate.rules.markup import Markup

_XML = "{http://www.w3.org/XML/1998/namespace}"
_LINKS = (("a", "href"), ("img", "src"))
# Letters and digits of any script, and these.
_NO_LINK = re.compile(r"[^\w;?:@&=+$.,/%~#\[\]!'()*|-]")
_SCHEMES = ("javascript", "vbscript")
_NO_PLACE = ("urn", "cid")
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]*);")
_XML_ENTITIES = frozenset({"lt", "gt", "amp", "quot", "apos"})
#: A narrative with more findings than this is not looked at further.
_MANY = 200


_known = Markup(xhtml.XHTML)


def check(narrative: dict[str, Any]) -> Iterator[Finding]:
    """The div of a Narrative."""
    div = narrative.get("div")
    if not isinstance(div, str) or not div.strip():
        return  # the primitive's own check has spoken
    if _known.is_right(div):
        return
    number = -1
    for number, finding in enumerate(complete(div)):
        if number >= _MANY:
            return
        yield finding
    if number < 0:
        _known.learn(div)


def is_allowed(div: str) -> bool:
    """Whether XHTML uses only what FHIR allows and says something (txt-1 and txt-2)."""
    return not any(check({"div": div}))


def parse(div: str) -> xmlio.Element:
    """The root of a div; HTML's named entities are let through. ``InvalidInput`` when it is none.

    Some narratives in JSON use ``&nbsp;`` and mean it.
    """
    return xmlio.parse(_without_entities(div) if "&" in div else div)


def complete(div: str) -> Iterator[Finding]:
    """What is wrong with the XHTML of a narrative, found by parsing it."""
    try:
        root = parse(div)
    except InvalidInput as problem:
        yield _finding("narrative-xhtml", problem.issues[0].message)
        # What cannot be read holds neither what is allowed nor anything at all.
        yield _finding("narrative-content", "txt-1: not readable, so not the allowed elements")
        yield _finding("narrative-empty", "txt-2: not readable, so it says nothing")
        return
    for name in dict.fromkeys(_ENTITY.findall(div)) if "&" in div else ():
        if name not in _XML_ENTITIES:
            message = f"XML has no entity &{name[:20]};: write the character itself"
            yield _finding("narrative-entity", message)
    if root.tag != f"{{{xhtml.XHTML}}}div":
        message = f"the narrative must be a div in the namespace {xhtml.XHTML}"
        yield _finding("narrative-root", message)
    if not all(_is_known(element) for element in root.iter()):
        message = "txt-1: only the basic elements and attributes of XHTML are allowed"
        yield _finding("narrative-content", message)
    yield from dict.fromkeys(_forbidden(root))
    yield from _links(root)
    yield from dict.fromkeys(_misplaced(root))
    if not _says_something(root):
        yield _finding("narrative-empty", "txt-2: the narrative has neither text nor an image")


def _is_known(element: xmlio.Element) -> bool:
    name = xmlio.local_name(element)
    return name in xhtml.ELEMENTS and all(_is_allowed(name, one) for one in _names(element))


def _is_allowed(element: str, attribute: str) -> bool:
    return attribute in xhtml.COMMON or attribute in xhtml.ATTRIBUTES.get(element, ())


def _names(element: xmlio.Element) -> list[str]:
    return [name.replace(_XML, "xml:") for name in element.attrib]


def _forbidden(root: xmlio.Element) -> Iterator[Finding]:
    """Each element and attribute below the div that XHTML in FHIR does not have."""
    for element in root.iterdescendants():
        name = xmlio.local_name(element)
        space = xmlio.namespace(element)
        if space != xhtml.XHTML and space != xmlio.namespace(element.getparent()):
            message = f"the element {name[:40]!r} is not in the namespace {xhtml.XHTML}"
            yield _finding("narrative-root", message)
        if name not in xhtml.ELEMENTS:
            yield _finding("narrative-forbidden", f"the element {name[:40]!r} is not allowed")
        for attribute in _names(element):
            if not _is_allowed(name, attribute):
                message = f"the attribute {attribute[:40]!r} is not allowed on {name[:40]!r}"
                yield _finding("narrative-forbidden", message)
        above = element.iterancestors() if name in xhtml.BLOCKS else ()
        if any(xmlio.local_name(up) == "p" for up in above):
            yield _finding("narrative-structure", f"{name!r} may not stand inside a paragraph")


def _links(root: xmlio.Element) -> Iterator[Finding]:
    """Each link and image that leads nowhere, or further than it should."""
    seen: dict[tuple[str, str, str], int] = {}
    for element in root.iter():
        name = xmlio.local_name(element)
        for kind, attribute in _LINKS:
            target = element.get(attribute) if name == kind else None
            if target is None:
                continue
            # The same link in the same words is the same mistake.
            number = seen.setdefault((name, target, "".join(element.itertext())), len(seen) + 1)
            if number < len(seen):
                continue
            for wrong in _wrong_target(target, name):
                message = f"link {number} of the narrative, {kind}.{attribute}: {wrong}"
                yield _finding("narrative-link", message)


def _wrong_target(target: str, element: str) -> list[str]:
    if not target.strip():
        return ["it is empty", "an empty URL is none"] if element == "a" else ["it is empty"]
    # Browsers drop white space and control characters before the colon.
    packed = "".join(char for char in target if char > " ").casefold()
    scheme = packed.partition(":")[0]
    if scheme in _SCHEMES:
        return ["a script is no place"]
    if scheme == "data":
        return _wrong_data(target, element)
    if _NO_LINK.search(target) is not None:
        return ["it holds characters that no URL has"]
    if element == "a" and scheme in _NO_PLACE and ":" in target:
        return [f"no reader can follow a {scheme}:"]
    return []


def _wrong_data(target: str, element: str) -> list[str]:
    header, _, data = target.partition(",")
    if not data or "," in data:
        return ["data: needs one comma, then the data"]
    if element == "a" and "html" in header.casefold():
        return ["a page in a link may hold a script"]
    return []


def _misplaced(root: xmlio.Element) -> Iterator[Finding]:
    """Elements where XHTML does not have them, such as a row outside a table."""
    for element in root.iterdescendants():
        name = xmlio.local_name(element)
        up = xmlio.local_name(element.getparent())
        inner = [xmlio.local_name(child) for child in element]
        if name in xhtml.PARENTS and up not in xhtml.PARENTS[name]:
            allowed = " or ".join(sorted(xhtml.PARENTS[name]))
            yield _structure(f"{name!r} must stand in {allowed}, not in {up!r}", element)
        if name in xhtml.CHILDREN:
            wrong = [child for child in inner if child not in xhtml.CHILDREN[name]]
            if wrong or _own_text(element):
                what = f"{wrong[0]!r}" if wrong else "text"
                yield _structure(f"{name!r} may not hold {what}", element)
        if name in xhtml.EMPTY and (inner or element.text):
            yield _structure(f"{name!r} holds nothing", element)
        if name in xhtml.RUNNING:
            below = {xmlio.local_name(part) for part in element.iterdescendants()}
            if not below.isdisjoint(xhtml.NOT_RUNNING):
                yield _structure(f"{name!r} may hold no block such as a list or a table", element)
            if name in xhtml.ONCE and name in below:
                yield _structure(f"{name!r} may not stand inside itself", element)


def _own_text(element: xmlio.Element) -> bool:
    texts = (element.text, *(child.tail for child in element))
    return any(text and text.strip() for text in texts)


def _structure(message: str, element: xmlio.Element) -> Finding:
    path = "/".join(xmlio.local_name(up) for up in reversed([element, *element.iterancestors()]))
    return _finding("narrative-structure", f"{message} (at {path[:200]})")


def _says_something(root: xmlio.Element) -> bool:
    if any(text.strip() for text in root.itertext()):
        return True
    return any(xmlio.local_name(element) == "img" for element in root.iter())


def _without_entities(text: str) -> str:
    """HTML's named entities as characters."""
    from html.entities import html5

    def replace(match: re.Match[str]) -> str:
        known = match[1] in _XML_ENTITIES
        return match[0] if known else html5.get(f"{match[1]};", match[0])

    return _ENTITY.sub(replace, text)


def _finding(rule: str, message: str) -> Finding:
    return Finding(rule, message, ("div",))
