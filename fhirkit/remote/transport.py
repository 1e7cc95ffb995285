"""One request in, one parsed answer out; owns time, size, retries and what may leave.

No netrc, no proxy or certificate settings from the environment, no cookies and no redirects: what
is not asked for is not done. A request is repeated only if it changes nothing (``safe``) or if
not a byte of it has left; whoever writes must find out what happened before writing again.
"""

from __future__ import annotations

import secrets
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeVar

import requests  # noqa: TID251  # this module is the one that may
import urllib3.exceptions

from fhirkit.core.errors import (
    BadAnswer,
    FhirkitError,
    InvalidInput,
    Refused,
    Unreachable,
    UsageError,
)
from fhirkit.core.jsonio import dump_bytes, loads
from fhirkit.remote.address import host_of, is_loopback, within
from fhirkit.remote.deadline import Exchange, TimedAdapter, exchange
from fhirkit.remote.failures import Busy, failure

_CHUNK = 1 << 16
_FHIR_JSON = "application/fhir+json"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Policy:
    """How long, how often and how much.

    ``timeout``: seconds for one request, from the connection to the last byte. ``tries``: how
    often a request is made at most. ``longest_wait``: the most that a server's Retry-After is
    followed. ``max_bytes``: the largest answer, counted after decompression.
    """

    timeout: float = 60.0
    tries: int = 5
    first_wait: float = 0.5
    longest_wait: float = 60.0
    max_bytes: int = 256 * 1024 * 1024

    def wait(self, attempt: int, asked: float | None = None) -> float:
        """Seconds before the next attempt: what the server asked, else full jitter."""
        if asked is not None:
            return min(asked, self.longest_wait)
        ceiling: float = min(self.longest_wait, self.first_wait * 2**attempt)
        return ceiling * secrets.randbelow(1001) / 1000


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx answer: its status, headers in lower case, and the parsed body (None when empty)."""

    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True, slots=True)
class Download:
    """A file as it came, or where the server says it is (``redirect``, as it was written)."""

    data: bytes
    redirect: str | None = None


class Transport:
    """Requests to one FHIR base.

    ``token`` is a bearer token, sent to the base's origin alone; on plain HTTP it is refused
    unless the host is this machine. ``ca_bundle`` names a file of certificates to trust.
    """

    def __init__(
        self,
        base: str,
        *,
        token: str | None = None,
        policy: Policy | None = None,
        ca_bundle: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if token is not None and base.startswith("http://") and not is_loopback(base):
            raise UsageError(
                f"a token is not sent to {host_of(base)} over plain http",
                advice="use the server's https address",
            )
        if token is not None and not (token.isascii() and token.isprintable() and token.strip()):
            raise UsageError("the token is empty or holds characters that no token has")
        self.base = base
        self.policy = policy or Policy()
        self.sleep = sleep
        self._token = token
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.clear()
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.verify = ca_bundle or True
        adapter = TimedAdapter(connections=8)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

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
        """The answer to one request, repeated as the policy allows.

        ``what`` names interaction and type for messages. Raises ``Refused`` (``Busy``),
        ``Conflict`` (``Stale``), ``Unreachable`` or ``BadAnswer``; after any of them except a
        refusal, an unsafe request may or may not have been carried out.
        """
        data = None if body is None else dump_bytes(body, indent=False)

        def once() -> Answer:
            response, raw = self._once(method, url, what, data, headers or {})
            return _judge(response, raw, f"{what} at {host_of(self.base)}")

        return self._repeat(once, url, what, safe=safe)

    def download(self, url: str, *, what: str, accept: str) -> Download:
        """A file of any kind, by GET. A redirect is returned, never followed.

        Raises as ``request`` does; a status from 400 is a ``Refused``.
        """

        def once() -> Download:
            # A file that is compressed itself must not be sent in a second compression.
            wanted = {"Accept": accept, "Accept-Encoding": "identity"}
            response, raw = self._once("GET", url, what, None, wanted)
            return _judge_download(response, raw, f"{what} at {host_of(self.base)}")

        return self._repeat(once, url, what, safe=True)

    def _repeat(self, once: Callable[[], _T], url: str, what: str, *, safe: bool) -> _T:
        if not within(url, self.base):
            raise BadAnswer(f"{what}: the address is outside the server's base")
        attempt = 0
        while True:
            try:
                return once()
            except (Busy, Unreachable, BadAnswer) as problem:
                attempt += 1
                # A wrong page is rarely right on asking again, so it is asked for less often.
                most = min(3, self.policy.tries) if isinstance(problem, BadAnswer) else None
                if attempt >= (most or self.policy.tries) or not _may_repeat(problem, safe=safe):
                    raise
                asked = problem.wait if isinstance(problem, Busy) else None
                self.sleep(self.policy.wait(attempt, asked))

    def _once(
        self, method: str, url: str, what: str, data: bytes | None, headers: Mapping[str, str]
    ) -> tuple[requests.Response, bytes]:
        what = f"{what} at {host_of(self.base)}"
        wanted = {"Accept": _FHIR_JSON, "Accept-Encoding": "gzip", "User-Agent": "fhirkit"}
        if data is not None:
            wanted["Content-Type"] = f"{_FHIR_JSON}; charset=utf-8"
        if self._token is not None:
            wanted["Authorization"] = f"Bearer {self._token}"
        with exchange(self.policy.timeout) as one:
            try:
                response = self._session.request(
                    method,
                    url,
                    data=data,
                    headers={**wanted, **headers},
                    timeout=(min(10.0, self.policy.timeout), self.policy.timeout),
                    allow_redirects=False,
                    stream=True,
                )
                with response:
                    raw = self._read(response, what)
            except (
                requests.exceptions.ContentDecodingError,
                urllib3.exceptions.DecodeError,
            ):
                raise BadAnswer(f"{what}: the answer's compression is broken") from None
            except _FAILURES as problem:
                raise _unreachable(problem, one, what, self.policy.timeout) from None
        return response, raw

    def _read(self, response: requests.Response, what: str) -> bytes:
        """The decoded body, stopped at the cap: a small gzip can be a very large text."""
        parts: list[bytes] = []
        size = 0
        for part in response.iter_content(_CHUNK):
            size += len(part)
            if size > self.policy.max_bytes:
                limit = self.policy.max_bytes // (1024 * 1024)
                raise BadAnswer(f"{what}: the answer is larger than {limit} MiB")
            parts.append(part)
        return b"".join(parts)


_FAILURES = (
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    OSError,
    ValueError,  # a malformed status line or header, raised by http.client's own parsing
)


class _Untrusted(Unreachable):
    """The server's certificate is not trusted: asking again does not help."""


