"""A small FHIR server in this process: versions, conditions, transactions, pages, `$everything`.

It keeps to the letter of R4 where a client could lean on it, and offers the ways in which real
servers differ as settings. `tests/server` runs the same expectations against a real one.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

Resource = dict[str, Any]
TYPES = ("Condition", "Encounter", "Medication", "Observation", "Organization", "Patient",
         "Practitioner", "Provenance")  # fmt: skip


@dataclass
class Reply:
    """An answer on its way out; faults may change it."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Refusal(Exception):
    def __init__(self, status: int, text: str = "no") -> None:
        super().__init__(text)
        issue = {"severity": "error", "code": "processing", "diagnostics": text}
        outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
        self.reply = Reply(status, outcome)


@dataclass
class Store:
    """Every version of every resource. A deleted one ends with None."""

    versions: dict[str, list[Resource | None]] = field(default_factory=dict)

    def current(self, key: str) -> Resource | None:
        held = self.versions.get(key)
        return held[-1] if held else None

    def write(self, key: str, resource: Resource | None) -> str:
        held = self.versions.setdefault(key, [])
        version = str(len(held) + 1)
        if resource is not None:
            meta = {**resource.get("meta", {}), "versionId": version}
            resource = {**resource, "meta": meta | {"lastUpdated": "2020-01-01T00:00:00Z"}}
        held.append(resource)
        return version


