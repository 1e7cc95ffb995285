"""FHIR interactions, one small method each (https://hl7.org/fhir/R4/http.html).

Reads are repeated as the transport's policy allows; writes are sent once, because only the
caller can find out what became of a write whose answer was lost.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from fhirkit.core.errors import BadAnswer, Refused, UsageError
from fhirkit.core.resource import ResourceKey
from fhirkit.remote.address import base_url, host_of
from fhirkit.remote.failures import Busy
from fhirkit.remote.paging import Found, announced, collect
from fhirkit.remote.transport import Answer, Policy, Transport

# HAPI answers a search from its memory for a minute unless it is told not to.
_FRESH = {"Cache-Control": "no-cache"}
#: Parameters about the pages of a result, which are none of its conditions.
_PAGING = ("_count", "_sort", "_total")
#: How a server can be asked for a number alone, or nearly so.
_COUNTING = ({"_summary": "count"}, {"_total": "accurate", "_count": "1"})
_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_ETAG = re.compile(r'(?:W/)?"?([^"]+)"?')


@dataclass(frozen=True, slots=True)
class Written:
    """What a write's answer says: whether it made the resource, and the version it now has."""

    status: int
    version_id: str | None
    location: str | None = None
    resource: dict[str, Any] | None = None


class Client:
    """A FHIR server. ``token`` is a bearer token; ``policy`` holds times and sizes. ``file_hosts``
    are the hosts, with their ports, that may hold files of its exports; they get no token.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        policy: Policy | None = None,
        ca_bundle: str | None = None,
        transport: Transport | None = None,
        file_hosts: Collection[str] = (),
    ) -> None:
        self.base = transport.base if transport else base_url(url)
        self.file_hosts = frozenset(file_hosts)
        self.transport = transport or Transport(
            self.base, token=token, policy=policy, ca_bundle=ca_bundle
        )

    @property
    def host(self) -> str:
        """Host and port, for messages."""
        return host_of(self.base)

    def capabilities(self) -> dict[str, Any]:
        """The CapabilityStatement (https://hl7.org/fhir/R4/http.html#capabilities)."""
        return self.statement()[0]

    def statement(
        self, *, elements: str | None = None, unless: str | None = None
    ) -> tuple[dict[str, Any], str | None]:
        """The CapabilityStatement and its ETag, shortened to ``elements`` where the server can.

        ``Unchanged`` when the server says that it still is the one with the ETag ``unless``.
        """
        query = f"?{urlencode({'_elements': elements}, safe=',')}" if elements else ""
        headers = _FRESH if unless is None else {**_FRESH, "If-None-Match": unless}
        answer = self.transport.request(
            "GET", f"{self.base}/metadata{query}", what="capabilities", headers=headers, safe=True
        )
        etag = answer.headers.get("etag")
        return _expect(answer, "CapabilityStatement", "capabilities"), etag

    def read(self, key: ResourceKey) -> dict[str, Any] | None:
        """The resource as it now is, or None when FHIR says that it is not there or deleted."""
        return self._read(f"{self.base}/{_path(key)}", key, "read")

    def vread(self, key: ResourceKey, version_id: str) -> dict[str, Any] | None:
        """One version of the resource, or None."""
        url = f"{self.base}/{_path(key)}/_history/{quote(version_id, safe='')}"
        return self._read(url, key, "vread")

    def history(self, key: ResourceKey) -> list[dict[str, Any]]:
        """The versions that the first page of the history shows; empty where there is none."""
        what = f"history of {key.type}"
        try:
            answer = self._get(f"{self.base}/{_path(key)}/_history?_count=50", what)
        except Refused:
            return []
        bundle = _expect(answer, "Bundle", what)
        entries = [entry for entry in bundle.get("entry", []) if isinstance(entry, dict)]
        resources = [entry.get("resource") for entry in entries]
        return [resource for resource in resources if isinstance(resource, dict)]

    def update(
        self,
        resource: dict[str, Any],
        *,
        if_match: str | None = None,
        only_new: bool = False,
        request_id: str | None = None,
        representation: bool = False,
    ) -> Written:
        """PUT the resource to its id; with ``if_match`` only on that version.

        ``request_id`` and ``representation`` as in ``transaction``.
        """
        key = ResourceKey.of(resource)
        headers = _asking(request_id, representation=representation)
        if if_match is not None:
            headers["If-Match"] = f'W/"{if_match}"'
        if only_new:
            headers["If-None-Match"] = "*"
        answer = self.transport.request(
            "PUT", f"{self.base}/{_path(key)}", what=f"update of {key.type}", body=resource,
            headers=headers,
        )  # fmt: skip
        return _written(answer, f"update of {key.type}")

    def create(
        self,
        resource: dict[str, Any],
        *,
        if_none_exist: str | None = None,
        request_id: str | None = None,
        representation: bool = False,
    ) -> Written:
        """POST the resource; the server gives the id. Not repeatable: see ``update``.

        ``if_none_exist`` is a search that must find nothing (status 200 when it finds one, and
        ``Stale`` when several): https://hl7.org/fhir/R4/http.html#ccreate.
        """
        kind = _checked(_TYPE, str(resource.get("resourceType")))
        headers = _asking(request_id, representation=representation)
        if if_none_exist is not None:
            headers["If-None-Exist"] = if_none_exist.lstrip("?")
        answer = self.transport.request(
            "POST", f"{self.base}/{kind}", what=f"create of {kind}", body=resource, headers=headers
        )
        return _written(answer, f"create of {kind}")

    def delete(self, key: ResourceKey, *, if_match: str | None = None) -> None:
        """DELETE the resource; some servers heed ``if_match``, others ignore it."""
        headers = {"If-Match": f'W/"{if_match}"'} if if_match is not None else {}
        self.transport.request(
            "DELETE", f"{self.base}/{_path(key)}", what=f"delete of {key.type}", headers=headers
        )

    def search(
        self, path: str, parameters: Mapping[str, str] | None = None, *, whole: bool = True
    ) -> Found:
        """All pages of a search at ``path`` (a type, a compartment or an operation).

        ``whole``: proven to be all matches, or ``Incomplete``; else as far as the pages go.
        """
        what = f"search of {path.rsplit('/', maxsplit=1)[-1].lstrip('$') or 'all'}"

        def get(url: str) -> dict[str, Any]:
            return _expect(self._get(url, what), "Bundle", what)

        def counted() -> int | None:
            # An operation's result is no search that could be counted.
            conditions = {
                name: value for name, value in (parameters or {}).items() if name not in _PAGING
            }
            return None if "$" in path else self.count(path, conditions)

        query = urlencode(parameters or {}, safe=",/:$*")
        return collect(
            get, base=self.base, asked=path, query=query, what=f"{what} at {self.host}",
            counted=counted if whole else None,
        )  # fmt: skip

    def count(
        self, path: str, conditions: Mapping[str, str] | Iterable[tuple[str, str]] = ()
    ) -> int | None:
        """How many matches of a search the server says it has; None when it does not say."""
        pairs = [*(conditions.items() if isinstance(conditions, Mapping) else conditions)]
        what = f"count of {path.rpartition('/')[2]}"
        for way in _COUNTING:
            query = urlencode([*pairs, *way.items()], safe=",/:$*")
            try:
                page, _ = self.page(f"{self.base}/{path}?{query}", what)
                total = announced(page, what)
            except Busy:
                raise
            except (Refused, BadAnswer):
                continue
            if total is not None:
                return total
        return None

    def page(self, url: str, what: str) -> tuple[dict[str, Any], str | None]:
        """One page of a search or history under our base, and the server's time (Date header)."""
        answer = self._get(url, what)
        return _expect(answer, "Bundle", what), answer.headers.get("date")

    def transaction(
        self,
        bundle: dict[str, Any],
        *,
        request_id: str | None = None,
        representation: bool = False,
    ) -> Any:
        """POST a batch or transaction Bundle, once; the answer's Bundle as it came.

        ``request_id`` goes into X-Request-Id, which HAPI keeps in ``meta.source``: a trace by
        which a lost answer can be told from a foreign write. ``representation`` asks for the
        resources as they are stored.
        """
        _refuse_twins(bundle)
        headers = _asking(request_id, representation=representation)
        what = str(bundle.get("type", "bundle"))
        answer = self.transport.request("POST", self.base, what=what, body=bundle, headers=headers)
        return _expect(answer, "Bundle", what)

    def validate(self, resource: dict[str, Any]) -> dict[str, Any]:
        """The server's OperationOutcome on a resource; it stores nothing.

        https://hl7.org/fhir/R4/resource-operation-validate.html
        """
        kind = _checked(_TYPE, str(resource.get("resourceType")))
        what = f"$validate of {kind}"
        try:
            answer = self.transport.request(
                "POST", f"{self.base}/{kind}/$validate", what=what, body=resource, safe=True
            )
        except Refused as problem:
            # A resource that cannot even be read is answered by 400 and the outcome.
            if problem.status in (400, 412, 422) and problem.outcome is not None:
                return problem.outcome
            raise
        return _outcome(answer.body, what)

    def close(self) -> None:
        """Close the connections."""
        self.transport.close()

    def _get(self, url: str, what: str) -> Answer:
        return self.transport.request("GET", url, what=what, headers=_FRESH, safe=True)

    def _read(self, url: str, key: ResourceKey, word: str) -> dict[str, Any] | None:
        what = f"{word} of {key.type}"
        try:
            answer = self._get(url, what)
        except Refused as problem:
            if problem.status in (404, 410):
                return None
            raise
        resource = _expect(answer, key.type, what)
        if resource.get("id") != key.id:
            raise BadAnswer(f"{what} at {self.host}: the answer is another resource")
        return resource


def _asking(request_id: str | None, *, representation: bool) -> dict[str, str]:
    headers = {"X-Request-Id": request_id} if request_id else {}
    if representation:
        headers["Prefer"] = "return=representation"
    return headers


def _refuse_twins(bundle: dict[str, Any]) -> None:
    """Two writes to one identity in one Bundle: servers drop one of them without a word."""
    seen: set[tuple[str, str]] = set()
    for entry in bundle.get("entry", []):
        request = entry.get("request", {})
        method, url = request.get("method"), str(request.get("url", "")).removeprefix("/")
        if method == "POST":
            condition = request.get("ifNoneExist")
            identity = None if condition is None else f"{url}?{condition.lstrip('?')}"
        else:
            identity = None if method in ("GET", "HEAD") else url
        if identity is None:
            continue
        kind, mark, query = identity.partition("?")
        # The parts of a condition mean the same in any order.
        one = (kind, "&".join(sorted(query.split("&"))) if mark else "")
        if one in seen:
            raise UsageError(
                f"the Bundle writes twice to one {kind.partition('/')[0]}, by id or condition",
                advice="give each resource its own identity, or send them one after the other",
            )
        seen.add(one)


def _outcome(body: Any, what: str) -> dict[str, Any]:
    if isinstance(body, dict) and body.get("resourceType") == "Parameters":
        for parameter in body.get("parameter", []):
            if isinstance(parameter, dict) and parameter.get("name") == "return":
                body = parameter.get("resource")
    if isinstance(body, dict) and body.get("resourceType") == "OperationOutcome":
        return body
    raise BadAnswer(f"{what}: the answer is not an OperationOutcome")


def _expect(answer: Answer, resource_type: str, what: str) -> dict[str, Any]:
    body = answer.body
    if isinstance(body, dict) and body.get("resourceType") == resource_type:
        return body
    got = "nothing" if body is None else str(body.get("resourceType", "no resource"))[:40]
    raise BadAnswer(f"{what}: HTTP {answer.status} with {got}, expected {resource_type}")


def _written(answer: Answer, what: str) -> Written:
    body = answer.body
    if isinstance(body, dict) and body.get("resourceType") == "OperationOutcome":
        issues = body.get("issue", [])
        if any(
            isinstance(one, dict) and one.get("severity") in ("error", "fatal") for one in issues
        ):
            raise BadAnswer(f"{what}: HTTP {answer.status} with an outcome that reports an error")
        body = None
    version = version_of(answer.headers.get("etag"))
    if version is None and isinstance(body, dict) and isinstance(body.get("meta"), dict):
        version = body["meta"].get("versionId")
    return Written(answer.status, version, answer.headers.get("location"), body)


def version_of(etag: Any) -> str | None:
    """The version id in an ETag; HAPI writes it bare inside transaction answers."""
    match = _ETAG.fullmatch(etag.strip()) if isinstance(etag, str) else None
    return match[1] if match else None


def _path(key: ResourceKey) -> str:
    return f"{_checked(_TYPE, key.type)}/{quote(_checked(_ID, key.id), safe='')}"


def _checked(pattern: re.Pattern[str], text: str) -> str:
    """A type or id before it becomes part of a path; ids of dots alone would climb out of it."""
    if pattern.fullmatch(text) is None or text in (".", ".."):
        raise UsageError("not a resource type or logical id that FHIR allows")
    return text
