"""Searches followed to their last page, or an error: never a part that looks like the whole.

https://hl7.org/fhir/R4/http.html#paging. Guards: each next link is moved under our base and may
come once; an expired search is begun again; entries are told apart by key and version; a total
that the server gives must be reached, and where it gives none something else has to prove the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fhirkit.core.errors import BadAnswer, Incomplete, Refused
from fhirkit.core.resource import ResourceKey
from fhirkit.remote.address import rebase

#: More pages than this are taken for a server that never ends.
MOST_PAGES = 100_000
_STARTS = 3

GetBundle = Callable[[str], dict[str, Any]]


@dataclass(slots=True)
class Found:
    """What a search delivered: resources by key, and which of them are matches. ``counted``: they
    are as many as the server says there are.
    """

    resources: dict[ResourceKey, dict[str, Any]] = field(default_factory=dict)
    matches: set[ResourceKey] = field(default_factory=set)
    counted: bool = False


class Expired(Exception):
    """The server has forgotten the search between two pages."""


def collect(
    get: GetBundle,
    *,
    base: str,
    asked: str,
    query: str,
    what: str,
    counted: Callable[[], int | None] | None = None,
) -> Found:
    """Everything that a search delivers; begun again when it expires or falls short.

    ``asked`` is the path below the base, ``query`` the encoded parameters. With ``counted``, which
    asks the server how many matches there are, it has to be proven that they are all: by the
    total on a page, else by ``counted``, and where the server tells neither, by two walks
    that show the same. Raises ``Incomplete`` when the search cannot be finished.
    """
    shown: Found | None = None
    short: int | None = None
    problem = ""
    for _ in range(_STARTS):
        found = Found()
        try:
            total = _walk(get, found, base=base, asked=asked, query=query, what=what)
        except Expired:
            short, problem = None, "the search expired between two pages"
            continue
        came = len(found.matches)
        if total is None or (counted is not None and total < came):
            if counted is None:
                return found
            total = counted()
        if total is None or (counted is not None and total < came):
            # It does not count, or counts fewer than it shows, which proves nothing.
            if shown is not None and found.resources.keys() == shown.resources.keys():
                return found
            short, problem = None, "the server tells no total, and shows others each time"
            shown = found
            query = _in_smaller_pages(query, came)
            continue
        short = total - came
        found.counted = True
        if short <= 0:
            return found
    if short is not None:
        raise short_of(what, short)
    raise Incomplete(
        f"{what}: {problem}, {_STARTS} times over", advice="try again when the server is less busy"
    )


def smaller_page(size: int, came: int) -> int:
    """The size of pages to ask for when as many rows came, of which nothing says that they are all.

    A second walk whose first page was all there is shows the same only if further pages come.
    """
    return max(1, min(size, came // 2))


def _in_smaller_pages(query: str, came: int) -> str:
    pairs = [
        (name, str(smaller_page(int(text), came)) if name == "_count" and text.isdigit() else text)
        for name, text in parse_qsl(query, keep_blank_values=True)
    ]
    return urlencode(pairs, safe=",/:$*")


def short_of(what: str, missing: int) -> Incomplete:
    """The error for a server that has more than it delivered, time and again."""
    return Incomplete(
        f"{what}: the server announced {missing} more than it delivered",
        advice="run the command again when nothing else writes to the server",
    )


def _walk(
    get: GetBundle, found: Found, *, base: str, asked: str, query: str, what: str
) -> int | None:
    """Read all pages into ``found``; how many matches the server announced, if it did."""
    total: int | None = None
    for page in pages(get, base=base, asked=asked, query=query, what=what):
        said = announced(page, what)
        total = total if said is None else said
        for entry in entries_of(page, what):
            take(entry, found, what)
    return total


def pages(
    get: GetBundle, *, base: str, asked: str, query: str, what: str
) -> Iterator[dict[str, Any]]:
    """The pages of a search or history, one by one; ``Expired`` when a later one is gone."""
    url = f"{base}/{asked}?{query}" if query else f"{base}/{asked}"
    seen: set[str] = set()
    own: str | None = None
    while True:
        if url in seen or len(seen) >= MOST_PAGES:
            raise BadAnswer(f"{what}: the next links run in a circle, so the end is not reached")
        seen.add(url)
        try:
            page = get(url)
        except Refused as problem:
            if len(seen) > 1 and problem.status in (404, 410):
                raise Expired from None
            raise
        if page.get("resourceType") != "Bundle" or page.get("type") not in (
            "searchset",
            "history",
            "collection",  # some servers answer an operation so
        ):
            raise BadAnswer(f"{what}: the answer is not a searchset Bundle")
        yield page
        following = _link(page, "next", what)
        if len(seen) == 1:
            # Only the first page's self link must end in what was asked.
            own = _link(page, "self", what)
        if following is None:
            return
        url = rebase(following, base=base, asked=asked, self_link=own)


def announced(page: dict[str, Any], what: str) -> int | None:
    """How many matches the server says there are on all pages.

    None where it does not say, or counts this page alone: with more to come that is no total.
    """
    total = page.get("total")
    if type(total) is not int:
        return None
    more = total <= len(entries_of(page, what)) and _link(page, "next", what) is not None
    return None if more else total


def _link(page: dict[str, Any], relation: str, what: str) -> str | None:
    links = _present(page, "link")
    if not isinstance(links, list) or not all(isinstance(link, dict) for link in links):
        raise BadAnswer(f"{what}: the page's links cannot be read")
    urls = [link.get("url") for link in links if link.get("relation") == relation]
    if not urls:
        return None
    if not isinstance(urls[0], str) or not urls[0] or len(set(map(str, urls))) > 1:
        raise BadAnswer(f"{what}: the page's {relation} link cannot be read")
    return urls[0]


def _present(page: dict[str, Any], name: str) -> Any:
    """A page's list of that name; a null, which some write for nothing, is an empty one."""
    value = page.get(name)
    return [] if value is None else value


