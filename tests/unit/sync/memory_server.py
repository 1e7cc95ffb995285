"""A FHIR server in memory, behind the transport's interface: no sockets, so thousands of runs.

It is another implementation than `tests/faults`' server, with what that one lacks: histories with
deletions, ids of its own, conditional creates, answers that carry the resources, and a clock.
Trouble is planned: ``trouble`` is asked before and after every request.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from fhirkit.core.errors import FhirkitError, Unreachable
from fhirkit.core.jsonio import dump_bytes, loads
from fhirkit.remote.failures import failure
from fhirkit.remote.transport import Answer, Policy

BASE = "http://127.0.0.1:1/fhir"
TYPES = ("Observation", "Organization", "Patient")
Resource = dict[str, Any]


@dataclass
class Version:
    resource: Resource | None  # None: deleted
    number: int
    at: datetime


class Stop(BaseException):
    """kill -9: nothing in the client may catch it and go on."""


@dataclass
class MemoryServer:
    """``transport`` is itself; give it to ``Client``."""

    gives_ids: bool = False
    heeds_only_new: bool = True
    history: bool = True
    representation: bool = True
    tells_time: bool = True
    newest_first: bool = True
    page_size: int = 3
    most_entries: int = 1000
    checks_references: bool = True
    normalise: Callable[[Resource], Resource] = lambda resource: resource
    trouble: Callable[..., str | None] | None = None
    base: str = BASE
    policy: Policy = field(default_factory=lambda: Policy(tries=4, first_wait=0.0))
    held: dict[tuple[str, str], list[Version]] = field(default_factory=dict)
    log: list[tuple[str, str]] = field(default_factory=list)
    late: list[Callable[[], Any]] = field(default_factory=list)
    creations: list[tuple[str, Any]] = field(default_factory=list)
    slept: float = 0.0
    bytes_out: int = 0

    def __post_init__(self) -> None:
        self.now = datetime(2020, 1, 1, tzinfo=UTC)
        self._lock = threading.RLock()
        self._next = 100
        self._pages: dict[str, Resource] = {}

    # -- what a transport has ---------------------------------------------------------------

    def wake(self) -> None:
        """Nobody waits here in earnest."""

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.now += timedelta(seconds=seconds)
        if seconds >= 100:
            self.commit_late()

    def commit_late(self) -> None:
        """What was on its way arrives now."""
        while self.late:
            self.late.pop(0)()

    def close(self) -> None:
        """Nothing to close."""

    def request(
        self,
        method: str,
        url: str,
        *,
        what: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        safe: bool = False,
    ) -> Answer:
        # Through bytes, as on the wire: nobody shares objects with a server.
        sent = None if body is None else loads(dump_bytes(body))
        tries = 0
        while True:
            tries += 1
            try:
                with self._lock:
                    return self._exchange(method, url, what, sent, headers or {})
            except Unreachable as problem:
                if tries >= 3 or not (safe or not problem.sent):
                    raise

    def _exchange(
        self, method: str, url: str, what: str, body: Any, headers: Mapping[str, str]
    ) -> Answer:
        self.log.append((method, url.removeprefix(BASE)))
        before = self.trouble(method, url, done=False) if self.trouble else None
        if before == "kill":
            raise Stop
        if before == "unsent":
            raise Unreachable(f"{what}: no connection", sent=False)
        if before == "lost":
            raise Unreachable(f"{what}: cut", sent=True)
        if before in ("late", "kill-late"):
            checked = self._checked(body)
            self.late.append(lambda: self._quietly(method, url, checked, headers))
            if before == "kill-late":
                raise Stop
            raise Unreachable(f"{what}: timed out", sent=True)
        self.now += timedelta(seconds=1)
        status, answer = self._quietly(method, url, body, headers)
        after = self.trouble(method, url, done=True) if self.trouble else None
        if after == "kill":
            raise Stop
        if after == "lost":
            raise Unreachable(f"{what}: cut", sent=True)
        if status >= 400:
            raise failure(status, what, outcome=answer)
        self.bytes_out += len(dump_bytes(answer or {}))
        return Answer(status, {"date": format_datetime(self.now)}, loads(dump_bytes(answer or {})))

    # -- the server -------------------------------------------------------------------------

    def current(self, kind: str, logical_id: str) -> Version | None:
        held = self.held.get((kind, logical_id))
        return held[-1] if held and held[-1].resource is not None else None

    def contents(self) -> dict[str, Resource]:
        """What is there now, without what the server owns."""
        found = {}
        for (kind, logical_id), held in sorted(self.held.items()):
            if held[-1].resource is not None:
                found[f"{kind}/{logical_id}"] = held[-1].resource
        return found

    def put(self, resource: Resource) -> None:
        """Somebody else writes."""
        self.now += timedelta(seconds=1)
        self._store(resource["resourceType"], resource["id"], resource)

    def delete(self, kind: str, logical_id: str) -> None:
        """Somebody else deletes."""
        self.now += timedelta(seconds=1)
        if self.current(kind, logical_id):
            self._store(kind, logical_id, None)

    def _quietly(
        self, method: str, url: str, body: Any, headers: Mapping[str, str]
    ) -> tuple[int, Any]:
        try:
            return self._route(method, url, body, headers)
        except FhirkitError as refusal:
            status = getattr(refusal, "status", 500)
            issue = {"severity": "error", "code": "processing"}
            return status, {"resourceType": "OperationOutcome", "issue": [issue]}

    def _route(
        self, method: str, url: str, body: Any, headers: Mapping[str, str]
    ) -> tuple[int, Any]:
        parts = urlsplit(url)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        segments = [unquote(one) for one in parts.path.removeprefix("/fhir").split("/") if one]
        if "page" in query:
            return 200, self._page(query["page"])
        if method == "POST" and not segments:
            return 200, self._transaction(body, headers)
        if segments == ["metadata"]:
            return 200, self._capabilities()
        if segments[-1] == "_history" and len(segments) < 3:
            return 200, self._changes(segments[0] if len(segments) == 2 else None, query)
        if len(segments) == 1:
            return 200, self._search(segments[0], query)
        kind, logical_id = segments[:2]
        held = self.held.get((kind, logical_id))
        if method == "DELETE":
            if self.current(kind, logical_id):
                self._match(kind, logical_id, headers.get("If-Match"))
                self._store(kind, logical_id, None)
            return 204, None
        if held is None:
            raise failure(404, "read")
        if len(segments) == 3:
            rows = [_with_meta(one) for one in reversed(held) if one.resource is not None]
            return 200, {"resourceType": "Bundle", "type": "history",
                         "entry": [{"resource": row} for row in rows]}  # fmt: skip
        wanted = held[-1] if len(segments) == 2 else held[int(segments[3]) - 1]
        if wanted.resource is None:
            raise failure(410, "read")
        return 200, _with_meta(wanted)

    def _store(self, kind: str, logical_id: str, resource: Resource | None) -> Version:
        held = self.held.setdefault((kind, logical_id), [])
        kept = None
        if resource is not None:
            kept = _without_meta(self.normalise({**deepcopy(resource), "id": logical_id}))
            if held and held[-1].resource == kept:
                return held[-1]
        held.append(Version(kept, len(held) + 1, self.now))
        return held[-1]

    def _match(self, kind: str, logical_id: str, if_match: str | None) -> None:
        now = self.current(kind, logical_id)
        if if_match is not None and (now is None or if_match != f'W/"{now.number}"'):
            raise failure(412, "update")

    def _transaction(self, bundle: Resource, headers: Mapping[str, str]) -> Resource:
        if len(bundle["entry"]) > self.most_entries:
            raise failure(413, "transaction")
        before = {key: list(held) for key, held in self.held.items()}
        made = len(self.creations)
        try:
            return self._carry_out(bundle, headers)
        except FhirkitError:
            self.held = before
            del self.creations[made:]
            raise

    def _carry_out(self, bundle: Resource, headers: Mapping[str, str]) -> Resource:
        names: dict[str, str] = {}
        places = [self._place(entry, names) for entry in bundle["entry"]]
        entries = []
        for entry, (kind, logical_id, existed) in zip(bundle["entry"], places, strict=True):
            now = self.current(kind, logical_id)
            self._guard(kind, logical_id, entry["request"])
            if not existed:
                text = dump_bytes(entry["resource"]).decode()
                for urn, name in names.items():
                    text = text.replace(f'"{urn}"', f'"{name}"')
                if now is None:
                    self.creations.append((kind, tags_of(entry["resource"]) or logical_id))
                self._store(kind, logical_id, loads(text))
            version = self.held[kind, logical_id][-1]
            place = f"{kind}/{logical_id}/_history/{version.number}"
            status = "200" if existed or now is not None else "201"
            answer: Resource = {"response": {"status": status, "location": place,
                                             "etag": f'W/"{version.number}"'}}  # fmt: skip
            if self.representation and headers.get("Prefer") == "return=representation":
                answer["resource"] = _with_meta(version)
            entries.append(answer)
        if self.checks_references:
            for kind, logical_id, _ in places:
                self._check(self.held[kind, logical_id][-1].resource)
        return {"resourceType": "Bundle", "type": "transaction-response", "entry": entries}

    def _place(self, entry: Resource, names: dict[str, str]) -> tuple[str, str, bool]:
        """Where an entry goes, and whether its condition found something there."""
        request = entry["request"]
        kind, _, logical_id = request["url"].partition("/")
        if request["method"] == "POST":
            found = self._by_condition(kind, request.get("ifNoneExist"))
            logical_id = found or self._new_id()
            names[entry["fullUrl"]] = f"{kind}/{logical_id}"
            return kind, logical_id, found is not None
        if self.gives_ids and self.current(kind, logical_id) is None:
            raise failure(405, "update")
        return kind, logical_id, False

    def _checked(self, bundle: Any) -> Any:
        """A transaction as it is carried out later: whether something with a tag is there was
        looked up when it came in, as servers do that search and commit in two steps.
        """
        if not isinstance(bundle, dict):
            return bundle
        checked = deepcopy(bundle)
        for entry in checked["entry"]:
            kind, condition = entry["request"]["url"], entry["request"].get("ifNoneExist")
            if condition is not None and self._by_condition(kind, condition) is None:
                del entry["request"]["ifNoneExist"]
        return checked

    def _guard(self, kind: str, logical_id: str, request: dict[str, str]) -> None:
        if request["method"] == "PUT":
            self._match(kind, logical_id, request.get("ifMatch"))
            only_new = request.get("ifNoneMatch") == "*" and self.heeds_only_new
            if only_new and self.current(kind, logical_id) is not None:
                raise failure(412, "create")

    def _check(self, resource: Any) -> None:
        for target in targets(resource):
            if "/" in target and self.current(*target.split("/")) is None:
                raise failure(400, f"{target} is not there")

    def _by_condition(self, kind: str, condition: str | None) -> str | None:
        if condition is None:
            return None
        code = condition.partition("|")[2]
        found = [one for one in self._now(kind) if code in tags_of(one)]
        if len(found) > 1:
            raise failure(412, "create")
        return found[0]["id"] if found else None

    def _new_id(self) -> str:
        self._next += 1
        return str(self._next)

    def _now(self, kind: str) -> list[Resource]:
        return [
            _with_meta(held[-1])
            for (held_kind, _), held in sorted(self.held.items())
            if held_kind == kind and held[-1].resource is not None
        ]

    def _search(self, kind: str, query: dict[str, str]) -> Resource:
        rows = self._now(kind)
        if "_id" in query:
            rows = [row for row in rows if row["id"] in query["_id"].split(",")]
        if "_tag" in query:
            rows = [row for row in rows if query["_tag"].partition("|")[2] in tags_of(row)]
        if "_lastUpdated" in query:
            rows = [row for row in rows if row["meta"]["lastUpdated"] >= query["_lastUpdated"][2:]]
        if query.get("_sort") == "_lastUpdated":
            rows.sort(key=lambda row: row["meta"]["lastUpdated"])
        entries = [{"resource": row, "search": {"mode": "match"}} for row in rows]
        if query.get("_summary") == "count":
            return {"resourceType": "Bundle", "type": "searchset", "total": len(rows)}
        return self._first(entries, "searchset", total=len(rows))

    def _changes(self, kind: str | None, query: dict[str, str]) -> Resource:
        if not self.history:
            raise failure(400, "history")
        since = query["_since"].replace("Z", "+00:00")
        found = [
            (version.at, held_kind, logical_id, version)
            for (held_kind, logical_id), held in self.held.items()
            for version in held
            if kind in (None, held_kind) and version.at.isoformat() >= since
        ]
        found.sort(key=lambda row: (row[0], row[3].number), reverse=self.newest_first)
        entries: list[Resource] = []
        for _, held_kind, logical_id, version in found:
            place = f"{held_kind}/{logical_id}"
            if version.resource is None:
                entries.append({"fullUrl": f"{BASE}/{place}",
                                "request": {"method": "DELETE", "url": place}})  # fmt: skip
            else:
                entries.append({"resource": _with_meta(version),
                                "request": {"method": "PUT", "url": place}})  # fmt: skip
        return self._first(entries, "history")

    def _first(self, entries: list[Resource], kind: str, total: int | None = None) -> Resource:
        name = str(len(self._pages))
        size = self.page_size
        pages = [entries[start : start + size] for start in range(0, len(entries), size)] or [[]]
        for number, rows in enumerate(pages):
            page: Resource = {"resourceType": "Bundle", "type": kind, "entry": rows}
            if total is not None:
                page["total"] = total
            if number + 1 < len(pages):
                url = f"{BASE}?{urlencode({'page': f'{name}.{number + 1}'})}"
                page["link"] = [{"relation": "next", "url": url}]
            if self.tells_time:
                page["meta"] = {"lastUpdated": self.now.isoformat()}
            self._pages[f"{name}.{number}"] = page
        return self._page(f"{name}.0")

    def _page(self, name: str) -> Resource:
        if name not in self._pages:
            raise failure(410, "page")
        return self._pages[name]

    def _capabilities(self) -> Resource:
        interactions = [{"code": "transaction"}]
        own = [{"code": "read"}, {"code": "search-type"}]
        if self.history:
            interactions.append({"code": "history-system"})
            own.append({"code": "history-type"})
        resources = [
            {"type": kind, "interaction": own, "updateCreate": not self.gives_ids,
             "conditionalCreate": True}
            for kind in TYPES
        ]  # fmt: skip
        rest = [{"mode": "server", "resource": resources, "interaction": interactions}]
        return {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": rest,
                "software": {"name": "memory"}}  # fmt: skip


def targets(resource: Any) -> list[str]:
    """Every literal reference in it."""
    if isinstance(resource, dict):
        own = resource.get("reference")
        inner = [one for value in resource.values() for one in targets(value)]
        return [own, *inner] if isinstance(own, str) else inner
    return [one for item in resource for one in targets(item)] if isinstance(resource, list) else []


def _with_meta(version: Version) -> Resource:
    assert version.resource is not None
    meta = {**version.resource.get("meta", {}), "versionId": str(version.number),
            "lastUpdated": version.at.isoformat()}  # fmt: skip
    return {**version.resource, "meta": meta}


def _without_meta(resource: Resource) -> Resource:
    meta = {
        name: value
        for name, value in resource.get("meta", {}).items()
        if name not in ("versionId", "lastUpdated", "source")
    }
    rest = {name: value for name, value in resource.items() if name != "meta"}
    return {**rest, "meta": meta} if meta else rest


def tags_of(resource: Resource) -> str:
    """The codes of its tags in one text; the same for one operation's creations."""
    return " ".join(tag["code"] for tag in resource.get("meta", {}).get("tag", []))
