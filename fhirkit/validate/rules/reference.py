"""References: resolved as far as the document and what was supplied go, and their targets' types.

https://hl7.org/fhir/R4/references.html. Where each leads is told by ``entries``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Any

from fhirkit.validate.location import Node
from fhirkit.validate.notes import ReferenceUse, Scope
from fhirkit.validate.options import Options, References
from fhirkit.validate.rules.entries import RESTFUL, Entries
from fhirkit.validate.rules.finding import Finding

_SHORT = 256
#: What a type may be written with; a logical model has a URL of its own.
_TYPES = "http://hl7.org/fhir/StructureDefinition/"
_RESOLVABLE_ONLY_HERE = ("urn:uuid:", "urn:oid:")
_EXAMPLES = ("example.org", "acme.com")
_SPACE = re.compile(r"\s")


def check(
    uses: list[ReferenceUse], entries: Entries, types: Collection[str], options: Options
) -> Iterator[tuple[Node, Finding]]:
    """Findings for every Reference of a document, each with the node of its Reference."""
    told: set[int] = set()
    demanding = options.references >= References.EXISTS
    around = None if entries.is_empty else entries
    for use in uses:
        if not demanding and _is_usual(use, around, types):
            continue
        reference = use.value.get("reference")
        if isinstance(reference, str) and not reference.startswith("#"):
            resource = use.scope.resource
            if entries.lacks_full_url(resource) and id(resource) not in told:
                told.add(id(resource))
                message = "the entry needs a fullUrl: it holds references"
                yield _entry(use.scope.node), Finding("bundle-reference-base", message)
        for finding in _check(use, entries, types, options):
            yield use.node, finding


def _is_usual(use: ReferenceUse, entries: Entries | None, types: Collection[str]) -> bool:
    """Whether it is a plain Type/id of an allowed type that leads out of what is at hand."""
    reference = use.value.get("reference")
    if reference.__class__ is not str or len(reference) > _SHORT or "type" in use.value:
        return False
    name = _whole(reference)
    if name not in types or _is_wrong(name, use):
        return False
    if entries is None:
        return True
    resource = use.scope.resource
    return not entries.is_inside(resource) and entries.find(reference, resource) is None


def _check(
    use: ReferenceUse, entries: Entries, types: Collection[str], options: Options
) -> Iterator[Finding]:
    reference, declared = use.value.get("reference"), use.value.get("type")
    if not isinstance(reference, str) or not reference:
        if isinstance(declared, str) and declared in types and _is_wrong(declared, use):
            yield _unlikely(declared, use)
        return
    if _SPACE.search(reference) is not None:
        yield Finding("reference-url", "a reference holds no white space")
    if reference == "#" and not _is_contained(use):
        yield Finding(
            "reference-contained", "# alone means the container, for a contained resource"
        )
        return
    target, findings = _target(reference, use.scope, entries)
    yield from findings
    named = target or _named_type(reference, types)
    if isinstance(declared, str):
        stated = declared if declared in types else "another type"
        if _is_wrong(declared.removeprefix(_TYPES), use):
            message = f"type says {stated}; expected {_expected(use)}"
            yield Finding("reference-type", message)
        if named is not None and named != declared:
            message = f"type says {stated}, but the target is a {named}"
            yield Finding("reference-type", message)
    if target is not None:
        if target in types and _is_wrong(target, use):
            yield _wrong(target, use)
    elif not findings:
        yield from _outside(reference, named, use, entries, options)


def _outside(
    reference: str, named: str | None, use: ReferenceUse, entries: Entries, options: Options
) -> Iterator[Finding]:
    """What can be said of a reference that leads out of what is at hand."""
    if named is not None and _is_wrong(named, use):
        yield _wrong(named, use) if options.trust_server_references else _unlikely(named, use)
    is_example = options.example_urls and any(name in reference for name in _EXAMPLES)
    if options.references >= References.EXISTS and "?" not in reference and not is_example:
        message = "the target is not in the document, nor among the resources that were supplied"
        yield Finding("reference-not-found", message)
    elif reference.startswith(_RESOLVABLE_ONLY_HERE) and entries.is_inside(use.scope.resource):
        message = "no entry of the Bundle has this fullUrl, and a urn: cannot be fetched"
        yield Finding("reference-unresolved", message)
    elif named is None and ":" not in reference and "?" not in reference:
        # A colon ends a scheme; a question mark makes a conditional reference.
        yield Finding("reference-format", "expected Type/id, a URL, a urn: or #id")


def _target(reference: str, scope: Scope, entries: Entries) -> tuple[str | None, list[Finding]]:
    """The type of the target, as far as it is at hand; and why there is none."""
    if reference.startswith("#"):
        name = scope.contained.get(reference[1:]) if len(reference) > 1 else scope.type
        if name is not None:
            return name, []
        message = "no contained resource has this id"
        broken = "ref-1: a reference to a contained resource needs that resource"
        return None, [Finding("reference-contained", message), Finding("constraint-broken", broken)]
    resource, findings = entries.lookup(reference, scope.resource)
    return (None if resource is None else str(resource.get("resourceType"))), findings


def _is_contained(use: ReferenceUse) -> bool:
    """Whether a reference stands in a contained resource."""
    node = use.node
    while node is not use.scope.node and node[0] is not None:
        if node[1] == "contained":
            return True
        node = node[0]
    return False


def _is_wrong(name: Any, use: ReferenceUse) -> bool:
    return use.targets is not None and name not in use.targets


def _wrong(name: str, use: ReferenceUse) -> Finding:
    return Finding("reference-type", f"the target is a {name}; expected {_expected(use)}")


def _unlikely(name: str, use: ReferenceUse) -> Finding:
    """The same of a target that nobody has seen: its URL or its type may be wrong."""
    message = f"the target is said to be a {name}; expected {_expected(use)}"
    return Finding("reference-type-likely", message)


def _expected(use: ReferenceUse) -> str:
    return " or ".join(sorted(use.targets or ()))


def _named_type(reference: str, types: Collection[str]) -> str | None:
    """The type that a RESTful reference names by its form."""
    # A long text is no reference that comes again.
    name = _named(reference) if len(reference) <= _SHORT else _named.__wrapped__(reference)
    return name if name in types else None


@lru_cache(maxsize=8192)
def _named(reference: str) -> str | None:
    match = RESTFUL.fullmatch(reference.partition("/_history/")[0].partition("#")[0])
    return None if match is None else match[2]


@lru_cache(maxsize=8192)
def _whole(reference: str) -> str | None:
    match = RESTFUL.fullmatch(reference)
    return None if match is None else match[2]


def _entry(node: Node) -> Node:
    """The entry that a resource is in."""
    while node[1] != "entry" and node[0] is not None:
        node = node[0]
    return node
