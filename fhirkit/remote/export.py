"""Bulk exports: begun, waited for, read and removed (https://hl7.org/fhir/uv/bulkdata/export.html).

A server makes files of everything, of a group or of all patients, and says where they are. Their
addresses come from the server, so ``_Places`` decides which are asked, and whether our token may be
shown there: on the remote's own origin only.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from fhirkit.core.errors import (
    BadAnswer,
    FhirkitError,
    Incomplete,
    InvalidInput,
    Refused,
    Unreachable,
    UsageError,
)
from fhirkit.core.jsonio import loads
from fhirkit.remote.address import host_of, is_loopback, origin_of, same_origin, within
from fhirkit.remote.answers import outcome_in, retry_after
from fhirkit.remote.client import Client
from fhirkit.remote.failures import Busy, failure
from fhirkit.remote.manifest import ExportFile, Manifest
from fhirkit.remote.ndjson import resources_in
from fhirkit.remote.transport import Plain, Stream

_NDJSON = "application/fhir+ndjson"
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_CODE = re.compile(r"[a-z][a-z-]{0,39}")
SYSTEM = "$export"
PATIENTS = "Patient/$export"
#: A file that comes damaged is asked for so often.
_TRIES = 2
_MOST_PARTS = 1000
_MOST_REDIRECTS = 3
#: How a server says that it knows no such job.
_GONE = (404, 410)
#: Statuses by which a server says that it makes no such export, or not for us.
_NOT_OFFERED = (400, 403, 404, 405, 406, 422, 501)
#: Statuses to a question about a job that are about this question and not about the job.
_NOT_NOW = (408, 425, 429, 502, 503, 504)


class NotOffered(Refused):
    """The server makes no such export, or not for us."""


class Lost(Exception):
    """What an export made cannot be had any more; only a new export helps. Says why."""


def group_path(group: str) -> str:
    """The path of the export of a group's records; ``UsageError`` for what is no id."""
    if _ID.fullmatch(group) is None or group in (".", ".."):
        raise UsageError("--group expects the logical id of a Group")
    return f"Group/{group}/$export"


