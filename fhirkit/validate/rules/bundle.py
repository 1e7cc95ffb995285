"""Bundles: each fullUrl fits its resource, each link is there once.

https://hl7.org/fhir/R4/bundle.html. What each type of Bundle asks of its entries are constraints
(bdl-1 to bdl-12); references between entries are in ``reference``, what a document or a message
must hold in ``document``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from fhirkit.validate.rules import document
from fhirkit.validate.rules.finding import Finding

Path = tuple[str | int, ...]
# https://hl7.org/fhir/R4/references.html#literal: a RESTful URL ends in Type/id.
RESTFUL = document.RESTFUL
#: https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.entry.fullUrl: what is on its way to a
#: server may not have an identity yet.
_WITHOUT_FULL_URL = ("batch", "transaction", "batch-response", "transaction-response")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_ONCE = ("self", "first", "previous", "prev", "next", "last")


def check(bundle: dict[str, Any], types: Collection[str]) -> Iterator[Finding]:
    """What the constraints of Bundle leave open; ``types`` are the names of resource types."""
    kind = bundle.get("type")
    entries = bundle.get("entry")
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, dict):
            place = ("entry", index)
            if "fullUrl" in entry:
                yield from _full_url(entry, place, types)
            else:
                yield from _no_full_url(entry, kind, place)
    yield from _links(bundle.get("link"))
    yield from document.check(bundle)


def _no_full_url(entry: dict[str, Any], kind: Any, place: Path) -> Iterator[Finding]:
    if not isinstance(kind, str) or kind in _WITHOUT_FULL_URL or "_fullUrl" in entry:
        return
    if isinstance(entry.get("resource"), dict):
        message = f"an entry of a {kind} needs a fullUrl, the identity of its resource"
        yield Finding("bundle-full-url-missing", message, place)


def _full_url(entry: dict[str, Any], place: Path, types: Collection[str]) -> Iterator[Finding]:
    full_url, resource = entry["fullUrl"], entry.get("resource")
    if not isinstance(full_url, str):
        return
    if _SCHEME.match(full_url) is None:
        yield Finding("bundle-full-url", "a fullUrl must be an absolute URI", place)
        return
    match = RESTFUL.fullmatch(full_url)
    if match is None or match[2] not in types or not isinstance(resource, dict):
        return
    # The fullUrl of a resource on a server ends in its type and its id.
    name, logical_id = resource.get("resourceType"), resource.get("id")
    if logical_id is None:
        message = "the fullUrl is that of a server, but the resource has no id"
        yield Finding("bundle-full-url", message, place)
    elif isinstance(logical_id, str) and (name, logical_id) != (match[2], match[3]):
        message = "the fullUrl ends in another type or id than those of the resource"
        yield Finding("bundle-full-url", message, place)


def _links(links: Any) -> Iterator[Finding]:
    """The relations of paging occur once each."""
    seen: set[str] = set()
    for index, link in enumerate(links if isinstance(links, list) else ()):
        relation = link.get("relation") if isinstance(link, dict) else None
        if relation not in _ONCE:
            continue
        if relation in seen:
            message = f"there is a link of relation {relation} already"
            yield Finding("bundle-link", message, ("link", index))
        seen.add(relation)
