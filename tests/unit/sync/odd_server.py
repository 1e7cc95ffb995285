"""A server in memory that answers reads, searches and histories, honestly but in odd ways.

It stands in the transport's place, has a clock of its own, and is meant for pulls.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from fhirkit.remote import Policy
from fhirkit.remote.answers import Answer
from fhirkit.remote.failures import failure

BASE = "http://127.0.0.1:9/fhir"


class _Refusal(Exception):
    """An error status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass
class OddServer:
    """The settings say what is odd; each is how some server may well answer."""

    totals: str = "right"  # page, low, none
    counts: str = "right"  # ignored, refused
    by_time: str = "heeded"  # ignored, refused
    since: str = "heeded"  # ignored, refused
    history: str = "system"  # type, missing
    oldest_first: bool = False
    deletions: str = "listed"  # without-request, hidden
    versions: bool = True  # else as names that are no numbers
    written: str = "%Y-%m-%dT%H:%M:%S.%fZ"  # how times are written
    page_time: str | None = ""  # the bundles' lastUpdated; empty: the server's time
    ahead: float = 0.0  # seconds that the Date header is ahead
    interactions: bool = True
    declared: tuple[str, ...] = ("_lastUpdated",)
    by_reference: str = "heeded"  # ignored, refused
    everything: bool = True
    page: int = 5
    expires: bool = False  # every link after the first page
    cut: str = ""  # a path without a next link from ``cut_at`` on
    cut_at: int = 0
    links: str = "absolute"  # base: relative to the base

    base: str = BASE
    policy: Policy = field(default_factory=Policy)
    now: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)
    kinds: tuple[str, ...] = ("Basic", "Patient")
    log: list[tuple[str, str, datetime, dict[str, Any] | None]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def put(self, key: str, text: str, subject: str | None = None) -> None:
        """Write a resource with this text, and perhaps about this subject."""
        kind, name = key.split("/")
        body: dict[str, Any] = {"resourceType": kind, "id": name, "implicitRules": f"urn:x:{text}"}
        if subject is not None:
            body["subject"] = {"reference": subject}
        self._note(key, body)

    def delete(self, key: str) -> None:
        """Delete a resource."""
        self._note(key, None)

    def later(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def _note(self, key: str, resource: dict[str, Any] | None) -> None:
        number = sum(one[0] == key for one in self.log) + 1
        # Names whose order tells nothing.
        version = str(number) if self.versions else f"{(number * 7919) % 1000:03x}-v"
        self.log.append((key, version, self.now, resource))

    # -- in the transport's place ---------------------------------------------------------------

    def close(self) -> None:
        """Nothing is open."""

    def request(self, method: str, url: str, *, what: str, **_: Any) -> Answer:
        """The answer to a read, a search, a history or the question for the capabilities."""
        assert method == "GET"
        parts = urlsplit(url)
        path, query = parts.path.removeprefix("/fhir/"), dict(parse_qsl(parts.query))
        self.asked.append(f"{path}?{parts.query}")
        try:
            body = self._answer(path, query)
        except _Refusal as problem:
            raise failure(problem.status, what) from None
        moment = self.now + timedelta(seconds=self.ahead)
        return Answer(200, {"date": format_datetime(moment, usegmt=True)}, body)

    def _answer(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        if path == "metadata":
            return self._statement()
        if path.endswith("_history"):
            kind = path.removesuffix("_history").rstrip("/")
            if self.history == "missing" or (self.history == "type" and not kind):
                raise _Refusal(404)
            return self._paged(path, query, self._changes(kind, query), "history")
        if path.endswith("/$everything"):
            if not self.everything:
                raise _Refusal(404)
            return self._paged(
                path, query, self._about(path.removesuffix("/$everything")), "searchset"
            )
        if "/" in path:
            found = self._last().get(path)
            if found is None or found[3] is None:
                raise _Refusal(404 if found is None else 410)
            return self._shown(found)
        return self._paged(path, query, self._matches(path, query), "searchset")

    def _statement(self) -> dict[str, Any]:
        codes = [{"code": "read"}, {"code": "search-type"}, {"code": "history-type"}]
        parameters = [{"name": name, "type": "special"} for name in self.declared]
        rows = [
            {"type": kind, "searchParam": parameters}
            | ({"interaction": codes} if self.interactions else {})
            for kind in self.kinds
        ]
        system = [{"code": "history-system"}] if self.history != "type" else [{"code": "batch"}]
        rest = {"mode": "server", "interaction": system, "resource": rows}
        return {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": [rest]}

    def _last(self) -> dict[str, Any]:
        return {one[0]: one for one in self.log}

    def _shown(self, row: Any) -> dict[str, Any]:
        return {
            **row[3],
            "meta": {"versionId": row[1], "lastUpdated": row[2].strftime(self.written)},
        }

    def _matches(self, kind: str, query: dict[str, str]) -> list[Any]:
        found = [one for one in self._last().values() if one[3] and one[0].startswith(f"{kind}/")]
        for name in query.keys() & {"subject", "performer", "patient", "author"}:
            if self.by_reference == "refused" or name == "performer":
                raise _Refusal(400)
            if self.by_reference == "heeded":
                about = {one[0] for one in self._about(query[name])}
                found = [one for one in found if one[0] in about]
        condition = query.get("_lastUpdated")
        if condition is not None and self.by_time == "refused":
            raise _Refusal(400)
        if condition is not None and self.by_time == "heeded":
            try:
                moment = datetime.fromisoformat(condition[2:])
            except ValueError:
                raise _Refusal(400) from None
            keep = {"ge": moment.__le__, "le": moment.__ge__, "lt": moment.__gt__}[condition[:2]]
            found = [one for one in found if keep(one[2])]
        found.sort(key=lambda one: one[2], reverse=query.get("_sort", "").startswith("-"))
        return found

    def _about(self, subject: str) -> list[Any]:
        return [
            one
            for one in self._last().values()
            if one[3] and (one[0] == subject or one[3].get("subject") == {"reference": subject})
        ]

    def _changes(self, kind: str, query: dict[str, str]) -> list[Any]:
        found = [one for one in self.log if not kind or one[0].startswith(f"{kind}/")]
        if self.deletions == "hidden":
            found = [one for one in found if one[3]]
        if "_since" in query and self.since == "refused":
            raise _Refusal(400)
        if "_since" in query and self.since == "heeded":
            moment = datetime.fromisoformat(query["_since"])
            found = [one for one in found if one[2] >= moment]
        return found if self.oldest_first else found[::-1]

    def _paged(
        self, path: str, query: dict[str, str], rows: list[Any], kind: str
    ) -> dict[str, Any]:
        bundle: dict[str, Any] = {"resourceType": "Bundle", "type": kind}
        if query.get("_summary") == "count" and self.counts != "ignored":
            if self.counts == "refused":
                raise _Refusal(400)
            return {**bundle, "total": len(rows)}
        start = int(query.get("start", 0))
        if start and self.expires:
            raise _Refusal(410)
        size = min(self.page, int(query.get("_count", self.page)))
        shown = rows[start : start + size]
        bundle["entry"] = [self._entry(row, kind) for row in shown]
        told = {"right": len(rows), "page": len(shown), "low": len(rows) // 2}
        if self.totals in told:
            bundle["total"] = told[self.totals]
        if self.page_time is not None:
            bundle["meta"] = {"lastUpdated": self.page_time or self.now.isoformat()}
        if start + size < len(rows) and not (self.cut == path and start >= self.cut_at):
            base = "" if self.links == "base" else f"{BASE}/"
            more = "&".join(f"{name}={text}" for name, text in query.items() if name != "start")
            more = more.replace("+", "%2B")
            following = f"{base}{path}?{more}&start={start + size}"
            bundle["link"] = [{"relation": "next", "url": following}]
        return bundle

    def _entry(self, row: Any, kind: str) -> dict[str, Any]:
        entry: dict[str, Any] = {"fullUrl": f"{BASE}/{row[0]}"}
        if row[3] is not None:
            entry["resource"] = self._shown(row)
        if kind == "searchset":
            return {**entry, "search": {"mode": "match"}}
        if row[3] is None and self.deletions == "without-request":
            return entry
        method = "PUT" if row[3] is not None else "DELETE"
        response = {"status": "200", "lastModified": row[2].strftime(self.written)}
        return {**entry, "request": {"method": method, "url": row[0]}, "response": response}
