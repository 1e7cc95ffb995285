"""What a server holds, or what changed there, page by page and never all at once in memory.

``_history`` (https://hl7.org/fhir/R4/http.html#history) shows deletions too. A walk over a type is
sorted by ``_lastUpdated``, so that after an expired link it goes on from the last row instead of
from the first, and rows that change meanwhile move to its end and are not missed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC
from typing import Any
from urllib.parse import urlencode

from fhirkit.core.errors import BadAnswer, Incomplete, Refused
from fhirkit.core.resource import ResourceKey
from fhirkit.remote.answers import http_date
from fhirkit.remote.client import Client
from fhirkit.remote.instant import utc
from fhirkit.remote.paging import (
    Expired,
    Found,
    announced,
    entries_of,
    pages,
    short_of,
    smaller_page,
    take,
)
from fhirkit.remote.reference import local_key

#: So many rows are asked for at a time.
PAGE = 500
_STARTS = 3

#: Told the server's time as an instant, and whether the FHIR server itself said it: an HTTP Date
#: may be that of a proxy before it.
Clock = Callable[[str, bool], None]


@dataclass(frozen=True, slots=True)
class Change:
    """One version in a history. ``resource`` is None for a deletion; ``at`` is the server's."""

    key: ResourceKey
    resource: dict[str, Any] | None
    at: str | None


def changes_since(
    client: Client, since: str, *, kind: str | None = None, clock: Clock, page: int = PAGE
) -> Iterator[list[Change]]:
    """The versions made at or after ``since``, a page at a time, in no order to rely on.

    ``page`` is how many are asked for at a time.

    ``clock`` is told the server's time at the first page. The same version may come twice; a
    history whose link expires is begun again, three times at most. A history's total counts on
    some servers the page and on most is not there, so its end has to be proven by the caller.
    """
    asked = f"{kind}/_history" if kind else "_history"
    what = f"history of {kind or 'all types'} at {client.host}"
    query = urlencode({"_since": since, "_count": str(page)}, safe=":")
    for _ in range(_STARTS):
        try:
            for one in pages(
                _getter(client, what, clock), base=client.base, asked=asked, query=query, what=what
            ):
                yield [_change(entry, what) for entry in entries_of(one, what)]
            return
        except Expired:
            continue
    raise Incomplete(
        f"{what}: it expired between two pages, {_STARTS} times over",
        advice="try again when the server is less busy",
    )


def every_resource(client: Client, kind: str, *, clock: Clock) -> Iterator[list[dict[str, Any]]]:
    """Every resource of a type, a page at a time; the same one may come twice.

    That they are all is proven by the total on the first page, else by a count, and where the
    server tells neither, or less than it shows, by a walk from the other end that shows the same
    and at most what was written since. ``Incomplete`` when it cannot be proven, or the server
    forgot the search too often without any progress.
    """
    walk = _Walk(client, kind, clock)
    shown: dict[str, str | None] | None = None
    short: int | None = None
    for _ in range(_STARTS):
        yield from walk.through()
        total, came = walk.announced, len(walk.seen)
        if total is None or total < came:
            total = client.count(kind)
        if total == came:
            return
        if total is not None and total > came:
            short = total - came
            continue
        short = None
        if shown is not None and _go_on(shown, walk.seen):
            return
        shown = walk.seen
        walk.turn()
    if short is not None:
        raise short_of(walk.what, short)
    raise Incomplete(
        f"{walk.what}: the server tells no total, and shows other resources each time",
        advice="run the command again when nothing else writes to the server",
    )


def _go_on(before: dict[str, str | None], now: dict[str, str | None]) -> bool:
    """Whether a walk shows what the one before it did, and beyond that only what is newer."""
    more = now.keys() - before.keys()
    newest = max(filter(None, before.values()), default=None)
    return before.keys() <= now.keys() and all(
        newest is not None and (now[one] or "") > newest for one in more
    )


