"""Searches: which versions match a query, in which order, and the pages they come in.

By design general instead of complete: ``_id``, ``_lastUpdated``, ``_tag``, ``identifier`` and
``_sort`` are as in R4; any other parameter matches an element of that name anywhere in the
resource.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fhirkit.chaos.behaviour import Behaviour
from fhirkit.chaos.reply import Refusal, Reply
from fhirkit.chaos.store import Version, seconds

_RESULT = {"_count", "_sort", "_total", "_summary", "_elements", "_format", "_pretty", "_since",
           "_getpages", "_getpagesoffset", "_type", "_include", "_revinclude", "_at"}  # fmt: skip
#: Search parameters whose element has another name.
_ELEMENTS = {
    "patient": ("patient", "subject", "beneficiary", "individual", "for"),
    "target": ("target",),
    "encounter": ("encounter", "context"),
    "organization": ("organization", "managingOrganization", "serviceProvider"),
}
KNOWN = (
    "identifier",
    "patient",
    "subject",
    "target",
    "encounter",
    "organization",
    "code",
    "status",
)


@dataclass
class Searches:
    """Searches that are being paged through; a restart forgets them."""

    held: dict[str, tuple[list[Any], str]] = field(default_factory=dict)
    remembered: dict[str, tuple[float, list[Any]]] = field(default_factory=dict)

    def forget(self) -> None:
        """As after a restart, or when their time is over."""
        self.held.clear()
        self.remembered.clear()

    def keep(self, rows: list[Any], kind: str) -> str:
        """An id for the further pages of these rows."""
        name = secrets.token_hex(8)
        self.held[name] = (rows, kind)
        if len(self.held) > 1000:
            del self.held[next(iter(self.held))]
        return name


def pairs(query: str) -> list[tuple[str, str]]:
    """The parameters of a query, in order."""
    return parse_qsl(query, keep_blank_values=True)


def find(
    rows: list[Version], query: str, behaviour: Behaviour, searches: Searches, *, fresh: bool,
    name: str,
) -> list[Version]:  # fmt: skip
    """The rows that a search finds, sorted; from memory where this server would do that.

    ``name`` is the search as it was asked; ``fresh`` when its client wants no old answer.
    """
    now = time.monotonic()
    known = searches.remembered.get(name)
    if known is not None and not fresh and now - known[0] < behaviour.search_memory:
        return known[1]
    if behaviour.late_index:
        rows = [row for row in rows if now - row.committed >= behaviour.late_index]
    found = matches(rows, query, behaviour)
    for parameter, value in pairs(query):
        if parameter == "_sort":
            for order in reversed(value.split(",")):
                found.sort(key=_order(order.lstrip("-")), reverse=order.startswith("-"))
    if behaviour.search_memory:
        searches.remembered[name] = (now, found)
    return found


def shown(versions: list[Version], late: float) -> list[Version]:
    """The versions that a read knows of, when it lags so many seconds behind writes."""
    now = time.monotonic()
    return [one for one in versions if now - one.committed >= late] if late else versions


def matches(rows: list[Version], query: str, behaviour: Behaviour) -> list[Version]:
    """The rows that match every parameter of a query."""
    found = rows
    for name, value in pairs(query):
        plain = name.partition(":")[0].partition(".")[0]
        if plain in _RESULT:
            continue
        if behaviour.unknown_parameter_status >= 400 and not _known(plain):
            raise Refusal(behaviour.unknown_parameter_status, "unknown search parameter")
        wanted = value.split(",")
        found = [
            row
            for row in found
            if row.resource is not None and any(_has(row, plain, one, behaviour) for one in wanted)
        ]
    return list(found)


def _known(name: str) -> bool:
    return name.startswith("_") or name in KNOWN


def _has(row: Version, name: str, value: str, behaviour: Behaviour) -> bool:
    resource = row.resource or {}
    if name == "_id":
        return resource.get("id") == value
    if name == "_lastUpdated":
        return _dated(row.stamp, value, behaviour)
    if name in ("_tag", "_profile", "_security"):
        held = resource.get("meta", {}).get(name[1:], [])
        return any(_token(one, value) if isinstance(one, dict) else one == value for one in held)
    return any(_token(one, value) for one in _named(resource, _ELEMENTS.get(name, (name,))))


def _dated(stamp: str, value: str, behaviour: Behaviour) -> bool:
    prefix, text = (value[:2], value[2:]) if value[:2].isalpha() else ("eq", value)
    moment, wanted = seconds(stamp), seconds(text.replace(" ", "+"))
    if moment is None or wanted is None:
        raise Refusal(400, "no date")
    if prefix == "gt" and behaviour.gt_includes_equal:
        prefix = "ge"
    return {
        "ge": moment >= wanted, "gt": moment > wanted, "le": moment <= wanted,
        "lt": moment < wanted, "eq": moment == wanted, "ne": moment != wanted,
    }.get(prefix, False)  # fmt: skip


def _named(value: Any, names: tuple[str, ...]) -> Iterator[Any]:
    """The values of every element with one of these names, at any depth."""
    if isinstance(value, list):
        for one in value:
            yield from _named(one, names)
    elif isinstance(value, dict):
        for name, one in value.items():
            if name in names:
                yield from one if isinstance(one, list) else [one]
            yield from _named(one, names)


def _token(value: Any, wanted: str) -> bool:
    if isinstance(value, str):
        return value == wanted
    if not isinstance(value, dict):
        return False
    reference = value.get("reference")
    if isinstance(reference, str) and (reference == wanted or reference.endswith(f"/{wanted}")):
        return True
    if any(_token(one, wanted) for one in value.get("coding", [])):
        return True
    system, mark, code = wanted.rpartition("|")
    held = value.get("value", value.get("code"))
    return held == code and (not mark or value.get("system", "") == system)


def _order(name: str) -> Any:
    if name == "_lastUpdated":
        return lambda row: row.stamp
    return lambda row: row.key.partition("/")[2]


def first_page(
    rows: list[Any], kind: str, path: str, query: str, behaviour: Behaviour, searches: Searches,
    base: str,
) -> Reply:  # fmt: skip
    """The first page of what was found; the others are asked for by its next link."""
    given = dict(pairs(query))
    if behaviour.counts and (given.get("_summary") == "count" or given.get("_count") == "0"):
        return Reply(200, {"resourceType": "Bundle", "type": kind, "total": len(rows)})
    text = given.get("_count", "")
    size = min(int(text), behaviour.most_page) if text.isdigit() else behaviour.page_size
    asked = behaviour.totals == "asked" and given.get("_total") == "accurate"
    total = len(rows) if behaviour.totals == "always" or asked else None
    name = searches.keep(rows, kind) if len(rows) > size else ""
    own = f"{base}/{path}{f'?{query}' if query else ''}"
    return _page(rows, kind, (name, 0, size), total, base, own)


def next_page(query: str, searches: Searches, base: str, behaviour: Behaviour) -> Reply:
    """A further page, by the id that its next link has."""
    given = dict(pairs(query))
    held = searches.held.get(given.get("_getpages", ""))
    if held is None:
        raise Refusal(410, "this search is forgotten", code="not-found")
    rows, kind = held
    offset, size = int(given["_getpagesoffset"]), int(given["_count"])
    total = len(rows) if behaviour.totals == "always" else None
    place = (given["_getpages"], offset, size)
    return _page(rows, kind, place, total, base, f"{base}?{query}")


def _page(
    rows: list[Any], kind: str, place: tuple[str, int, int], total: int | None, base: str, own: str
) -> Reply:
    name, offset, size = place
    links = [{"relation": "self", "url": own}]
    if offset + size < len(rows):
        following = {"_getpages": name, "_getpagesoffset": offset + size, "_count": size}
        links.append({"relation": "next", "url": f"{base}?{urlencode(following)}"})
    entries = [entry_of(row, kind, base) for row in rows[offset : offset + size]]
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": kind, "link": links}
    if total is not None:
        bundle["total"] = total
    if entries:
        bundle["entry"] = entries
    return Reply(200, bundle)


def entry_of(version: Version, kind: str, base: str) -> dict[str, Any]:
    """A page's entry: a match, or in a history what was done."""
    entry: dict[str, Any] = {"fullUrl": f"{base}/{version.key}"}
    if version.resource is not None:
        entry["resource"] = version.resource
    if kind != "history":
        return {**entry, "search": {"mode": "match"}}
    url = version.kind if version.method == "POST" else version.key
    status = {"POST": "201", "DELETE": "204"}.get(version.method, "200")
    response = {
        "status": status, "etag": f'W/"{version.number}"', "lastModified": version.stamp,
    }  # fmt: skip
    return {**entry, "request": {"method": version.method, "url": url}, "response": response}