@dataclass(slots=True)
class Job:
    """An export that a server was asked for. ``status`` is the address it gave, as written."""

    client: Client
    status: str
    first_wait: float | None = None
    clock: Callable[[], float] = time.monotonic

    def wait(self, longest: float) -> Manifest:
        """The manifest, when the export is finished.

        The server's Retry-After is kept to. ``Lost`` when the server knows the job no more,
        ``Incomplete`` when it is not finished after ``longest`` seconds; a failed one is
        ``Refused``.
        """
        what = "status of the export"
        transport, policy = self.client.transport, self.client.transport.policy
        url = self._places().status()
        until = self.clock() + longest
        pause = self.first_wait if self.first_wait is not None else 4 * policy.first_wait
        attempt = 2
        while True:
            left = until - self.clock()
            transport.sleep(max(0.0, min(pause, left)))
            answer, asked = self._ask(url, what)
            if answer is not None:
                break
            attempt += 1
            own = min(policy.longest_wait, policy.first_wait * 2**attempt)
            pause = max(own, min(asked or 0.0, 5 * policy.longest_wait))
            if self.clock() >= until:
                raise Incomplete(
                    f"{what} at {self.client.host}: not finished after {longest:g} s",
                    advice="it goes on at the server; the same command again takes it up",
                )
        manifest = Manifest.of(_json(answer, what), f"{what} at {self.client.host}")
        seen = {url}
        while manifest.following is not None:
            url = self._places().file(manifest.following)[0]
            if url in seen or len(seen) > _MOST_PARTS:
                raise BadAnswer(f"{what} at {self.client.host}: the manifest runs in a circle")
            seen.add(url)
            answer, _ = self._ask(url, what)
            if answer is None:
                raise BadAnswer(
                    f"{what} at {self.client.host}: a part of the manifest is not there"
                )
            more = Manifest.of(_json(answer, what), f"{what} at {self.client.host}")
            manifest = manifest.joined(more, f"{what} at {self.client.host}")
        return manifest

    def rows(
        self, file: ExportFile, manifest: Manifest, *, identified: bool = True
    ) -> Iterator[list[dict[str, Any]]]:
        """The resources of one file, some at a time; the same may come twice. ``identified``: they
        are the server's own and have an id.

        ``Lost`` when the file is gone, or comes damaged again and again.
        """
        what = f"export file of {file.kind}"
        policy = self.client.transport.policy
        for attempt in range(1, _TRIES + 1):
            try:
                stream = self._open(file.url, what, needs_token=manifest.needs_token)
                yield from resources_in(
                    stream, file.kind, file.count, f"{what} at {self.client.host}",
                    longest=policy.max_bytes, identified=identified,
                )  # fmt: skip
            except Refused as problem:
                if problem.status in _GONE:
                    raise Lost(f"{what}: it is not there (HTTP {problem.status})") from None
                raise
            except Foreign:
                raise
            except (BadAnswer, Unreachable) as problem:
                if attempt == _TRIES:
                    if isinstance(problem, Unreachable):
                        raise
                    raise Lost(problem.message) from None
                self.client.transport.sleep(policy.wait(attempt))
            else:
                return

    def holes(self, manifest: Manifest) -> str:
        """What the server says that it could not export, in a line; empty when that is nothing.

        An error means a hole; warnings and information are the server's talk. Its own texts may
        name records, so only the kinds of the issues are told.
        """
        codes: list[str] = []
        for file in manifest.errors:
            try:
                for rows in self.rows(file, manifest, identified=False):
                    codes += [code for row in rows for code in _errors_in(row)]
            except (Lost, BadAnswer, Refused):
                codes.append("unreadable")
        if not codes:
            return ""
        return (
            f"the export is not whole, the server reports {len(codes)} error(s): "
            f"{', '.join(sorted(set(codes)))}"
        )

    def cancel(self) -> None:
        """Tell the server that its files are needed no more, until it says that it knows none.

        Once is not enough: a proxy may have answered. After three times they go when the server
        clears up.
        """
        transport = self.client.transport
        for attempt in range(3):
            try:
                url = self._places().status()
                answer = transport.plain("DELETE", url, what="end of the export")
            except FhirkitError:
                transport.sleep(transport.policy.wait(1))
                continue
            if attempt and answer.status in _GONE:
                return

    def _places(self) -> _Places:
        return _Places(self.client, self.status)

    def _ask(self, url: str, what: str) -> tuple[Plain | None, float | None]:
        """The finished answer, or None and what the server asks us to wait."""
        try:
            answer = self.client.transport.plain(
                "GET", url, what=what, headers={"Accept": "application/json"}, safe=True
            )
        except Busy as problem:
            if problem.status in _NOT_NOW:
                return None, problem.wait
            raise
        if answer.status == 202:
            return None, retry_after(answer.headers.get("retry-after"))
        if answer.status == 200:
            return answer, None
        if answer.status in _GONE:
            raise Lost(f"{what}: the server knows it no more (HTTP {answer.status})")
        raise _refusal(answer, f"{what} at {self.client.host}")

    def _open(self, link: str, what: str, *, needs_token: bool) -> Stream:
        url, ours = self._places().file(link, needs_token=needs_token)
        for _ in range(_MOST_REDIRECTS + 1):
            transport = self.client.transport
            if not ours:
                transport = transport.elsewhere(origin_of(url))
            try:
                stream = transport.stream(url, what=what, accept=_NDJSON, known=needs_token)
            except Refused as problem:
                # Some say that no token is needed, and want it. To our own server it may be shown.
                if problem.status not in (401, 403) or needs_token or not ours:
                    raise
                stream = transport.stream(url, what=what, accept=_NDJSON, known=True)
            if stream.redirect is None:
                return stream
            # Whoever redirects to a storage has signed that address, so it needs no token.
            url, ours = self._places().file(_joined(url, stream.redirect))
            needs_token = needs_token and ours
        raise BadAnswer(f"{what} at {self.client.host}: redirected again and again")


