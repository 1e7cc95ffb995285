"""A FHIR server's answers without HTTP: one request in, one ``Reply`` out."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from copy import deepcopy
from typing import Any
from urllib.parse import unquote

from fhirkit.chaos.behaviour import Behaviour
from fhirkit.chaos.bundles import Bundles
from fhirkit.chaos.capability import TYPES, stated
from fhirkit.chaos.exports import Exports
from fhirkit.chaos.interactions import Conditions, Done, Writer, targets
from fhirkit.chaos.reply import Refusal, Reply
from fhirkit.chaos.searching import Searches, find, first_page, next_page, pairs, shown
from fhirkit.chaos.store import Resource, Store, Version, seconds
from fhirkit.core.errors import InvalidInput
from fhirkit.core.jsonio import loads

_EXPORTS = (("$export", 1), ("Patient", 2), ("Group", 3))


class FhirServer:
    """Resources in memory. ``base`` is its address; ``lock`` is held while a request is served."""

    def __init__(self, behaviour: Behaviour | None = None, base: str = "") -> None:
        self.behaviour = behaviour or Behaviour()
        self.base = base
        self.store = Store()
        self.searches = Searches()
        self.exports = Exports(self.store, base)
        self.lock = threading.RLock()
        #: Set by a fault: the moment that the next writes are stamped with.
        self.stamp: float | None = None

    # -- for tests and faults -----------------------------------------------------------------

    def put(self, resource: Resource) -> Version:
        """Somebody else writes."""
        with self.lock:
            key = f"{resource['resourceType']}/{resource['id']}"
            return self.store.write(key, deepcopy(resource), "PUT")

    def delete(self, key: str) -> None:
        """Somebody else deletes."""
        with self.lock:
            self.store.write(key, None, "DELETE")

    def state(self) -> dict[str, Resource]:
        """What is there, without what servers own in meta."""
        found = {}
        with self.lock:
            for version in self.store.living():
                resource = deepcopy(version.resource or {})
                meta = resource["meta"]
                for name in ("versionId", "lastUpdated", "source"):
                    meta.pop(name, None)
                if not meta:
                    del resource["meta"]
                found[version.key] = resource
        return found

    def restart(self) -> None:
        """What a restart loses: searches and exports, never resources."""
        with self.lock:
            self.searches.forget()
            self.exports.jobs.clear()

    # -- requests -----------------------------------------------------------------------------

    def handle(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> Reply:
        """The answer to a request for ``path`` below the base."""
        with self.lock:
            try:
                return self._route(method, path.strip("/"), query, headers, body)
            except Refusal as refusal:
                return refusal.reply
            except InvalidInput:
                return Refusal(400, "the body is not FHIR JSON", code="structure").reply

    def _route(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> Reply:
        segments = [unquote(one) for one in path.split("/") if one]
        first = segments[0] if segments else ""
        system = ("", "metadata", "_history", "$export", "$export-status", "$export-file")
        if first in system or "$export" in segments:
            return self._system(method, segments, query, headers, body)
        if first not in TYPES:
            raise Refusal(404, "no such resource type", code="not-supported")
        if len(segments) > 1 and segments[1] == "_search" and method == "POST":
            return self._search(first, body.decode(), headers, "GET")
        if method in ("GET", "HEAD"):
            return self._read(segments, query, headers)
        writer = Writer(self.store, self.behaviour, at=self.stamp)
        conditions = Conditions.of_headers(headers)
        if len(segments) == 2 and method == "DELETE":
            done = writer.delete("/".join(segments), conditions)
            return Reply(done.status)
        if len(segments) > 2 or method not in ("PUT", "POST"):
            raise Refusal(405, "not offered", code="not-supported")
        if segments[1:] == ["$validate"]:
            return Reply(200, {"resourceType": "OperationOutcome", "issue": []})
        resource = _resource(body)
        mark = len(self.store.log)
        if len(segments) == 2 and method == "PUT":
            done = writer.update("/".join(segments), resource, conditions)
        elif method == "PUT":
            done = writer.update_where(first, query, resource, conditions)
        elif len(segments) == 1:
            done = writer.create(first, resource, conditions)
        else:
            raise Refusal(405, "not offered", code="not-supported")
        try:
            writer.check_references(self.store.log[mark:])
        except Refusal:
            self.store.undo(mark)
            raise
        return self._written(done, headers)

    def _system(
        self, method: str, segments: list[str], query: str, headers: Mapping[str, str], body: bytes
    ) -> Reply:
        first = segments[0] if segments else ""
        if first == "metadata":
            return stated(self.behaviour, dict(pairs(query)).get("_elements"), headers)
        if first == "_history":
            if not self.behaviour.system_history:
                raise Refusal(404, "no such history", code="not-supported")
            return self._history(self.store.log, "_history", query)
        if not segments and method == "POST":
            full = "return=representation" in headers.get("Prefer", "")
            bundles = Bundles(self.store, self.behaviour, self.base)
            if len(body) > self.behaviour.most_bytes:
                raise Refusal(413, "more bytes than this server takes", code="too-costly")
            trace = headers.get("X-Request-Id")
            return bundles.handle(loads(body), trace, full=full, stamp=self.stamp)
        if not segments and "_getpages=" in query:
            return next_page(query, self.searches, self._links(), self.behaviour)
        if "$export" in segments or (first.startswith("$export") and self.behaviour.export):
            return self._export(method, segments, query, headers)
        raise Refusal(404, "not offered", code="not-supported")

    def _export(
        self, method: str, segments: list[str], query: str, headers: Mapping[str, str]
    ) -> Reply:
        self.exports.base = self._links()
        if segments[-1] == "$export":
            level = (segments[0], len(segments))
            if not self.behaviour.export or level not in _EXPORTS:
                raise Refusal(404, "not offered", code="not-supported")
            if "respond-async" not in headers.get("Prefer", ""):
                raise Refusal(400, "an export needs Prefer: respond-async")
            return self.exports.begin("/".join(segments), query, self.behaviour)
        if segments[0] == "$export-file" and len(segments) == 3:
            return self.exports.file(segments[1], segments[2])
        if len(segments) != 2:
            raise Refusal(404, "not offered", code="not-supported")
        if method == "DELETE":
            return self.exports.cancel(segments[1])
        return self.exports.status(segments[1])

    def _read(self, segments: list[str], query: str, headers: Mapping[str, str]) -> Reply:
        kind = segments[0]
        if len(segments) == 1:
            return self._search(kind, query, headers, "GET")
        if segments[1:] == ["_history"]:
            if not self.behaviour.type_history:
                raise Refusal(404, "no such history", code="not-supported")
            rows = [one for one in self.store.log if one.kind == kind]
            return self._history(rows, f"{kind}/_history", query)
        key = "/".join(segments[:2])
        late = self.behaviour.late_reads if len(segments) == 2 else 0.0
        held = shown(self.store.versions.get(key, []), late)
        if not held:
            raise Refusal(404, "not there", code="not-found")
        if segments[2:3] == ["_history"] and not self.behaviour.instance_history:
            raise Refusal(404, "no such history", code="not-supported")
        if segments[2:] == ["_history"]:
            return self._history(held, f"{key}/_history", query)
        if segments[2:] == ["$everything"]:
            return self._everything(key, query)
        version: Version | None = held[-1]
        if segments[2:3] == ["_history"]:
            version = next((one for one in held if str(one.number) == segments[3]), None)
        elif len(segments) > 2:
            raise Refusal(404, "not offered", code="not-supported")
        if version is None:
            raise Refusal(404, "no such version", code="not-found")
        if version.resource is None:
            raise Refusal(self.behaviour.deleted_status, "it is deleted", code="deleted")
        return Reply(200, version.resource, {"ETag": f'W/"{version.number}"'})

    def _search(self, kind: str, query: str, headers: Mapping[str, str], method: str) -> Reply:
        del method
        fresh = "no-cache" in headers.get("Cache-Control", "")
        place = f"{kind}?{query}"
        rows = self.store.living(kind)
        found = find(rows, query, self.behaviour, self.searches, fresh=fresh, name=place)
        return first_page(
            found, "searchset", kind, query, self.behaviour, self.searches, self._links()
        )

    def _history(self, rows: list[Version], path: str, query: str) -> Reply:
        since = dict(pairs(query)).get("_since")
        moment = None if since is None else seconds(since.replace(" ", "+"))
        if since is not None and moment is None:
            raise Refusal(400, "_since is no instant")
        found = [
            one
            for one in reversed(rows)
            if (moment is None or (seconds(one.stamp) or 0) >= moment)
            and (one.resource is not None or self.behaviour.history_deletions)
        ]
        return first_page(
            found, "history", path, query, self.behaviour, self.searches, self._links()
        )

    def _everything(self, key: str, query: str) -> Reply:
        if not self.behaviour.everything:
            raise Refusal(404, "no such operation", code="not-supported")
        centre = self.store.current(key)
        if centre is None or centre.resource is None:
            raise Refusal(404, "not there", code="not-found")
        rows = [
            one
            for one in self.store.living()
            if one.key == key or (one.kind != "Provenance" and key in targets(one.resource or {}))
        ]
        path = f"{key}/$everything"
        return first_page(
            rows, "searchset", path, query, self.behaviour, self.searches, self._links()
        )

    def _written(self, done: Done, headers: Mapping[str, str]) -> Reply:
        version = done.version
        if version is None:
            return Reply(done.status)
        answer = {"ETag": f'W/"{version.number}"', "Last-Modified": version.stamp}
        if done.status == 201:
            answer["Location"] = f"{self.base}/{version.key}/_history/{version.number}"
        body = None if "return=minimal" in headers.get("Prefer", "") else version.resource
        return Reply(done.status, body, answer)

    def _links(self) -> str:
        return self.behaviour.link_base or self.base


def _resource(body: bytes) -> dict[str, Any]:
    value = loads(body)
    if not isinstance(value, dict):
        raise Refusal(400, "expected a resource", code="structure")
    return value
