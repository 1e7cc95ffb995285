"""Documents and messages: what the first entry refers to is in the Bundle, and all hangs together.

https://hl7.org/fhir/R4/documents.html#content, https://hl7.org/fhir/R4/messaging.html. A document
travels alone, so the Composition must not point out of it, and an entry that no chain of
references connects with the Composition is no part of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from fhirkit.validate.rules.finding import Finding

Path = tuple[str | int, ...]
# https://hl7.org/fhir/R4/references.html#literal: a RESTful URL ends in Type/id.
RESTFUL = re.compile(r"((?:https?://[^\s?#]*/)?)([A-Z][A-Za-z]*)/([A-Za-z0-9.-]{1,64})")
_COMPOSITION = (
    ("subject",),
    ("encounter",),
    ("author",),
    ("attester", "party"),
    ("custodian",),
    ("event", "detail"),
)
_HEADS = {"document": "Composition", "message": "MessageHeader"}


def check(bundle: dict[str, Any]) -> Iterator[Finding]:
    """Findings for a Bundle of type document or message; nothing for others."""
    kind, entries = bundle.get("type"), bundle.get("entry")
    if not isinstance(kind, str) or kind not in _HEADS or not isinstance(entries, list):
        return
    first = entries[0] if entries else None
    head = first.get("resource") if isinstance(first, dict) else None
    if not isinstance(head, dict) or head.get("resourceType") != _HEADS[kind]:
        return  # bdl-11 and bdl-12 say so
    index = _Index(entries)
    for path, reference in _head_references(head):
        if not reference.startswith("#") and not index.find(reference, 0):
            message = f"the {_HEADS[kind]} refers to a resource that is not in the Bundle"
            yield Finding("document-reference", message, ("entry", 0, "resource", *path))
    if kind == "document":
        for place in index.unreachable():
            message = "no chain of references connects this entry with the Composition"
            yield Finding("document-unreachable", message, ("entry", place))


class _Index:
    """The entries of a Bundle by fullUrl, and the references between them."""

    def __init__(self, entries: list[Any]) -> None:
        self._entries = [entry if isinstance(entry, dict) else {} for entry in entries]
        self._places: dict[str, list[int]] = {}
        for place, entry in enumerate(self._entries):
            if isinstance(entry.get("fullUrl"), str):
                self._places.setdefault(entry["fullUrl"], []).append(place)

    def find(self, reference: str, place: int) -> list[int]:
        """The places of the entries that a reference in the entry at a place may mean."""
        url = reference.partition("/_history/")[0].partition("#")[0]
        if url in self._places:
            return self._places[url]
        own = self._entries[place].get("fullUrl")
        match = RESTFUL.fullmatch(own) if isinstance(own, str) else None
        return self._places.get(match[1] + url, []) if match is not None else []

    def unreachable(self) -> list[int]:
        """The entries with a resource that no references, forwards or backwards, lead to."""
        neighbours: list[set[int]] = [set() for _ in self._entries]
        for place, entry in enumerate(self._entries):
            for reference in _references(entry.get("resource")):
                for target in self.find(reference, place):
                    neighbours[place].add(target)
                    neighbours[target].add(place)
        reached, pending = {0}, [0]
        while pending:
            fresh = neighbours[pending.pop()] - reached
            reached |= fresh
            pending.extend(fresh)
        return [
            place
            for place, entry in enumerate(self._entries)
            if place not in reached and isinstance(entry.get("resource"), dict)
        ]


def _references(value: Any) -> Iterator[str]:
    """Every literal reference below a value. Without recursion: see too-deep."""
    pending = [value]
    seen: set[int] = set()
    while pending:
        current = pending.pop()
        if not isinstance(current, dict | list) or id(current) in seen:
            continue  # a dict made in memory may hold itself
        seen.add(id(current))
        if isinstance(current, list):
            pending.extend(current)
            continue
        reference = current.get("reference")
        if isinstance(reference, str):
            yield reference
        pending.extend(current.values())


def _head_references(head: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    """The references of a Composition or MessageHeader that must lead to entries."""
    if head["resourceType"] == "MessageHeader":
        yield from _at(head, ("focus",), ())
        return
    for way in _COMPOSITION:
        yield from _at(head, way, ())
    pending: list[tuple[Any, Path]] = [(head, ())]
    while pending:
        part, path = pending.pop(0)
        if path:
            yield from _at(part, ("entry",), path)
        sections = part.get("section")
        for index, section in enumerate(sections if isinstance(sections, list) else ()):
            if isinstance(section, dict) and len(path) < _DEEPEST:
                pending.append((section, (*path, "section", index)))


#: Sections in sections, as steps of a path; far beyond any real document.
_DEEPEST = 200


def _at(value: Any, way: tuple[str, ...], path: Path) -> Iterator[tuple[Path, str]]:
    """The references at the end of a way of property names, lists spread out."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _at(item, way, (*path, index))
    elif isinstance(value, dict) and way:
        yield from _at(value.get(way[0]), way[1:], (*path, way[0]))
    elif isinstance(value, dict) and isinstance(value.get("reference"), str):
        yield path, value["reference"]
