"""Bundles and single resources from outside, as resources that each have a key of their own.

Entries may name each other by ``fullUrl`` (https://hl7.org/fhir/R4/bundle.html#references); such
references become ``Type/id``. An entry without an id gets one from its ``urn:uuid`` fullUrl, and
without that from its content, so the same input always gets the same ids.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from fhirkit.core.errors import InvalidInput
from fhirkit.core.issues import Issue, Severity
from fhirkit.core.resource import ResourceKey, content_hash, map_references
from fhirkit.remote.client import version_of
from fhirkit.sync.entry import version_id
from fhirkit.sync.worktree import is_id

_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")
_UUID = re.compile(r"urn:uuid:([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})")
_VERSION = re.compile(r"(.+)/_history/[^/]+")
_NAMESPACE = uuid.UUID("6c1f3c1e-6b0e-5d0f-9f43-0d6b0a4c7a55")

#: Bundles that carry resources to keep; the others are answers or logs.
_TAKEN = ("transaction", "batch", "collection", "document", "message", "searchset")


@dataclass(slots=True)
class Intake:
    """Resources by key, and the version that each says it was based on, if it says so."""

    resources: dict[ResourceKey, dict[str, Any]] = field(default_factory=dict)
    versions: dict[ResourceKey, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Item:
    resource: dict[str, Any]
    place: str
    full_url: str | None
    request: dict[str, Any]
    key: ResourceKey | None = None


def take_in(value: Any, *, file: str | None = None) -> Intake:
    """The resources in a Bundle or a single resource, ready for a tree or a server.

    Raises ``InvalidInput`` with every issue found: a delete or conditional entry, a missing
    resource, an id that FHIR does not allow, a reference that leads to no entry, one key twice.
    """
    issues: list[Issue] = []
    items = list(_items(value, issues))
    seen: dict[str, int] = {}
    for item in items:
        item.key = _key(item, issues, seen)
    renamed = _names(items, issues)
    intake = Intake()
    for item in items:
        if item.key is not None:
            _add(intake, item, item.key, renamed, issues)
    if issues:
        found = tuple(issue.at(file=file) for issue in issues)
        count = f"{len(found)} issues" if len(found) > 1 else found[0].message
        raise InvalidInput(f"{file or 'the input'}: {count}", issues=found)
    return intake


def _items(value: Any, issues: list[Issue]) -> Iterator[_Item]:
    kind = value.get("resourceType") if isinstance(value, dict) else None
    if not isinstance(kind, str) or _TYPE.fullmatch(kind) is None:
        issues.append(_issue("intake-resource", "not a FHIR resource: no resourceType", ""))
        return
    if kind != "Bundle":
        yield _Item(value, kind, None, {})
        return
    if value.get("type") not in _TAKEN:
        message = f"a Bundle of this type is not taken in; expected {', '.join(_TAKEN)}"
        issues.append(_issue("intake-bundle-type", message, "Bundle.type"))
        return
    entries = value.get("entry", [])
    if not isinstance(entries, list):
        issues.append(_issue("intake-resource", "expected an array", "Bundle.entry"))
        return
    for number, entry in enumerate(entries):
        item = _entry(entry, f"Bundle.entry[{number}]", issues)
        if item is not None:
            yield item


def _entry(entry: Any, place: str, issues: list[Issue]) -> _Item | None:
    if not isinstance(entry, dict):
        issues.append(_issue("intake-resource", "expected an object", place))
        return None
    search = entry.get("search")
    if isinstance(search, dict) and search.get("mode") == "outcome":
        return None
    request = entry.get("request")
    request = request if isinstance(request, dict) else {}
    method, url = request.get("method", "POST"), str(request.get("url", ""))
    if method not in ("POST", "PUT"):
        message = f"{method} cannot be taken in; only POST and PUT entries carry a resource"
        issues.append(_issue("intake-method", message, f"{place}.request.method"))
        return None
    if request.get("ifNoneExist") or "?" in url:
        message = "a conditional entry leaves its identity to the server; give it an id and PUT"
        issues.append(_issue("intake-conditional", message, f"{place}.request"))
        return None
    resource = entry.get("resource")
    kind = resource.get("resourceType") if isinstance(resource, dict) else None
    if not isinstance(resource, dict) or not isinstance(kind, str) or not _TYPE.fullmatch(kind):
        issues.append(_issue("intake-resource", "no resource with a type", f"{place}.resource"))
        return None
    full_url = entry.get("fullUrl")
    return _Item(resource, place, full_url if isinstance(full_url, str) else None, request)


def _key(item: _Item, issues: list[Issue], seen: dict[str, int]) -> ResourceKey | None:
    kind: str = item.resource["resourceType"]
    logical_id = item.resource.get("id")
    if item.request.get("method") == "PUT" and item.request.get("url"):
        url_type, _, url_id = str(item.request["url"]).partition("/")
        if url_type != kind or (logical_id is not None and url_id != logical_id):
            message = f"PUT to another place than the resource's own type and id ({kind})"
            issues.append(_issue("intake-id", message, f"{item.place}.request.url"))
            return None
        logical_id = url_id
    if logical_id is None:
        logical_id = _made_id(item, seen)
    if not isinstance(logical_id, str) or not is_id(logical_id):
        message = "not a logical id (letters, digits, - and ., up to 64)"
        issues.append(_issue("intake-id", message, f"{item.place}.resource.id"))
        return None
    return ResourceKey(kind, logical_id)


def _made_id(item: _Item, seen: dict[str, int]) -> str:
    match = _UUID.fullmatch(item.full_url or "")
    if match:
        return match[1].lower()
    tail = (item.full_url or "").rpartition(f"/{item.resource['resourceType']}/")[2]
    if tail != item.full_url and is_id(tail):
        return tail
    digest = content_hash(item.resource)
    # The same content twice in one input is two resources, as the sender wrote it.
    number = seen[digest] = seen.get(digest, 0) + 1
    return str(uuid.uuid5(_NAMESPACE, item.full_url or f"{digest}#{number}"))


def _names(items: list[_Item], issues: list[Issue]) -> dict[str, str]:
    """FullUrl → ``Type/id``, for all entries that have one."""
    names: dict[str, str] = {}
    for item in items:
        if item.full_url is None or item.key is None:
            continue
        if names.setdefault(item.full_url, str(item.key)) != str(item.key):
            message = "two entries share this fullUrl"
            issues.append(_issue("intake-full-url", message, f"{item.place}.fullUrl"))
    return names


def _add(
    intake: Intake, item: _Item, key: ResourceKey, names: dict[str, str], issues: list[Issue]
) -> None:
    lost: set[str] = set()

    def change(reference: str) -> str:
        plain, mark, fragment = reference.partition("#")
        versioned = _VERSION.fullmatch(plain)
        found = names.get(plain) or (names.get(versioned[1]) if versioned else None)
        if found is not None:
            return f"{found}{mark}{fragment}" if mark else found
        if plain.startswith(("urn:uuid:", "urn:oid:")):
            lost.add(plain)
        return reference

    resource = map_references(item.resource, change)
    resource = {"resourceType": key.type, "id": key.id, **resource}
    resource["id"] = key.id
    if lost:
        message = f"{len(lost)} reference(s) by urn lead to no entry of this Bundle"
        issues.append(_issue("intake-reference", message, f"{item.place}.resource"))
    known = intake.resources.get(key)
    if known is not None and content_hash(known) != content_hash(resource):
        message = "the same type and id as another entry, with other content"
        issues.append(_issue("intake-twice", message, f"{item.place}.resource.id"))
        return
    intake.resources[key] = resource
    version = version_of(item.request.get("ifMatch")) or version_id(resource)
    if version is not None:
        intake.versions[key] = version


def _issue(rule: str, message: str, expression: str) -> Issue:
    return Issue(Severity.ERROR, rule, message, expression, issue_type="structure")
