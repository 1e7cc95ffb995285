"""One request in, one parsed answer out; owns time, size, retries and what may leave.

No netrc, no proxy or certificate settings from the environment, no cookies and no redirects: what
is not asked for is not done. A request is repeated only if it changes nothing (``safe``), if
not a byte of it has left, or if the server wants to know who we are (401); whoever writes must
find out what happened before writing again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeVar
from urllib.parse import urlencode

import requests  # noqa: TID251  # this module is the one that may
import urllib3.exceptions

from fhirkit.core.errors import BadAnswer, FhirkitError, Refused, Unreachable, UsageError
from fhirkit.core.jsonio import dump_bytes
from fhirkit.remote.address import host_of, is_loopback, origin_of, within
from fhirkit.remote.answers import (
    REDIRECTS,
    Answer,
    Download,
    Untrusted,
    judge,
    judge_download,
    lower,
    outcome_in,
    redirected,
    retry_after,
    unreachable,
)
from fhirkit.remote.authorization import Authorization, Bearer
from fhirkit.remote.deadline import Exchange, TimedAdapter, exchange
from fhirkit.remote.failures import Busy, failure
from fhirkit.remote.policy import Policy
from fhirkit.remote.secret import Secret
from fhirkit.remote.streaming import PART, Stream, is_framed, parts_of
from fhirkit.remote.tls import Tls
from fhirkit.remote.waits import Waits

__all__ = ["Answer", "Download", "Form", "Plain", "Policy", "Stream", "Transport"]

_FHIR_JSON = "application/fhir+json"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Form:
    """Fields of a form to post, and headers that go with them. Printing it shows neither."""

    fields: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Plain:
    """An answer as it came: status, headers in lower case, and the decoded body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """Requests to one FHIR base.

    ``token`` is a bearer token and ``authorization`` any way to say who we are; either is sent to
    the base's origin alone, and on plain HTTP refused unless the host is this machine. ``tls``
    says who is trusted, ``proxy`` is the URL of an HTTP proxy.
    """

    def __init__(
        self,
        base: str,
        *,
        token: str | None = None,
        authorization: Authorization | None = None,
        policy: Policy | None = None,
        ca_bundle: str | None = None,
        tls: Tls | None = None,
        proxy: str | None = None,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        if token is not None:
            authorization = Bearer(Secret(token))
        if authorization is not None and base.startswith("http://") and not is_loopback(base):
            raise UsageError(
                f"a token is not sent to {host_of(base)} over plain http",
                advice="use the server's https address",
            )
        self.base = base
        self.policy = policy or Policy()
        self.sleep = sleep if isinstance(sleep, Waits) else Waits(sleep)
        self._authorization = authorization
        self._session = _Session()
        self._session.trust_env = False
        self._session.headers.clear()
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        if proxy is not None:
            self._session.proxies = {"http": proxy, "https": proxy}
        self._tls, self._proxy = tls or Tls(ca_bundle), proxy
        self._others: dict[str, Transport] = {}
        context = self._tls.context() if base.startswith("https:") else None
        adapter = TimedAdapter(connections=8, context=context)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def wake(self) -> None:
        """Let nobody wait any longer, and ask nothing a second time: the command is to end."""
        self.sleep.stop()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()
        for other in self._others.values():
            other.close()

    def elsewhere(self, origin: str) -> Transport:
        """A transport to another origin, which is told nothing of who we are."""
        if origin not in self._others:
            tls = Tls(self._tls.ca_bundle)
            self._others[origin] = Transport(
                origin, policy=self.policy, tls=tls, proxy=self._proxy, sleep=self.sleep
            )
        return self._others[origin]

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
        wanted = {"Accept": _FHIR_JSON, "Accept-Encoding": "gzip", **(headers or {})}
        if data is not None:
            wanted.setdefault("Content-Type", f"{_FHIR_JSON}; charset=utf-8")

        def once(more: Mapping[str, str]) -> Answer:
            response, raw = self._once(method, url, what, data, {**wanted, **more})
            return judge(response, raw, self._at(what))

        return self._repeat(once, url, what, safe=safe)

    def download(self, url: str, *, what: str, accept: str) -> Download:
        """A file of any kind, by GET. A redirect is returned, never followed.

        Raises as ``request`` does; a status from 400 is a ``Refused``.
        """
        # A file that is compressed itself must not be sent in a second compression.
        wanted = {"Accept": accept, "Accept-Encoding": "identity"}

        def once(more: Mapping[str, str]) -> Download:
            response, raw = self._once("GET", url, what, None, {**wanted, **more})
            return judge_download(response, raw, self._at(what))

        return self._repeat(once, url, what, safe=True)

    def plain(
        self,
        method: str,
        url: str,
        *,
        what: str,
        headers: Mapping[str, str] | None = None,
        safe: bool = False,
    ) -> Plain:
        """An answer as it came, for what is no FHIR interaction: any status but a busy one.

        The address may lie anywhere on the base's origin. Raises ``Busy``, ``Unreachable``, and
        ``Refused`` for a redirect or when we are not known.
        """
        wanted = {"Accept-Encoding": "gzip", **(headers or {})}

        def once(more: Mapping[str, str]) -> Plain:
            response, raw = self._once(method, url, what, None, {**wanted, **more})
            status, found = response.status_code, lower(response)
            if status in REDIRECTS:
                raise redirected(status, found.get("location", ""), self._at(what))
            problem = failure(
                status, self._at(what), outcome=outcome_in(raw),
                wait=retry_after(found.get("retry-after")),
            )  # fmt: skip
            if status == 401 or isinstance(problem, Busy):
                raise problem
            return Plain(status, found, raw)

        return self._repeat(once, url, what, safe=safe, root=origin_of(self.base))

    def stream(self, url: str, *, what: str, accept: str, known: bool) -> Stream:
        """A file's answer, to be read part by part; a redirect is returned, never followed.

        ``known``: our token is shown. What goes wrong while parts are read is raised there, and
        not repeated.
        """
        root = origin_of(self.base)

        def once(more: Mapping[str, str]) -> Stream:
            wanted = {"Accept": accept, "Accept-Encoding": "gzip", **more}
            one = Exchange(self.policy.timeout)
            with one.under_way(), self._said(one, what):
                response = self._send("GET", url, None, wanted)
            try:
                status = response.status_code
                if status in REDIRECTS:
                    response.close()
                    return Stream(iter(()), redirect=response.headers.get("Location", ""))
                if status != 200:
                    with one.under_way(), self._said(one, what):
                        raw = self._read(response, what)
                    judge_download(response, raw, self._at(what))
                self._check_coding(response, what)
            except BaseException:
                response.close()
                raise
            return Stream(self._parts(response, one, what), is_framed(response))

        return self._repeat(once, url, what, safe=True, root=root, known=known)

    def post_form(
        self, url: str, form: Callable[[], Form], *, what: str
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Post a form that may be posted again, made anew each time: status, headers and body.

        For token endpoints: only a redirect or a busy server is an error here.
        """

        def once(more: Mapping[str, str]) -> tuple[int, Mapping[str, str], bytes]:
            made = form()
            wanted = {
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
                "Content-Type": "application/x-www-form-urlencoded",
            }
            data = urlencode(made.fields).encode()
            response, raw = self._once("POST", url, what, data, {**wanted, **made.headers, **more})
            status = response.status_code
            if status in REDIRECTS:
                raise redirected(status, response.headers.get("Location", ""), self._at(what))
            problem = failure(
                status, self._at(what), wait=retry_after(response.headers.get("Retry-After"))
            )
            if isinstance(problem, Busy):
                raise problem
            return status, lower(response), raw

        return self._repeat(once, url, what, safe=True)

    def _at(self, what: str) -> str:
        return f"{what} at {host_of(self.base)}"

    def _repeat(
        self,
        once: Callable[[Mapping[str, str]], _T],
        url: str,
        what: str,
        *,
        safe: bool,
        root: str | None = None,
        known: bool = True,
    ) -> _T:
        if not within(url, root or self.base):
            raise BadAnswer(f"{what}: the address is outside the server's base")
        attempt = 0
        renewed = False
        while True:
            asked_for = known and self._authorization is not None
            shown = self._authorization.header() if asked_for and self._authorization else None
            try:
                return once({} if shown is None else {"Authorization": shown})
            except (Busy, Unreachable, BadAnswer) as problem:
                attempt += 1
                # A wrong page is rarely right on asking again, so it is asked for less often.
                most = min(3, self.policy.tries) if isinstance(problem, BadAnswer) else None
                if attempt >= (most or self.policy.tries) or not _may_repeat(problem, safe=safe):
                    raise
                asked = problem.wait if isinstance(problem, Busy) else None
                self.sleep(self.policy.wait(attempt, asked))
                if self.sleep.over:
                    raise
            except Refused as problem:
                # Who is not known has done nothing yet, so even a write may go once more.
                if problem.status != 401 or renewed or shown is None:
                    raise
                renewed = True
                if self._authorization is None or not self._authorization.renew(shown):
                    raise

    def _once(
        self, method: str, url: str, what: str, data: bytes | None, headers: Mapping[str, str]
    ) -> tuple[requests.Response, bytes]:
        with exchange(self.policy.timeout) as one, self._said(one, what):
            response = self._send(method, url, data, headers)
            with response:
                raw = self._read(response, what)
        what = self._at(what)
        if not raw and response.status_code not in (204, 304) and not _announced(response):
            # A head cut short looks like an answer of nothing; no write may believe it.
            raise Unreachable(
                f"{what}: the connection was cut before the answer was complete",
                sent=True,
                advice="try again",
            )
        return response, raw

    def _read(self, response: requests.Response, what: str) -> bytes:
        """The decoded body, stopped at the cap: a small gzip can be a very large text."""
        self._check_coding(response, what)
        parts: list[bytes] = []
        size = 0
        for part in response.iter_content(PART):
            size += len(part)
            if size > self.policy.max_bytes:
                limit = self.policy.max_bytes // (1024 * 1024)
                raise BadAnswer(f"{self._at(what)}: the answer is larger than {limit} MiB")
            parts.append(part)
        return b"".join(parts)

    def _parts(self, response: requests.Response, one: Exchange, what: str) -> Iterator[bytes]:
        parts = parts_of(response, one, self._at(what), self.policy.timeout)
        while True:
            with self._said(one, what):
                part = next(parts, None)
            if part is None:
                return
            yield part

    def _check_coding(self, response: requests.Response, what: str) -> None:
        coding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if coding not in ("identity", "gzip", ""):
            # Nothing else was asked for, and of codings in one another only the last is bounded.
            raise BadAnswer(f"{self._at(what)}: the answer's compression was not asked for")

    def _send(
        self, method: str, url: str, data: bytes | None, headers: Mapping[str, str]
    ) -> requests.Response:
        return self._session.request(
            method,
            url,
            data=data,
            headers={"User-Agent": "fhirkit", **headers},
            timeout=(min(10.0, self.policy.timeout), self.policy.timeout),
            allow_redirects=False,
            stream=True,
        )

    @contextmanager
    def _said(self, one: Exchange, what: str) -> Iterator[None]:
        """What goes wrong on the wire, as one of our errors."""
        try:
            yield
        except (requests.exceptions.ContentDecodingError, urllib3.exceptions.DecodeError):
            raise BadAnswer(f"{self._at(what)}: the answer's compression is broken") from None
        except _FAILURES as problem:
            raise unreachable(problem, one, self._at(what), self.policy.timeout) from None


class _Session(requests.Session):
    """Knows no redirects: requests reads a redirect's body whole even when it does not follow."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """None; what a redirect means is judged with the other answers."""
        del resp
        return None


_FAILURES = (
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    OSError,
    ValueError,  # a malformed status line or header, raised by http.client's own parsing
)


def _announced(response: requests.Response) -> bool:
    """Whether the head says how long the body is, so that an empty one is meant."""
    return "Content-Length" in response.headers or "Transfer-Encoding" in response.headers


def _may_repeat(problem: FhirkitError, *, safe: bool) -> bool:
    if isinstance(problem, Untrusted):
        return False
    return safe or (isinstance(problem, Unreachable) and not problem.sent)