class _Walk:
    """One type's rows, from the one end to the other, whatever becomes of the links."""

    def __init__(self, client: Client, kind: str, clock: Clock) -> None:
        self.client = client
        self.kind = kind
        self.what = f"search of {kind} at {client.host}"
        #: The ids that the last walk showed, each with its time, and how many the server said
        #: there are.
        self.seen: dict[str, str | None] = {}
        self.announced: int | None = None
        self._get = _getter(client, self.what, clock)
        self._sorted = True
        self._downwards = False
        self._page = PAGE
        #: The last row's time, to compare it and as the server wrote it.
        self._last: tuple[str, str] | None = None

    def turn(self) -> None:
        """Walk from the other end the next time, in pages that are smaller than what came."""
        self._downwards = not self._downwards
        self._page = smaller_page(PAGE, len(self.seen))

    def through(self) -> Iterator[list[dict[str, Any]]]:
        seen: dict[str, str | None] = {}
        self.seen = seen
        self.announced = self._last = None
        idle = 0
        first = True
        while True:
            before = len(seen)
            try:
                for page in self._pages():
                    if first:
                        self.announced, first = announced(page, self.what), False
                    found = Found()
                    for entry in entries_of(page, self.what):
                        take(entry, found, self.what)
                    if any(key.type != self.kind for key in found.matches):
                        raise BadAnswer(f"{self.what}: the server answered with other types")
                    rows = [found.resources[key] for key in found.matches]
                    seen.update((row["id"], utc(_time(row))) for row in rows)
                    yield rows
                    self._note(rows)
                return
            except Expired:
                idle = 0 if len(seen) > before else idle + 1
                if idle >= _STARTS - 1:
                    raise Incomplete(
                        f"{self.what}: the search expired between two pages, {_STARTS} times over",
                        advice="try again when the server is less busy",
                    ) from None

    def _pages(self) -> Iterator[dict[str, Any]]:
        if self._sorted:
            sign, bound = ("-", "le") if self._downwards else ("", "ge")
            query = {
                "_sort": f"{sign}_lastUpdated", "_count": str(self._page), "_total": "accurate",
            }  # fmt: skip
            if self._last is not None:
                query = {"_lastUpdated": f"{bound}{self._last[1]}"} | query
            try:
                yield from self._run(query)
                return
            except Refused as problem:
                if problem.status != 400 or self._last is not None:
                    raise
                self._sorted = False
        yield from self._run({"_count": str(self._page)})

    def _run(self, query: dict[str, str]) -> Iterator[dict[str, Any]]:
        text = urlencode(query, safe=":,")
        yield from pages(
            self._get, base=self.client.base, asked=self.kind, query=text, what=self.what
        )

    def _note(self, rows: list[dict[str, Any]]) -> None:
        """How far the walk has come, as long as the server really keeps the order asked for."""
        if not self._sorted or not rows:
            return
        # Compared as times, since not all servers write every fraction.
        texts = [one for one in map(_time, rows) if one is not None]
        known = [(moment, text) for text in texts if (moment := utc(text)) is not None]
        if len(known) < len(rows) or not self._goes_on(known):
            self._sorted, self._last = False, None
        else:
            self._last = min(known) if self._downwards else max(known)

    def _goes_on(self, times: list[tuple[str, str]]) -> bool:
        """Whether a page's times are not on the near side of the last page's."""
        if self._last is None:
            return True
        last = self._last[0]
        return max(times)[0] <= last if self._downwards else min(times)[0] >= last


def _getter(client: Client, what: str, clock: Clock) -> Callable[[str], dict[str, Any]]:
    told = False

    def get(url: str) -> dict[str, Any]:
        nonlocal told
        bundle, date = client.page(url, what.removesuffix(f" at {client.host}"))
        if not told:
            told = True
            own, moment = _time(bundle), _instant(date)
            is_own = utc(own) is not None
            said = own if is_own else moment
            if said is not None:
                clock(said, is_own)
        return bundle

    return get


def _instant(date: str | None) -> str | None:
    """An HTTP date as a FHIR instant in UTC."""
    moment = http_date(date)
    try:
        return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except OverflowError:
        return None


def _time(resource: dict[str, Any]) -> str | None:
    meta = resource.get("meta")
    text = meta.get("lastUpdated") if isinstance(meta, dict) else None
    return text if isinstance(text, str) else None


def _change(entry: dict[str, Any], what: str) -> Change:
    resource, request = entry.get("resource"), entry.get("request")
    response = entry.get("response")
    said = response.get("lastModified") if isinstance(response, dict) else None
    at = said if isinstance(said, str) else None
    method = request.get("method") if isinstance(request, dict) else None
    if isinstance(resource, dict) and method != "DELETE":
        kind, logical_id = resource.get("resourceType"), resource.get("id")
        if isinstance(kind, str) and isinstance(logical_id, str):
            return Change(ResourceKey(kind, logical_id), resource, _time(resource) or at)
    for text in (
        request.get("url") if isinstance(request, dict) else None,
        response.get("location") if isinstance(response, dict) else None,
        entry.get("fullUrl"),
    ):
        # Some leave out the request; a deletion is read before it is believed.
        gone = method == "DELETE" or (method is None and resource is None)
        key = _key_in(text) if gone else None
        if key is not None:
            return Change(key, None, at)
    raise BadAnswer(f"{what}: an entry names no resource")


def _key_in(text: Any) -> ResourceKey | None:
    if not isinstance(text, str):
        return None
    parts = text.rstrip("/").split("/")
    if len(parts) > 3 and parts[-2] == "_history":
        parts = parts[:-2]
    return local_key("/".join(parts[-2:])) if len(parts) > 1 else None