def begin(
    client: Client, path: str, *, types: Iterable[str] | None = None, since: str | None = None
) -> Job:
    """Ask for an export of what changed since then (all), of these types (all), as NDJSON.

    ``NotOffered`` when the server makes none. An answer that is lost leaves a job at the server
    that nobody asks for; it changes nothing there.
    """
    what = "start of the export"
    query = {"_outputFormat": _NDJSON}
    if types is not None:
        query["_type"] = ",".join(sorted(types))
    if since is not None:
        query["_since"] = since
    headers = {
        "Accept": "application/fhir+json", "Prefer": "respond-async", "Cache-Control": "no-cache",
    }  # fmt: skip
    answer = client.transport.plain(
        "GET", f"{client.base}/{path}?{urlencode(query, safe=':,/')}", what=what, headers=headers,
        safe=True,
    )  # fmt: skip
    at = f"{what} at {client.host}"
    if answer.status != 202:
        if answer.status < 400:
            raise NotOffered(f"{at}: HTTP {answer.status}, expected 202", status=answer.status)
        problem = _refusal(answer, at)
        if problem.status in _NOT_OFFERED:
            raise NotOffered(
                problem.message, status=problem.status, outcome=problem.outcome,
                advice="fhirkit pull --source search reads without an export",
            )  # fmt: skip
        raise problem
    place = answer.headers.get("content-location", "").strip()
    if not place:
        raise BadAnswer(f"{at}: no Content-Location says where its status is")
    status = _joined(f"{client.base}/{path}", place)
    _Places(client, status).status()  # what is wrong with it is said before the job is noted
    return Job(client, status, first_wait=retry_after(answer.headers.get("retry-after")))


class Foreign(BadAnswer):
    """An address that is not asked, whatever it may hold."""


def _joined(base: str, link: str) -> str:
    """A link of the server's as an address; ``Foreign`` for what is none."""
    try:
        url = urljoin(base, link)
        urlsplit(url).port  # noqa: B018  # reads the whole of it, and raises
    except ValueError:
        raise Foreign("an address that the server gave for its export cannot be read") from None
    return url


class _Places:
    """Where a server's links to a job and its files lead, and whether we go there.

    ``said`` is the address of the job's status as the server wrote it: it shows what the server
    takes for its own origin, which behind a proxy is another than ours.
    """

    def __init__(self, client: Client, said: str) -> None:
        self.client = client
        self.said = said
        self.origin = origin_of(client.base)

    def status(self) -> str:
        """The address to ask about the job: on the remote's own origin, or nowhere."""
        if within(self.said, self.origin):
            return self.said
        moved = self._moved(self.said)
        if within(moved, self.client.base):
            return moved
        raise Foreign(
            f"the export's status lies on {host_of(self.said)}, which is not the server",
            advice="check the base URL that the server is configured with",
        )

    def file(self, link: str, *, needs_token: bool = False) -> tuple[str, bool]:
        """The address of a file, and whether it is the remote's own origin."""
        url = _joined(self.said, link)
        if within(url, self.origin):
            return url, True
        if same_origin(url, self.said):
            moved = self._moved(url)
            if within(moved, self.origin):
                return moved, True
        host = host_of(url)
        if needs_token:
            raise Foreign(
                f"an export file on {host} wants our token, which is shown to "
                f"{self.client.host} alone",
                advice="fhirkit pull --source search reads without an export",
            )
        safe = url.startswith("https://") or is_loopback(url)
        if host in self.client.file_hosts and safe and within(url, origin_of(url)):
            return url, False
        raise Foreign(
            f"an export file lies on {host}, which is neither the server nor named by you",
            advice=f"if you trust it: fhirkit remote add … --file-host {host} (https only)"
            if safe
            else "files elsewhere are only fetched by https",
        )

    def _moved(self, url: str) -> str:
        home = urlsplit(self.origin)
        moved = urlsplit(url)._replace(scheme=home.scheme, netloc=home.netloc, fragment="")
        return moved.geturl()


def _errors_in(outcome: dict[str, Any]) -> Iterator[str]:
    """The code of each issue that is an error."""
    issues = outcome.get("issue")
    for issue in issues if isinstance(issues, list) else []:
        if isinstance(issue, dict) and issue.get("severity") in ("error", "fatal"):
            code = issue.get("code")
            if not isinstance(code, str) or _CODE.fullmatch(code) is None:
                code = "error"
            yield code


def _json(answer: Plain, what: str) -> Any:
    try:
        return loads(answer.body)
    except InvalidInput:
        raise BadAnswer(f"{what}: HTTP {answer.status} with a body that is no JSON") from None


def _refusal(answer: Plain, what: str) -> Refused:
    problem = failure(answer.status, what, outcome=outcome_in(answer.body))
    if isinstance(problem, Refused):
        return problem
    # Nobody can be in conflict by reading, whatever the status says.
    return Refused(problem.message, status=answer.status, outcome=outcome_in(answer.body))