class FakeServer:
    """`url` is its base. The settings below make it another kind of server."""

    def __init__(self) -> None:
        self.store = Store()
        self.page_size = 20
        self.identical_put_is_new_version = False
        self.stale_status = 412
        self.heeds_only_new = True
        self.keeps_request_id = False
        self.checks_references = True
        self.has_everything = True
        self.gives_total = True
        self.transactions_offered = True
        self.most_entries = 1000
        self.atomic = True
        self.tells_locations = True
        self.normalise: Callable[[Resource], Resource] = lambda resource: resource
        self.reject: Callable[[Resource], bool] = lambda _resource: False
        self.link_base: str | None = None
        self.writes = 0
        self.log: list[tuple[str, str]] = []
        self.faults: Any = None
        self.lock = threading.RLock()
        handler = type("Handler", (_Handler,), {"fake": self})
        self.http = _Quiet(("127.0.0.1", 0), handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}/fhir"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()

    def put(self, resource: Resource) -> None:
        """Somebody else writes."""
        with self.lock:
            self.store.write(f"{resource['resourceType']}/{resource['id']}", resource)

    def delete(self, key: str) -> None:
        with self.lock:
            self.store.write(key, None)

    def state(self) -> dict[str, Resource]:
        """What is there, without what the server owns."""
        found = {}
        for key, held in self.store.versions.items():
            if held[-1] is not None:
                resource = deepcopy(held[-1])
                meta = resource["meta"]
                for name in ("versionId", "lastUpdated", "source"):
                    meta.pop(name, None)
                if not meta:
                    del resource["meta"]
                found[key] = resource
        return found

    def version_count(self) -> int:
        return sum(len(held) for held in self.store.versions.values())

    # -- interactions ---------------------------------------------------------------------

    def handle(self, method: str, target: str, headers: Any, body: bytes) -> Reply:
        with self.lock:
            parts = urlsplit(target)
            path = parts.path.removeprefix("/fhir").strip("/")
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            try:
                return self._route(method, path, query, headers, body)
            except Refusal as refusal:
                return refusal.reply

    def _route(
        self, method: str, path: str, query: dict[str, str], headers: Any, body: bytes
    ) -> Reply:
        segments = [segment for segment in path.split("/") if segment]
        if method == "GET" and path == "metadata":
            return Reply(200, self._capabilities())
        if not segments:
            if method == "POST":
                return self._bundle(json.loads(body), headers)
            return self._page(query)
        if segments[0] not in TYPES:
            raise Refusal(404, "unknown type")
        if method == "GET":
            return self._get(segments, query)
        if method == "PUT" and len(segments) == 2:
            resource = json.loads(body)
            only_new = headers.get("If-None-Match") == "*"
            status, version = self._put(path, resource, headers.get("If-Match"), only_new, headers)
            return Reply(status, self.store.current(path), {"ETag": f'W/"{version}"'})
        if method == "DELETE" and len(segments) == 2:
            if self.store.current(path) is not None:
                self._match(path, headers.get("If-Match"))
                self.writes += 1
                self.store.write(path, None)
            return Reply(204)
        raise Refusal(405)

    def _get(self, segments: list[str], query: dict[str, str]) -> Reply:
        kind = segments[0]
        if len(segments) == 1:
            return self._search(kind, query)
        key = "/".join(segments[:2])
        held = self.store.versions.get(key)
        if segments[2:] == ["$everything"]:
            if not self.has_everything:
                raise Refusal(404, "no such operation")
            return self._answer_pages(self._everything(key), query, "searchset")
        if held is None:
            raise Refusal(404)
        if segments[2:] == ["_history"]:
            entries = [{"resource": one} for one in reversed(held) if one is not None]
            return Reply(200, {"resourceType": "Bundle", "type": "history", "entry": entries})
        if len(segments) == 4:
            number = int(segments[3])
            resource = held[number - 1] if 0 < number <= len(held) else None
        else:
            resource = held[-1]
        if resource is None:
            raise Refusal(410)
        return Reply(200, resource, {"ETag": f'W/"{resource["meta"]["versionId"]}"'})

    def _search(self, kind: str, query: dict[str, str]) -> Reply:
        rows = [
            held[-1]
            for key, held in sorted(self.store.versions.items())
            if held[-1] is not None and key.startswith(f"{kind}/")
        ]
        if "_id" in query:
            rows = [row for row in rows if row["id"] in query["_id"].split(",")]
        for name in ("patient", "subject", "target"):
            if name in query:
                wanted = query[name].split(",")
                rows = [row for row in rows if any(_names(row, one) for one in wanted)]
        return self._answer_pages(rows, query, "searchset", path=kind)

    def _everything(self, key: str) -> list[Resource]:
        current = (held[-1] for _, held in sorted(self.store.versions.items()))
        rows = [row for row in current if row is not None]
        return [
            row
            for row in rows
            if f"{row['resourceType']}/{row['id']}" == key
            or (row["resourceType"] != "Provenance" and _names(row, key))
        ]

    def _answer_pages(
        self, rows: list[Resource], query: dict[str, str], kind: str, path: str = ""
    ) -> Reply:
        self.pages = rows
        size = min(int(query.get("_count", self.page_size)), self.page_size)
        return self._page({"_getpages": "1", "_offset": "0", "_size": str(size)}, path)

    def _page(self, query: dict[str, str], path: str = "") -> Reply:
        if "_getpages" not in query:
            raise Refusal(400)
        offset, size = int(query["_offset"]), int(query["_size"])
        rows = self.pages[offset : offset + size]
        base = self.link_base or self.url
        links = [{"relation": "self", "url": f"{base}/{path}" if path else base}]
        if offset + size < len(self.pages):
            following = {"_getpages": "1", "_offset": str(offset + size), "_size": str(size)}
            links.append({"relation": "next", "url": f"{base}?{urlencode(following)}"})
        entries = [{"resource": row, "search": {"mode": "match"}} for row in rows]
        bundle = {"resourceType": "Bundle", "type": "searchset", "link": links, "entry": entries}
        if self.gives_total:
            bundle["total"] = len(self.pages)
        return Reply(200, bundle)

    def _put(
        self, key: str, resource: Resource, if_match: str | None, only_new: bool, headers: Any
    ) -> tuple[int, str]:
        if f"{resource.get('resourceType')}/{resource.get('id')}" != key:
            raise Refusal(400, "another id")
        if self.reject(resource):
            raise Refusal(422, "refused by a rule")
        now = self.store.current(key)
        if now is not None:
            self._match(key, if_match)
            if only_new and self.heeds_only_new:
                raise Refusal(self.stale_status, "exists")
        stored = self.normalise(deepcopy(resource))
        if now is not None and not self.identical_put_is_new_version:
            old = {name: value for name, value in now.items() if name != "meta"}
            if old == {name: value for name, value in stored.items() if name != "meta"}:
                return 200, now["meta"]["versionId"]
        self.writes += 1
        trace = headers.get("X-Request-Id")
        if self.keeps_request_id and trace:
            stored = {**stored, "meta": {**stored.get("meta", {}), "source": f"#{trace}"}}
        return (200 if now is not None else 201), self.store.write(key, stored)

    def _match(self, key: str, if_match: str | None) -> None:
        now = self.store.current(key)
        version = now["meta"]["versionId"] if now else None
        if if_match is not None and if_match != f'W/"{version}"':
            raise Refusal(self.stale_status, "stale")

    def _bundle(self, bundle: Resource, headers: Any) -> Reply:
        assert bundle["type"] == "transaction", "only transactions are expected"
        if len(bundle["entry"]) > self.most_entries:
            raise Refusal(413, "too large")
        before = deepcopy(self.store.versions), self.writes
        entries = []
        try:
            for entry in bundle["entry"]:
                request = entry["request"]
                assert request["method"] == "PUT"
                only_new = request.get("ifNoneMatch") == "*"
                try:
                    status, version = self._put(
                        request["url"], entry["resource"], request.get("ifMatch"), only_new, headers
                    )
                except Refusal as refusal:
                    if self.atomic:
                        raise
                    answer = {"status": str(refusal.reply.status), "outcome": refusal.reply.body}
                    entries.append({"response": answer})
                    continue
                answer = {"status": str(status)}
                if self.tells_locations:
                    answer |= {"location": f"{request['url']}/_history/{version}", "etag": version}
                entries.append({"response": answer})
            if self.checks_references:
                self._check_references(bundle)
        except Refusal:
            self.store.versions, self.writes = before
            raise
        return Reply(
            200, {"resourceType": "Bundle", "type": "transaction-response", "entry": entries}
        )

    def _check_references(self, bundle: Resource) -> None:
        for entry in bundle["entry"]:
            for reference in re.findall(r'"reference": "([A-Z]\w+/[^"]+)"', json.dumps(entry)):
                if self.store.current(reference) is None:
                    raise Refusal(400, f"{reference} is not there")

    def _capabilities(self) -> Resource:
        parameters = [{"name": name, "type": "reference"} for name in ("patient", "subject")]
        resources = [
            {
                "type": kind,
                "interaction": [{"code": "read"}, {"code": "search-type"}],
                "searchParam": [
                    *parameters,
                    *([{"name": "target"}] if kind == "Provenance" else []),
                ],
            }
            for kind in TYPES
        ]
        offered = [{"code": "transaction"}] if self.transactions_offered else [{"code": "batch"}]
        rest = [{"mode": "server", "resource": resources, "interaction": offered}]
        software = {"name": "fake"}
        return {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": rest,
                "software": software}  # fmt: skip


def _names(row: Resource, reference: str) -> bool:
    return f'"reference": "{reference}"' in json.dumps(row)


class _Quiet(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    fake: FakeServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        self.fake.log.append((self.command, self.path))

        def answer() -> Reply:
            return self.fake.handle(self.command, self.path, self.headers, body)

        faults = self.fake.faults
        if faults is None or not faults.serve(self, answer, body):
            self.send_reply(answer())

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _serve  # noqa: N815  # http.server's names

    def send_reply(self, reply: Reply) -> None:
        data = b"" if reply.body is None else json.dumps(reply.body).encode()
        self.send_raw(
            reply.status, data, {"Content-Type": "application/fhir+json", **reply.headers}
        )

    def send_raw(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        """Silence."""
