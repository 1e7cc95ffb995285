"""Documents and messages: what the first entry refers to is in the Bundle, and all hangs together.

https://hl7.org/fhir/R4/documents.html#content, https://hl7.org/fhir/R4/messaging.html. A document
travels alone, so the Composition must not point out of it, and an entry that no chain of
references connects with the Composition is no part of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from fhirkit.core.errors import InvalidInput
from fhirkit.validate.rules import narrative
from fhirkit.validate.rules.entries import RESTFUL
from fhirkit.validate.rules.finding import Finding
from fhirkit.validate.rules.objects import objects

Path = tuple[str | int, ...]
_COMPOSITION = (
    ("subject",),
    ("author",),
    ("encounter",),
    ("custodian",),
    ("attester", "party"),
    ("event", "detail"),
)
_SECTION = (("author",), ("focus",), ("entry",))
_HEADS = {"document": "Composition", "message": "MessageHeader"}
#: Definitions are known by their canonical URL and need not travel with the document.
_DEFINITIONS = frozenset({
    "ActivityDefinition", "CapabilityStatement", "ChargeItemDefinition", "CodeSystem",
    "CompartmentDefinition", "ConceptMap", "EventDefinition", "Evidence", "EvidenceVariable",
    "ExampleScenario", "GraphDefinition", "ImplementationGuide", "Library", "Measure",
    "MessageDefinition", "NamingSystem", "OperationDefinition", "PlanDefinition", "Questionnaire",
    "ResearchDefinition", "ResearchElementDefinition", "SearchParameter", "StructureDefinition",
    "StructureMap", "TerminologyCapabilities", "TestScript", "ValueSet",
})  # fmt: skip
#: Properties that lead somewhere whatever they look like.
_LEADING = ("reference", "valueUri", "valueUrl")
_NARRATIVE_LINK = "http://hl7.org/fhir/StructureDefinition/narrativeLink"
#: URLs that name what they stand in.
_NAMES = frozenset({"fullUrl", "system", "profile", "endpoint", "address"})


class _Resolved(NamedTuple):
    """The entry a reference leads to; or what is wrong: a rule, in words."""

    place: int | None
    rule: str = ""
    message: str = ""


def check(bundle: dict[str, Any], types: Collection[str]) -> Iterator[Finding]:
    """Findings for a Bundle of type document or message; nothing for others."""
    kind, entries = bundle.get("type"), bundle.get("entry")
    if not isinstance(kind, str) or kind not in _HEADS:
        return
    entries = entries if isinstance(entries, list) else []
    if not entries:
        message = f"a {kind} begins with a {_HEADS[kind]}; there is no entry"
        yield Finding("bundle-first-entry", message)
        return
    index = _Index(entries, types)
    first = entries[0] if isinstance(entries[0], dict) else {}
    head = first.get("resource")
    told: set[int] = set()
    if not isinstance(head, dict):
        message = f"the first entry of a {kind} must hold its {_HEADS[kind]}"
        yield Finding("bundle-first-entry", message, ("entry", 0))
    elif head.get("resourceType") != _HEADS[kind]:
        message = f"the first entry of a {kind} must be a {_HEADS[kind]}"
        yield Finding("bundle-head", message, ("entry", 0, "resource"))
    else:
        for path, reference in _head_references(head):
            found = index.find(reference["reference"], 0)
            if found.rule:
                told.add(id(reference))
                rule = f"{kind}-{found.rule}"
                yield Finding(rule, found.message, ("entry", 0, "resource", *path))
    yield from _stylesheets(bundle, index)
    yield from index.crossing(told)
    if kind == "document":
        for place in index.unreachable(bundle):
            message = "no chain of references connects this entry with the Composition"
            yield Finding("document-unreachable", message, ("entry", place))


class _Index:
    """The entries of a Bundle by fullUrl, and the references between them."""

    def __init__(self, entries: list[Any], types: Collection[str]) -> None:
        self._entries = [entry if isinstance(entry, dict) else {} for entry in entries]
        self._types = types
        self._places: dict[str, list[int]] = {}
        #: By Type/id, whatever the fullUrl.
        self._named: dict[str, list[int]] = {}
        for place, entry in enumerate(self._entries):
            full_url, resource = entry.get("fullUrl"), entry.get("resource")
            name = _own_name(resource)
            for known, key in ((self._places, full_url), (self._named, name)):
                if isinstance(key, str):
                    known.setdefault(key, []).append(place)
                    version = _version_id(resource)
                    if version is not None:
                        known.setdefault(f"{key}/_history/{version}", []).append(place)

    def holds(self, name: str) -> bool:
        """Whether there is a resource of this Type/id."""
        return name in self._named

    def find(self, reference: str, place: int) -> _Resolved:
        """Where a reference in the entry at a place leads."""
        url = reference.partition("#")[0]
        if ":" in url.partition("/")[0]:
            found = self._places.get(url, [])
            return _told(found) if found else self._missing(url)
        own = self._base(place)
        found = self._places.get(own + url, []) if own is not None else []
        if found:
            return _told(found)
        name, _, rest = url.partition("/")
        if name not in self._types or not rest:
            return _Resolved(None)
        logical_id = rest.partition("/")[0]
        if f"{name}/{logical_id}" in self._named:
            message = "an entry has this type and id, but its fullUrl is of another base"
            return _Resolved(None, "reference-base", message)
        return self._missing(url)

    def _missing(self, url: str) -> _Resolved:
        match = RESTFUL.fullmatch(url.partition("/_history/")[0])
        if match is not None and match[2] in _DEFINITIONS and match[1]:
            return _Resolved(None)
        message = "the target is not in the Bundle, which travels alone"
        return _Resolved(None, "reference", message)

    def _base(self, place: int) -> str | None:
        """What a relative reference in an entry is relative to."""
        full_url = self._entries[place].get("fullUrl")
        name = _own_name(self._entries[place].get("resource"))
        if not isinstance(full_url, str) or name is None:
            return None
        match = RESTFUL.fullmatch(full_url)
        return match[1] if match is not None and full_url.endswith(name) else None

    def crossing(self, told: set[int]) -> Iterator[Finding]:
        """References between entries that could mean several, and links into narratives."""
        for place, entry in enumerate(self._entries):
            seen: set[str] = set()
            for value, key, is_link in _references(entry.get("resource")):
                reference = value[key]
                if reference in seen or id(value) in told:
                    continue
                seen.add(reference)
                found = self.find(reference, place) if key == "reference" or is_link else None
                if found is None:
                    continue
                if found.rule == "reference-base":
                    which = f"reference {len(seen)} of entry {place}"
                    yield Finding("document-crossing", f"{which}: {found.message}")
                elif is_link and found.rule == "reference":
                    continue
                elif found.place is not None and "#" in reference:
                    which = f"reference {len(seen)} of entry {place}"
                    yield from self._fragment(reference, found.place, which, is_link=is_link)

    def _fragment(
        self, reference: str, target: int, which: str, *, is_link: bool
    ) -> Iterator[Finding]:
        name = reference.partition("#")[2]
        count = sum(one == name for one in _anchors(self._entries[target].get("resource")))
        if count == 0 and is_link:
            message = f"{which}: its narrativeLink into entry {target} leads nowhere"
            yield Finding("document-link", message)
        elif count > 1:
            message = f"{which}: the place it names is there {count} times in entry {target}"
            yield Finding("document-crossing", message)

    def unreachable(self, bundle: dict[str, Any]) -> list[int]:
        """The entries with a resource that no references, forwards or backwards, lead to."""
        neighbours: list[set[int]] = [set() for _ in self._entries]
        for place, entry in enumerate(self._entries):
            for value, key, _ in _references(entry.get("resource")):
                target = self.find(value[key], place).place
                if target is not None:
                    neighbours[place].add(target)
                    neighbours[target].add(place)
        held = [n for n, e in enumerate(self._entries) if isinstance(e.get("resource"), dict)]
        reached = {*held[:1], *self._styles(bundle)}
        pending = list(reached)
        while pending:
            fresh = neighbours[pending.pop()] - reached
            reached |= fresh
            pending.extend(fresh)
        return [place for place in held if place not in reached]

    def _styles(self, bundle: dict[str, Any]) -> Iterator[int]:
        for _, url in _style_links(bundle):
            yield from self._named.get(url, [])[:1]


def _told(found: list[int]) -> _Resolved:
    if len(found) == 1:
        return _Resolved(found[0])
    message = f"{len(found)} entries have the fullUrl that is referred to"
    return _Resolved(None, "reference-base", message)


def _stylesheets(bundle: dict[str, Any], index: _Index) -> Iterator[Finding]:
    for place, url in _style_links(bundle):
        if ":" not in url and not index.holds(url):
            message = "the stylesheet is not in the document"
            yield Finding("document-stylesheet", message, ("link", place, "url"))


def _style_links(bundle: dict[str, Any]) -> Iterator[tuple[int, str]]:
    links = bundle.get("link")
    for place, link in enumerate(links if isinstance(links, list) else ()):
        if isinstance(link, dict) and link.get("relation") == "stylesheet":
            url = link.get("url")
            if isinstance(url, str):
                yield place, url


def _references(resource: Any) -> Iterator[tuple[dict[str, Any], str, bool]]:
    """Every reference and URL below a resource: the object, the property, and whether it is a
    link into a narrative. Without recursion: see too-deep.
    """
    pending: list[tuple[Any, Any]] = [(resource, None)]
    seen: set[int] = set()
    while pending:
        current, around = pending.pop()
        if not isinstance(current, dict | list) or id(current) in seen:
            continue  # a dict made in memory may hold itself
        seen.add(id(current))
        if isinstance(current, list):
            pending.extend((one, around) for one in reversed(current))
            continue
        if current.get("resourceType") == "Bundle" and around is not None:
            continue  # what is in another Bundle is that one's business
        is_link = current.get("url") == _NARRATIVE_LINK
        for key, value in current.items():
            if not isinstance(value, str) or value.startswith("#"):
                continue
            if key in _LEADING or _is_url(key, value, current):
                yield current, key, is_link and key != "reference"
        pending.extend((value, current) for value in reversed(list(current.values())))


def _is_url(key: str, value: str, around: dict[str, Any]) -> bool:
    """Whether a property leads somewhere by its URL: not a name, and not that of an extension."""
    is_extension = key == "url" and any(name.startswith("value") for name in around)
    return ":" in value and key not in _NAMES and not is_extension and " " not in value


def _head_references(head: dict[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The references of a Composition or MessageHeader that must lead to entries."""
    if head["resourceType"] == "MessageHeader":
        yield from _at(head, ("focus",), ())
        return
    for way in _COMPOSITION:
        yield from _at(head, way, ())
    pending: list[tuple[Any, Path]] = [(head, ())]
    while pending:
        part, path = pending.pop(0)
        for way in _SECTION if path else ():
            yield from _at(part, way, path)
        sections = part.get("section")
        for index, section in enumerate(sections if isinstance(sections, list) else ()):
            if isinstance(section, dict) and len(path) < _DEEPEST:
                pending.append((section, (*path, "section", index)))


