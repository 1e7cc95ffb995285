"""Places as HL7's validator writes them, for results that are compared with its own.

It writes FHIRPath with the resource it has entered as a comment
(``Bundle.entry[0].resource/*Patient/p1*/.gender``), but for what reading a text finds: that is
said by the text's own names (``/f:Patient/f:name`` in XML, ``value[x]`` and no list place of a
primitive in JSON). Some of its rules count the entries of a Bundle from 1, or always say the first.
"""

from __future__ import annotations

from typing import Any

from fhirkit.validate.location import Node, Unentered, keys

#: Rules about the text rather than the resource in it.
_READING = frozenset({
    "json-comment", "json-comma", "json-quotes", "json-string",
    "json-duplicate-key", "xml-namespace", "xml-attribute", "xml-text",
    "resource-type-missing", "resource-type-unknown", "element-unknown", "element-empty",
    "array-expected", "array-unexpected", "array-empty", "object-expected", "null-value",
    "primitive-type", "narrative-xhtml", "narrative-entity",
})  # fmt: skip
#: Those that name a list of primitives rather than the entry of it.
_WHOLE_LIST = frozenset({"primitive-type"})
#: Rules about a Bundle as a whole: no comments, and entries, sections and authors from 1.
_FROM_ONE = frozenset({
    "document-reference", "document-reference-base", "document-unreachable", "message-reference",
    "message-reference-base", "bundle-head",
})  # fmt: skip
#: No comments.
_BARE = frozenset({
    "bundle-full-url-missing", "bundle-reference-base", "bundle-search-entry",
})  # fmt: skip
#: Rules about a contained resource from outside: the comment is not there yet.
_OUTSIDE = frozenset({"contained-orphan"})
#: Rules about some entry's fullUrl that always say the first entry.
_FIRST = frozenset({"bundle-full-url", "bundle-first-entry"})
#: Rules about an extension that name it, too.
_NAMED = frozenset({"extension-part", "extension-modifier", "extension-version"})
#: What it says of a text that holds no resource it knows; None stands for the resourceType.
_NO_RESOURCE = {
    "resource-missing": "",
    "resource-type-missing": "$",
    "resource-type-unknown": None,
    "xml-encoding": "XML",
    "xml-root": None,
}
_HOLDERS = frozenset({"contained", "resource", "outcome"})


def hl7(rule: str, node: Node, document: Any, *, xml: bool) -> str:
    """The place of a finding of this rule in a document, the way HL7's validator writes it."""
    if node[0] is None and rule in _NO_RESOURCE:
        place = _NO_RESOURCE[rule]
        name = document.get("resourceType") if place is None else place
        return name if isinstance(name, str) else "$"
    chain: list[Node] = []
    current: Node | None = node
    while current is not None:
        chain.append(current)
        current = current[0]
    chain.reverse()
    if rule in _READING:
        return _xpath(rule, chain, document) if xml else _json(rule, chain)
    if rule in _FROM_ONE or rule in _FIRST or rule in _BARE:
        return _in_bundle(rule, chain, document)
    return _annotated(rule, chain, document)


def unreadable(rule: str) -> str:
    """The place of a text that could not be read, by the rule that says so."""
    return "(xml)" if rule.startswith("xml-") else ""


def _is_decodable(text: Any) -> bool:
    """Whether HL7's validator takes a text for base64: it counts what may stand in one."""
    if not isinstance(text, str):
        return False
    return sum(char.isalnum() or char in "/+=" for char in text) % 4 == 0


def _annotated(rule: str, chain: list[Node], document: Any) -> str:
    last = chain[-1]
    if rule == "primitive-format" and last[1] == "data" and _is_decodable(at(document, keys(last))):
        # It finds this only when it decodes the attachment.
        chain = chain[:-1]
    parts = [chain[0][2]]
    for node in chain[1:]:
        _, key, label, index = node
        text = label if index is None else f"{label}[{index}]"
        outside = isinstance(key, Unentered) or (node is chain[-1] and rule in _OUTSIDE)
        if key in _HOLDERS and not outside:
            value = at(document, keys(node))
            if isinstance(value, dict) and isinstance(value.get("resourceType"), str):
                text += f"/*{value['resourceType']}/{value.get('id', 'null')}*/"
        parts.append(text)
    text = ".".join(parts)
    if rule in _NAMED:
        value = at(document, keys(chain[-1]))
        if isinstance(value, dict) and isinstance(value.get("url"), str):
            text += f"[url='{value['url']}']"
    return text


def _in_bundle(rule: str, chain: list[Node], document: Any) -> str:
    """A place that a rule about a Bundle names: the usual way to that Bundle, its own inside."""
    start = 0
    for number, node in enumerate(chain):
        value = at(document, keys(node))
        if isinstance(value, dict) and value.get("resourceType") == "Bundle":
            start = number
    inside = chain[start + 1 :]
    if rule in _FROM_ONE and [node[1] for node in inside[-2:]] in (
        ["section", "author"],
        ["section", "focus"],
    ):
        # It leaves out the section itself.
        del inside[-2]
    way = _annotated(rule, chain[: start + 1], document)
    return ".".join([way, *(_counted(rule, part) for part in inside)])


def _counted(rule: str, node: Node) -> str:
    _, key, label, index = node
    if index is None:
        return label
    if key == "focus" and rule.startswith("message"):
        return f"{label}[0]"
    if rule in _FIRST and key == "entry":
        return f"{label}[0]"
    return f"{label}[{index + 1}]" if rule in _FROM_ONE else f"{label}[{index}]"


def _json(rule: str, chain: list[Node]) -> str:
    parts = []
    for node in chain:
        _, _, label, index = node
        if rule in _WHOLE_LIST and node is chain[-1]:
            index = None
        name, choice, _ = label.partition(".ofType(")
        text = f"{name}[x]" if choice else name
        parts.append(text if index is None else f"{text}[{index}]")
    return ".".join(parts)


def _xpath(rule: str, chain: list[Node], document: Any) -> str:
    """Starts anew in each resource inside another, then without the slash."""
    text = f"/f:{chain[0][2]}"
    for node in chain[1:]:
        key = node[1]
        # An element of an unknown namespace has a prefix of its own.
        strange = rule == "xml-namespace" and node is chain[-1]
        text += f"/{'?' if strange else 'f'}:{key.removeprefix('_')}"
        if key in _HOLDERS:
            value = at(document, keys(node))
            if isinstance(value, dict) and isinstance(value.get("resourceType"), str):
                text = value["resourceType"]
    return text


def at(document: Any, way: tuple[str | int, ...]) -> Any:
    """What stands at a way of property names and list places, or None."""
    for key in way:
        if isinstance(document, dict) and isinstance(key, str):
            document = document.get(key)
        elif isinstance(document, list) and isinstance(key, int) and key < len(document):
            document = document[key]
        else:
            return None
    return document