def entries_of(page: dict[str, Any], what: str) -> list[dict[str, Any]]:
    """A page's entries; ``BadAnswer`` when they are not a list of objects."""
    entries = _present(page, "entry")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BadAnswer(f"{what}: the page's entries cannot be read")
    return entries


def take(entry: dict[str, Any], found: Found, what: str) -> None:
    """Put a searchset entry into ``found``; an error among the matches, or a shortened resource,
    is a hole and raises.
    """
    resource = entry.get("resource")
    search = entry.get("search")
    mode = search.get("mode") if isinstance(search, dict) else None
    if not isinstance(resource, dict):
        raise BadAnswer(f"{what}: a page's entry holds no resource")
    if mode == "outcome" or (mode is None and resource.get("resourceType") == "OperationOutcome"):
        _heed(resource, what)
        return
    kind, logical_id = resource.get("resourceType"), resource.get("id")
    if not isinstance(kind, str) or not isinstance(logical_id, str):
        raise BadAnswer(f"{what}: a page's resource has no type or id")
    if shortened(resource):
        raise BadAnswer(f"{what}: the server sent shortened resources, which are not whole")
    key = ResourceKey(kind, logical_id)
    if mode != "include":
        found.matches.add(key)
    known = found.resources.get(key)
    if known is None or _version(resource) >= _version(known):
        found.resources[key] = resource


def shortened(resource: dict[str, Any]) -> bool:
    """Whether the server says that it left out parts of the resource."""
    meta = resource.get("meta")
    return isinstance(meta, dict) and any(
        isinstance(tag, dict) and tag.get("code") == "SUBSETTED" for tag in _list(meta.get("tag"))
    )


def _heed(outcome: dict[str, Any], what: str) -> None:
    """An outcome among the matches: a warning is the server's talk, an error means a hole."""
    for issue in _list(outcome.get("issue")):
        if isinstance(issue, dict) and issue.get("severity") in ("error", "fatal"):
            raise Incomplete(f"{what}: the server says that its answer is not whole")


def _version(resource: dict[str, Any]) -> tuple[int, str]:
    """An order of versions that is right where they are numbers, as nearly everywhere."""
    meta = resource.get("meta")
    version = meta.get("versionId") if isinstance(meta, dict) else None
    if isinstance(version, str) and version.isascii() and version.isdigit():
        return int(version[:18]), version
    return 0, version if isinstance(version, str) else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