#: Sections in sections, as steps of a path; far beyond any real document.
_DEEPEST = 200


def _at(value: Any, way: tuple[str, ...], path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The references at the end of a way of property names, lists spread out."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _at(item, way, (*path, index))
    elif isinstance(value, dict) and way:
        yield from _at(value.get(way[0]), way[1:], (*path, way[0]))
    elif isinstance(value, dict):
        reference = value.get("reference")
        if isinstance(reference, str) and not reference.startswith("#"):
            yield path, value


def _anchors(resource: Any) -> Iterator[str]:
    """Every id in a resource and its narratives."""
    for each in objects(resource):
        if isinstance(each.get("id"), str):
            yield each["id"]
        if isinstance(each.get("div"), str):
            try:
                root = narrative.parse(each["div"])
            except InvalidInput:
                continue
            yield from (element.get("id") for element in root.iter() if element.get("id"))


def _own_name(resource: Any) -> str | None:
    if not isinstance(resource, dict) or not isinstance(resource.get("id"), str):
        return None
    return f"{resource.get('resourceType')}/{resource['id']}"


def _version_id(resource: Any) -> str | None:
    meta = resource.get("meta") if isinstance(resource, dict) else None
    version = meta.get("versionId") if isinstance(meta, dict) else None
    return version if isinstance(version, str) else None
