"""Batches and transactions (https://hl7.org/fhir/R4/http.html#transaction).

A transaction is all or nothing unless the behaviour says otherwise: whatever is refused, every
write of it is taken back. ``urn:uuid`` references are replaced by what their entries became.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from fhirkit.chaos.behaviour import Behaviour
from fhirkit.chaos.interactions import Conditions, Done, Writer
from fhirkit.chaos.reply import Refusal, Reply
from fhirkit.chaos.store import Store, Version
from fhirkit.core.resource import map_references

_ORDER = {"DELETE": 0, "POST": 1, "PUT": 2, "PATCH": 3, "GET": 4, "HEAD": 4}
Entry = dict[str, Any]


class Bundles:
    """Carries out Bundles against one store. ``base`` is the server's own address."""

    def __init__(self, store: Store, behaviour: Behaviour, base: str) -> None:
        self.store, self.behaviour, self.base = store, behaviour, base

    def handle(
        self, bundle: Any, request_id: str | None, *, full: bool, stamp: float | None = None
    ) -> Reply:
        """The answer to a Bundle; ``full`` when the client wants to see what is stored."""
        kind = bundle.get("type") if isinstance(bundle, dict) else None
        if kind not in ("batch", "transaction") or bundle.get("resourceType") != "Bundle":
            raise Refusal(400, "expected a batch or transaction Bundle")
        entries = bundle.get("entry", [])
        if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
            raise Refusal(400, "the entries cannot be read")
        if len(entries) > self.behaviour.most_entries:
            raise Refusal(413, "more entries than this server takes", code="too-costly")
        if kind == "transaction" and self.behaviour.transactions in ("refused", "unsaid"):
            raise Refusal(501, "this server offers no transactions", code="not-supported")
        atomic = kind == "transaction" and self.behaviour.transactions == "atomic"
        writer = Writer(self.store, self.behaviour, at=stamp)
        answers = (
            self._together(entries, writer, request_id, full=full)
            if atomic
            else [self._alone(one, writer, request_id, full=full) for one in entries]
        )
        return Reply(200, {"resourceType": "Bundle", "type": f"{kind}-response", "entry": answers})

    def _together(
        self, entries: list[Entry], writer: Writer, request_id: str | None, *, full: bool
    ) -> list[Entry]:
        mark = len(self.store.log)
        names = self._names(entries)
        done: dict[int, Done] = {}
        try:
            for number in sorted(range(len(entries)), key=lambda one: _order(entries[one])):
                entry = _renamed(entries[number], names, writer)
                done[number] = self._one(entry, writer, request_id, names.get(number))
                version = done[number].version
                url = entries[number].get("fullUrl")
                if isinstance(url, str) and version is not None:
                    names[url] = version.key
            written = self.store.log[mark:]
            for number, one in done.items():
                # A condition may have found another id than the one that was kept free for it.
                reserved = names.get(number)
                if reserved and one.version is not None and one.version.key != reserved:
                    _repoint(written, str(reserved), one.version.key)
            writer.check_references([one for one in written if one.resource is not None])
            self._check_deletions(written)
        except Refusal:
            self.store.undo(mark)
            raise
        return [self._answer(entries[number], done[number], full=full) for number in sorted(done)]

    def _names(self, entries: list[Entry]) -> dict[Any, str]:
        """By fullUrl, and by number for entries whose id is chosen here: the key it will have."""
        names: dict[Any, str] = {}
        seen: set[str] = set()
        for number, entry in enumerate(entries):
            method, url, _ = _request(entry)
            full_url = entry.get("fullUrl")
            if method == "POST":
                key = f"{url}/{self.store.new_id(self.behaviour.assigned_ids)}"
                names[number] = key
            else:
                key = url
                if method in ("PUT", "DELETE", "PATCH"):
                    if url in seen:
                        raise Refusal(400, "one identity twice in a transaction")
                    seen.add(url)
            if isinstance(full_url, str) and "?" not in key:
                names[full_url] = key
        return names

    def _alone(self, entry: Entry, writer: Writer, request_id: str | None, *, full: bool) -> Entry:
        mark = len(self.store.log)
        try:
            done = self._one(entry, writer, request_id, None)
            writer.check_references([one for one in self.store.log[mark:] if one.resource])
        except Refusal as refusal:
            self.store.undo(mark)
            said = {"status": str(refusal.status), "outcome": refusal.reply.body}
            return {"response": said}
        return self._answer(entry, done, full=full)

    def _one(
        self, entry: Entry, writer: Writer, request_id: str | None, reserved: str | None
    ) -> Done:
        method, url, request = _request(entry)
        conditions = Conditions(
            request.get("ifMatch"),
            request.get("ifNoneMatch"),
            request.get("ifNoneExist"),
            request_id,
            in_transaction=True,
        )
        kind, _, logical_id = url.partition("?")[0].partition("/")
        if method == "DELETE":
            return writer.delete(url, conditions)
        if method == "GET":
            return self._get(url)
        resource = entry.get("resource")
        if not isinstance(resource, dict):
            raise Refusal(400, "an entry without a resource")
        if method == "POST" and not logical_id:
            done = writer.create(kind, resource, conditions, reserved)
        elif method == "PUT" and "?" in url:
            done = writer.update_where(kind, unquote(url.partition("?")[2]), resource, conditions)
        elif method == "PUT" and logical_id:
            done = writer.update(url, resource, conditions)
        else:
            raise Refusal(400, f"{method} is not possible here")
        return done

    def _get(self, url: str) -> Done:
        version = self.store.current(url)
        if version is None or version.resource is None:
            raise Refusal(404, "not there", code="not-found")
        return Done(200, version)

    def _check_deletions(self, written: list[Version]) -> None:
        from fhirkit.chaos.interactions import targets

        gone = {one.key for one in written if one.resource is None}
        if not gone or not self.behaviour.checks_references or self.behaviour.deletes_referenced:
            return
        if any(gone & targets(one.resource or {}) for one in self.store.living()):
            raise Refusal(409, "it is referred to", code="conflict")

    def _answer(self, entry: Entry, done: Done, *, full: bool) -> Entry:
        method = _request(entry)[0]
        response: dict[str, Any] = {"status": str(done.status)}
        version = done.version
        if version is None or version.resource is None:
            return {"response": response}
        if self.behaviour.locations != "none":
            number = str(version.number)
            response["etag"] = number if self.behaviour.entry_etag_is_bare else f'W/"{number}"'
            response["lastModified"] = version.stamp
            if self.behaviour.locations == "versioned":
                response["location"] = f"{version.key}/_history/{number}"
            elif done.status == 201:
                response["location"] = version.key
        answer: Entry = {"response": response}
        if method == "GET" or (full and self.behaviour.representation):
            answer["resource"] = version.resource
            answer["fullUrl"] = f"{self.base}/{version.key}"
        return answer


def _request(entry: Entry) -> tuple[str, str, dict[str, Any]]:
    request = entry.get("request")
    if not isinstance(request, dict) or not isinstance(request.get("url"), str):
        raise Refusal(400, "an entry without a request")
    return str(request.get("method")), request["url"].lstrip("/"), request


def _order(entry: Entry) -> int:
    return _ORDER.get(_request(entry)[0], 9)


def _renamed(entry: Entry, names: dict[Any, str], writer: Writer) -> Entry:
    resource = entry.get("resource")
    if not isinstance(resource, dict):
        return entry

    def change(reference: str) -> str:
        plain, mark, fragment = reference.partition("#")
        found = names.get(plain)
        return writer.referred(reference) if found is None else f"{found}{mark}{fragment}"

    return {**entry, "resource": map_references(resource, change)}


def _repoint(written: list[Version], old: str, new: str) -> None:
    for version in written:
        if version.resource is not None:
            version.resource = map_references(
                version.resource, lambda reference: new if reference == old else reference
            )
