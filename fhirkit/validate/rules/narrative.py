"""Narratives: XHTML of the allowed kind, with something to read in it.

https://hl7.org/fhir/R4/narrative.html#xhtml (txt-1, txt-2). Active content is what this keeps out:
scripts, event handlers, forms, frames, outside styles.
"""

from __future__ import annotations

from typing import Any

from fhirkit.core import xmlio
from fhirkit.core.errors import InvalidInput
from fhirkit.validate.rules.finding import Finding

_XHTML = "http://www.w3.org/1999/xhtml"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ELEMENTS = _words(
    "a abbr acronym address b bdo big blockquote br caption cite code col colgroup dd del dfn div "
    "dl dt em h1 h2 h3 h4 h5 h6 hr i img ins kbd li ol p pre q samp small span strong sub sup "
    "table tbody td tfoot th thead tr tt u ul var"
)
#: Allowed on every element …
_COMMON = _words(
    "id class style title lang dir accesskey tabindex {http://www.w3.org/XML/1998/namespace}lang "
    "{http://www.w3.org/XML/1998/namespace}space"
)
#: … and on some.
_ATTRIBUTES: dict[str, frozenset[str]] = {
    "a": _words("href name rel rev charset hreflang type shape coords"),
    "img": _words("src alt height width longdesc usemap ismap border align"),
    "ol": _words("start type compact"),
    "ul": _words("type compact"),
    "li": _words("type value"),
    "blockquote": frozenset({"cite"}),
    "q": frozenset({"cite"}),
    "del": _words("cite datetime"),
    "ins": _words("cite datetime"),
    "table": _words("summary width border frame rules cellspacing cellpadding bgcolor align"),
    "hr": _words("width size noshade align"),
    "br": frozenset({"clear"}),
    "pre": frozenset({"width"}),
}
_CELLS = _words(
    "abbr axis headers scope rowspan colspan align char charoff valign nowrap bgcolor width "
    "height span"
)
_CELL_ELEMENTS = _words("caption col colgroup tbody td tfoot th thead tr")
_ALIGNED = _words("div p h1 h2 h3 h4 h5 h6")
_LINKS = frozenset({"href", "src", "cite", "longdesc"})
_SCHEMES = ("javascript", "vbscript", "data")
_NO_LINKS = ("urn:", "cid:")
_IMAGE = f"{{{_XHTML}}}img"


def _attributes(name: str) -> frozenset[str]:
    """What an element of this name may have."""
    allowed = _COMMON | _ATTRIBUTES.get(name, frozenset())
    if name in _CELL_ELEMENTS:
        allowed |= _CELLS
    return allowed | {"align"} if name in _ALIGNED else allowed


#: Element, with its namespace → its attributes. What is not in here is not allowed.
_ALLOWED = {f"{{{_XHTML}}}{name}": _attributes(name) for name in _ELEMENTS}


def check(narrative: dict[str, Any]) -> list[Finding]:
    """The div of a Narrative."""
    div = narrative.get("div")
    if not isinstance(div, str) or not div.strip():
        return []  # the primitive's own check has spoken
    try:
        root = xmlio.parse(_named_entities(div) if "&" in div else div)
    except InvalidInput as problem:
        return [_finding("narrative-xhtml", problem.issues[0].message)]
    if root.tag != f"{{{_XHTML}}}div":
        message = f"the narrative must be a div in the namespace {_XHTML}"
        return [_finding("narrative-xhtml", message)]
    findings = {message: None for element in root.iter() for message in _forbidden(element)}
    result = [_finding("narrative-content", message) for message in findings]
    if not _says_something(root):
        result.append(_finding("narrative-empty", "the narrative has neither text nor an image"))
    return result


def _forbidden(element: xmlio.Element) -> list[str]:
    """What about this element XHTML in FHIR does not allow."""
    allowed = _ALLOWED.get(element.tag)
    if allowed is None:
        return [f"the element {xmlio.local_name(element)[:40]!r} is not allowed"]
    messages = []
    for attribute, value in element.attrib.items():
        if attribute not in allowed:
            name = xmlio.local_name(element)
            messages.append(f"the attribute {attribute[:40]!r} is not allowed on {name!r}")
        elif attribute in _LINKS and _is_active(element.tag, value):
            messages.append(f"the attribute {attribute!r} must not hold active content")
        elif attribute == "href" and value.strip().casefold().startswith(_NO_LINKS):
            messages.append("a link that no reader can follow: a urn: or cid: is no place")
    return messages


def _is_active(tag: str, value: str) -> bool:
    """A script in disguise: browsers drop white space and control characters before the colon."""
    packed = "".join(char for char in value if char > " ").casefold()
    scheme = packed.partition(":")[0]
    return scheme in _SCHEMES and not (tag == _IMAGE and packed.startswith("data:image/"))


def _says_something(root: xmlio.Element) -> bool:
    if any(text.strip() for text in root.itertext()):
        return True
    return next(root.iter(_IMAGE), None) is not None


def _named_entities(text: str) -> str:
    """HTML's named entities as characters: JSON narratives use ``&nbsp;`` and mean it."""
    import re
    from html.entities import html5

    def replace(match: re.Match[str]) -> str:
        name = match[1]
        if name in ("lt", "gt", "amp", "quot", "apos"):
            return match[0]
        return html5.get(f"{name};", match[0])

    return re.sub(r"&([A-Za-z][A-Za-z0-9]*);", replace, text)


def _finding(rule: str, message: str) -> Finding:
    return Finding(rule, message, ("div",))
