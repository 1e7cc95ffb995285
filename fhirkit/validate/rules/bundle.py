"""Bundles: links, entries and fullUrls are what the type of the Bundle asks for.

https://hl7.org/fhir/R4/bundle.html. What can be said of one entry by itself are constraints (bdl-1
to bdl-12); references between entries are in ``reference`` and ``entries``, what a document or a
message must hold in ``document``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from fhirkit.validate.rules import document
from fhirkit.validate.rules.entries import RESTFUL
from fhirkit.validate.rules.finding import Finding

Path = tuple[str | int, ...]
#: https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.entry.fullUrl: what is on its way to a
#: server may not have an identity yet.
_WITHOUT_FULL_URL = ("batch", "transaction", "batch-response", "transaction-response")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
#: Definitions that were published before their URLs moved.
_OLD_SPACES = ("http://hl7.org/fhir/v3/", "http://hl7.org/fhir/v2/")
_PAGING = ("first", "previous", "prev", "next", "last")
_PAGED = ("searchset", "history")
_NOT_PAGED = ("first", "previous", "next", "last")


def check(bundle: dict[str, Any], types: Collection[str]) -> Iterator[Finding]:
    """What the constraints of Bundle leave open; ``types`` are the names of resource types."""
    kind = bundle.get("type")
    entries = [one if isinstance(one, dict) else {} for one in _list(bundle.get("entry"))]
    yield from _links(_list(bundle.get("link")), kind)
    if kind == "searchset":
        yield from _matches(entries, _searched(bundle, types))
    for index, entry in enumerate(entries):
        place = ("entry", index)
        if "fullUrl" in entry:
            yield from _full_url(entry, place, types)
        elif entry:
            yield from _no_full_url(entry, kind, place)
    yield from document.check(bundle, types)
    yield from _signature(bundle)


def asked(bundle: dict[str, Any], wanted: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """Which profiles are asked of which entries: the place of each and the canonical.

    ``wanted`` is ``Options.bundle_entries``: by type, by place in the Bundle, or by both, when
    the place is that among the entries of the type.
    """
    counts: dict[str, int] = {}
    for index, entry in enumerate(_list(bundle.get("entry"))):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        name = resource.get("resourceType") if isinstance(resource, dict) else None
        if not isinstance(name, str):
            continue
        nth = counts[name] = counts.get(name, -1) + 1
        for key in (name, f"{name}:{nth}", str(index)):
            if key in wanted:
                yield index, wanted[key]


def _no_full_url(entry: dict[str, Any], kind: Any, place: Path) -> Iterator[Finding]:
    if not isinstance(kind, str) or kind in _WITHOUT_FULL_URL or "_fullUrl" in entry:
        return
    message = f"an entry of a {kind} needs a fullUrl, the identity of its resource"
    yield Finding("bundle-full-url-missing", message, place)


def _full_url(entry: dict[str, Any], place: Path, types: Collection[str]) -> Iterator[Finding]:
    full_url, resource = entry["fullUrl"], entry.get("resource")
    if not isinstance(full_url, str):
        return
    if _SCHEME.match(full_url) is None:
        yield Finding("bundle-full-url", "a fullUrl must be an absolute URI", place)
        return
    if not isinstance(resource, dict):
        return
    yield from _canonical(full_url, resource, place)
    url, history, _ = full_url.partition("/_history/")
    match = RESTFUL.fullmatch(url)
    if match is None or match[2] not in types:
        return
    # The fullUrl of a resource on a server ends in its type and its id.
    name, logical_id = resource.get("resourceType"), resource.get("id")
    if logical_id is None:
        message = "the fullUrl is that of a server, but the resource has no id"
        yield Finding("bundle-full-url", message, place)
    elif history:
        message = "the fullUrl names a version, but stands for the resource whatever its version"
        yield Finding("bundle-full-url", message, place)
    elif isinstance(logical_id, str) and (name, logical_id) != (match[2], match[3]):
        message = "the fullUrl ends in another type or id than those of the resource"
        yield Finding("bundle-full-url", message, place)


def _canonical(full_url: str, resource: dict[str, Any], place: Path) -> Iterator[Finding]:
    """A canonical URL names a definition, a fullUrl this one copy of it; rarely are they one."""
    if resource.get("url") != full_url or full_url.startswith(_OLD_SPACES):
        return
    is_own = RESTFUL.fullmatch(full_url) is not None
    if not is_own or not full_url.endswith(f"/{resource.get('id')}"):
        message = "the fullUrl is the canonical URL, but does not end in the id of the resource"
        yield Finding("bundle-full-url", message, place)


def _links(links: list[Any], kind: Any) -> Iterator[Finding]:
    """The relations of paging occur once each where there are pages, and elsewhere not at all."""
    if not isinstance(kind, str):
        return
    seen: set[str] = set()
    for index, link in enumerate(links):
        relation = link.get("relation") if isinstance(link, dict) else None
        if not isinstance(relation, str):
            continue
        place: Path = ("link", index) if kind in _PAGED else ("link", index, "relation")
        if kind not in _PAGED and relation in _NOT_PAGED:
            message = f"a {kind} has no pages, so no link of relation {relation}"
            yield Finding("bundle-link", message, place)
        elif relation in seen and (relation == "self" or kind in _PAGED):
            message = f"there is a link of relation {relation} already"
            yield Finding("bundle-link", message, place)
        if relation == "self" or relation in _PAGING:
            seen.add(relation)


def _searched(bundle: dict[str, Any], types: Collection[str]) -> list[str]:
    """The types that the self link of a search names."""
    for link in _list(bundle.get("link")):
        if isinstance(link, dict) and link.get("relation") == "self":
            url = link.get("url")
            head, _, query = url.partition("?") if isinstance(url, str) else ("", "", "")
            name = head.rstrip("/").rpartition("/")[2]
            if name in types:
                return [name]
            asked = [part[6:] for part in query.split("&") if part.startswith("_type=")]
            return asked[0].split(",") if asked else []
    return []


def _matches(entries: list[dict[str, Any]], searched: list[str]) -> Iterator[Finding]:
    """The entries of a search: each holds a resource, of the kind its mode says."""
    modes = [_mode(entry) for entry in entries]
    for index, (entry, mode) in enumerate(zip(entries, modes, strict=True)):
        resource = entry.get("resource")
        if not isinstance(resource, dict):
            message = "an entry of a search needs a resource"
            yield Finding("bundle-search-entry", message, ("entry", index))
            continue
        place = ("entry", index, "resource")
        name = resource.get("resourceType")
        if mode == "outcome" and name != "OperationOutcome":
            message = f"an outcome of a search is an OperationOutcome, not a {name}"
            yield Finding("bundle-search-entry", message, place)
        if mode in ("match", "include") and resource.get("id") is None:
            message = "what a search found is on a server, so it needs an id"
            yield Finding("bundle-search-entry", message, place)
        if mode == "match" and searched and name not in searched:
            message = f"the search was for {' or '.join(searched)[:80]}, not for a {name}"
            yield Finding("bundle-search-entry", message, place)


def _mode(entry: dict[str, Any]) -> Any:
    search = entry.get("search")
    return search.get("mode") if isinstance(search, dict) else None


def _signature(bundle: dict[str, Any]) -> Iterator[Finding]:
    """A signature is not verified; a JSON Web Signature must at least be encoded as base64."""
    signature = bundle.get("signature")
    data = signature.get("data") if isinstance(signature, dict) else None
    if not isinstance(signature, dict) or not isinstance(data, str):
        return
    if signature.get("sigFormat") == "application/jose" and "." in data:
        message = "a JSON Web Signature stands here as it is; the data must be its base64"
        yield Finding("signature-data", message)
    message = "the signature was not verified"
    yield Finding("signature-not-checked", message, ("signature",))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
