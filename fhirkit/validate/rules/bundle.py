"""Bundles: what each type of Bundle asks of its entries (bdl-1 to bdl-12).

https://hl7.org/fhir/R4/bundle.html. References between entries are in ``reference``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from fhirkit.validate.rules.finding import Finding

_WITH_REQUEST = ("batch", "transaction", "history")
_WITH_RESPONSE = ("batch-response", "transaction-response", "history")
_HEADS = {"document": "Composition", "message": "MessageHeader"}
# https://hl7.org/fhir/R4/references.html#literal: a RESTful URL ends in Type/id.
RESTFUL = re.compile(r"((?:https?://[^\s?#]*/)?)([A-Z][A-Za-z]*)/([A-Za-z0-9.-]{1,64})")
_VERSIONED = re.compile(r"/_history/[A-Za-z0-9.-]{1,64}$")


def check(bundle: dict[str, Any]) -> Iterator[Finding]:
    """Everything about a Bundle but the references in it."""
    kind = bundle.get("type")
    if not isinstance(kind, str):
        return  # what the Bundle would have to hold is not known; the type itself is reported
    entries = bundle.get("entry")
    entries = entries if isinstance(entries, list) else []
    if "total" in bundle and kind not in ("searchset", "history"):
        yield Finding("bundle-entry", "only a searchset or history has a total (bdl-1)", ("total",))
    if kind in _HEADS:
        yield from _head(kind, entries)
    if kind == "document":
        yield from _document(bundle)
    seen: dict[tuple[str, str], int] = {}
    for index, entry in enumerate(entries):
        if isinstance(entry, dict):
            yield from _entry(kind, entry, index)
            if kind != "history":
                yield from _unique(entry, index, seen)


def _head(kind: str, entries: list[Any]) -> Iterator[Finding]:
    first = entries[0] if entries else None
    resource = first.get("resource") if isinstance(first, dict) else None
    found = resource.get("resourceType") if isinstance(resource, dict) else None
    if found != _HEADS[kind]:
        message = f"the first entry of a {kind} must be a {_HEADS[kind]}"
        yield Finding("bundle-first-entry", message)


def _document(bundle: dict[str, Any]) -> Iterator[Finding]:
    identifier = bundle.get("identifier")
    if not isinstance(identifier, dict) or not {"system", "value"} <= identifier.keys():
        yield Finding("bundle-document", "a document needs an identifier, system and value (bdl-9)")
    if "timestamp" not in bundle and "_timestamp" not in bundle:
        yield Finding("bundle-document", "a document needs a timestamp (bdl-10)")


def _entry(kind: str, entry: dict[str, Any], index: int) -> Iterator[Finding]:
    below = ("entry", index)
    if not entry.keys() & {"resource", "request", "response"}:
        message = "an entry needs a resource, a request or a response (bdl-5)"
        yield Finding("bundle-entry", message, below)
    for name, kinds, key in (
        ("request", _WITH_REQUEST, "bdl-3"),
        ("response", _WITH_RESPONSE, "bdl-4"),
    ):
        if kind in kinds and name not in entry:
            yield Finding("bundle-entry", f"an entry of a {kind} needs a {name} ({key})", below)
        elif kind not in kinds and name in entry:
            yield Finding("bundle-entry", f"an entry of a {kind} has no {name} ({key})", below)
    if "search" in entry and kind != "searchset":
        yield Finding("bundle-entry", "only an entry of a searchset has search (bdl-2)", below)
    yield from _full_url(entry, below)


def _full_url(entry: dict[str, Any], below: tuple[str | int, ...]) -> Iterator[Finding]:
    full_url, resource = entry.get("fullUrl"), entry.get("resource")
    if not isinstance(full_url, str):
        return
    place = (*below, "fullUrl")
    if _VERSIONED.search(full_url):
        yield Finding("bundle-full-url", "a fullUrl names no version (bdl-8)", place)
        return
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", full_url) is None:
        yield Finding("bundle-full-url", "a fullUrl must be an absolute URI", place)
        return
    match = RESTFUL.fullmatch(full_url)
    if match is None or not isinstance(resource, dict):
        return
    # https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.entry.fullUrl: the id must agree.
    if isinstance(resource.get("id"), str) and resource["id"] != match[3]:
        yield Finding("bundle-full-url", "the fullUrl ends in another id than resource.id", place)


def _unique(
    entry: dict[str, Any], index: int, seen: dict[tuple[str, str], int]
) -> Iterator[Finding]:
    """bdl-7: a fullUrl is unique, or its resources differ in version."""
    full_url, resource = entry.get("fullUrl"), entry.get("resource")
    if not isinstance(full_url, str):
        return
    meta = resource.get("meta") if isinstance(resource, dict) else None
    version = str(meta.get("versionId", "")) if isinstance(meta, dict) else ""
    first = seen.setdefault((full_url, version), index)
    if first != index:
        message = f"this fullUrl is that of entry[{first}] too (bdl-7)"
        yield Finding("bundle-full-url-duplicate", message, ("entry", index, "fullUrl"))