def _may_repeat(problem: FhirkitError, *, safe: bool) -> bool:
    if isinstance(problem, _Untrusted):
        return False
    return safe or (isinstance(problem, Unreachable) and not problem.sent)


def _judge(response: requests.Response, raw: bytes, what: str) -> Answer:
    status = response.status_code
    headers = {name.lower(): value for name, value in response.headers.items()}
    body = _parse(raw)
    if 300 <= status < 400:
        target = host_of(headers.get("location", ""))
        raise Refused(
            f"{what}: redirected to {target} (HTTP {status}), which is not followed",
            status=status,
            advice="if that is where the server is, use its address",
        )
    if status >= 400:
        outcome = body if _is(body, "OperationOutcome") else None
        if status in (404, 410) and outcome is None and raw.strip():
            # Only FHIR may say that a resource is not there: a proxy's page says nothing.
            raise BadAnswer(
                f"{what}: HTTP {status} without an OperationOutcome, so no FHIR server answered",
                advice="check the base URL: often it ends with /fhir",
            )
        raise failure(status, what, outcome=outcome, wait=retry_after(headers.get("retry-after")))
    if not 200 <= status < 300:
        raise BadAnswer(f"{what}: unexpected HTTP {status}")
    if raw.strip() and body is None:
        kind = headers.get("content-type", "no type").split(";")[0][:60]
        raise BadAnswer(
            f"{what}: HTTP {status} with {kind} that is not FHIR JSON",
            advice="check the base URL, and whether a proxy or log-in page answers",
        )
    return Answer(status, headers, body)


def _judge_download(response: requests.Response, raw: bytes, what: str) -> Download:
    status = response.status_code
    if status in (301, 302, 303, 307, 308):
        return Download(b"", response.headers.get("Location", ""))
    if status >= 400:
        wait = retry_after(response.headers.get("Retry-After"))
        problem = failure(status, what, wait=wait)
        # Nobody can be in conflict by reading, whatever the status says.
        raise problem if isinstance(problem, Refused) else Refused(problem.message, status=status)
    if status != 200:
        raise BadAnswer(f"{what}: unexpected HTTP {status}")
    return Download(raw)


def _parse(raw: bytes) -> Any:
    if not raw.strip():
        return None
    try:
        value = loads(raw)
    except InvalidInput:
        return None
    return value if isinstance(value, dict) else None


def _is(body: Any, resource_type: str) -> bool:
    return isinstance(body, dict) and body.get("resourceType") == resource_type


def retry_after(text: str | None) -> float | None:
    """Retry-After as seconds from now, never negative; None when absent or unreadable.

    https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _unreachable(problem: Exception, one: Exchange, what: str, timeout: float) -> Unreachable:
    chain = _chain(problem)
    advice = "is the server running, and is its address right?"
    if one.expired:
        said, advice = f"no complete answer within {timeout:g} s", "try again, or --timeout"
    elif any(isinstance(link, ssl.SSLError) for link in chain):
        said, advice = "its certificate is not trusted", "name your certificates with --ca-bundle"
    elif any(isinstance(link, socket.gaierror) for link in chain):
        said = "the host's name is not known"
    elif any(isinstance(link, ConnectionRefusedError) for link in chain):
        said = "nothing listens there"
    elif one.sent:
        said, advice = "the connection was cut before the answer was complete", "try again"
    else:
        said = "no connection"
    kind = _Untrusted if "certificate" in said else Unreachable
    return kind(f"{what}: {said}", sent=one.sent, advice=advice)


def _chain(problem: BaseException) -> list[BaseException]:
    """The error with everything that it carries: causes, contexts, and urllib3's reasons."""
    found: list[BaseException] = []
    waiting: list[object] = [problem]
    while waiting and len(found) < 50:
        link = waiting.pop()
        if isinstance(link, BaseException) and not any(link is known for known in found):
            found.append(link)
            waiting += [link.__cause__, link.__context__, getattr(link, "reason", None), *link.args]
    return found
