"""OAuth 2 access tokens for a machine (RFC 6749 section 4.4), fetched when needed, kept in memory.

The client shows itself by its secret or by a signed assertion (SMART Backend Services). A token
that is about to expire is fetched anew; one that the server takes no more is fetched once more.
A token endpoint that the FHIR server names must lie on the server's own origin, or be given by
its user: a server must not choose where secrets go.
"""

from __future__ import annotations

import base64
import math
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import NoneType
from typing import Any, Protocol
from urllib.parse import quote_plus, urlsplit

from fhirkit.core.errors import BadAnswer, Blocked, InvalidInput, Refused, UsageError
from fhirkit.core.jsonio import loads
from fhirkit.remote.address import host_of, is_loopback, origin_of, within
from fhirkit.remote.answers import http_date
from fhirkit.remote.assertion import Signer
from fhirkit.remote.authorization import checked_token
from fhirkit.remote.scopes import missing
from fhirkit.remote.secret import Secret
from fhirkit.remote.transport import Form, Transport

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#: A token without a lifetime is used this long; one with a very long one is not kept longer than
#: a day, so that a withdrawn token is noticed.
_UNSAID, _LONGEST = 60.0, 86_400.0
#: A token is not used in its last seconds: the request has to arrive as well.
_MARGIN = 15.0
#: Clocks further apart than this are told of when a signed assertion is refused.
_SKEW = 60.0
#: The errors that RFC 6749 section 5.2 names; others are not repeated, they could hold anything.
_ERRORS = frozenset(
    {
        "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client",
        "unsupported_grant_type", "invalid_scope",
    }
)  # fmt: skip


class ClientProof(Protocol):
    """How a client shows who it is at the token endpoint."""

    def prove(self, endpoint: str) -> tuple[dict[str, str], dict[str, str]]:
        """Form fields and headers for one request; another one for each request."""


class SecretProof:
    """A client's id and secret in the Authorization header (RFC 6749 section 2.3.1)."""

    def __init__(self, client_id: str, secret: Secret, *, in_body: bool = False) -> None:
        self._client_id, self._secret, self._in_body = client_id, secret, in_body

    def __repr__(self) -> str:
        return "SecretProof(…)"

    def prove(self, endpoint: str) -> tuple[dict[str, str], dict[str, str]]:
        """The pair, form-encoded and in base64, or as fields where the server takes only these."""
        del endpoint
        secret = self._secret.reveal()
        if self._in_body:
            return {"client_id": self._client_id, "client_secret": secret}, {}
        pair = f"{quote_plus(self._client_id)}:{quote_plus(secret)}"
        return {}, {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


class AssertionProof:
    """An assertion signed with the client's private key."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def __repr__(self) -> str:
        return f"AssertionProof({self._signer!r})"

    def prove(self, endpoint: str) -> tuple[dict[str, str], dict[str, str]]:
        """A new assertion, good for this endpoint and a few minutes."""
        assertion = self._signer.assertion(endpoint)
        return {"client_assertion_type": _ASSERTION, "client_assertion": assertion}, {}


class OAuth:
    """Access tokens from one endpoint. Safe to share between threads: one fetches, all use it."""

    def __init__(
        self,
        endpoint: str,
        proof: ClientProof,
        *,
        scope: str | None,
        transport: Transport,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._endpoint, self._proof, self._scope = endpoint, proof, scope
        self._transport, self._clock, self._now = transport, clock, now
        self._lock = threading.Lock()
        self._token: Secret | None = None
        self._good_until = 0.0

    def __repr__(self) -> str:
        return f"OAuth({host_of(self._endpoint)}, …)"

    def header(self) -> str:
        """``Bearer`` and a token that is still good; fetched when there is none."""
        with self._lock:
            token = self._token
            if token is None or self._clock() >= self._good_until:
                token = self._token = self._fetch()
            return f"Bearer {token.reveal()}"

    def renew(self, refused: str) -> bool:
        """Forget the refused token, unless another thread has fetched one since."""
        with self._lock:
            if self._token is not None and f"Bearer {self._token.reveal()}" == refused:
                self._token = None
            return True

    def _fetch(self) -> Secret:
        what = "access token"
        asked_at = self._clock()

        def form() -> Form:
            fields, headers = self._proof.prove(self._endpoint)
            scope = {"scope": self._scope} if self._scope else {}
            return Form({"grant_type": "client_credentials", **scope, **fields}, headers)

        status, headers, raw = self._transport.post_form(self._endpoint, form, what=what)
        table = _table(raw)
        if status != 200:
            raise self._refused(status, headers, table)
        if table is None:
            raise BadAnswer(
                f"{what} at {host_of(self._endpoint)}: the answer is not JSON",
                advice="check --token-url, and whether a log-in page answers",
            )
        return self._accept(table, asked_at, f"{what} at {host_of(self._endpoint)}")

    def _accept(self, table: dict[str, Any], asked_at: float, what: str) -> Secret:
        text, kind = table.get("access_token"), table.get("token_type")
        if not isinstance(text, str) or not isinstance(kind, str) or kind.lower() != "bearer":
            raise BadAnswer(f"{what}: the answer holds no bearer token")
        try:
            token = checked_token(Secret(text))
        except UsageError:
            raise BadAnswer(f"{what}: the token holds characters that no token has") from None
        granted = table.get("scope")
        if self._scope and isinstance(granted, str):
            lacking = missing(self._scope, granted)
            if lacking:
                raise Blocked(
                    f"{what}: the server grants less than was asked; lacking: {' '.join(lacking)}",
                    advice="nothing was read or written; have the scopes allowed, or ask for "
                    "less with --scope",
                )
        self._good_until = asked_at + _lifetime(table.get("expires_in"))
        return token

    def _refused(
        self, status: int, headers: Mapping[str, str], table: dict[str, Any] | None
    ) -> Refused:
        what = f"access token at {host_of(self._endpoint)}"
        error = table.get("error") if table is not None else None
        known = error if isinstance(error, str) and error in _ERRORS else None
        said = f": {known}" if known else ""
        advice = "check --client-id, the secret, and what the client is allowed to do"
        if known == "invalid_scope":
            advice = "check --scope against what the client is allowed to do"
        skew = self._skew(headers)
        if isinstance(self._proof, AssertionProof) and abs(skew) > _SKEW:
            ahead = "ahead of" if skew > 0 else "behind"
            advice = (
                f"this machine's clock is {abs(skew) / 60:.0f} min {ahead} the server's; a signed "
                "assertion needs the right time: set the clock"
            )
        # Whatever the token endpoint said, for the base it is a 401: its 404 must never be read as
        # "this resource is not there".
        return Refused(f"{what}: refused (HTTP {status}){said}", status=401, advice=advice)

    def _skew(self, headers: Mapping[str, str]) -> float:
        """Seconds by which our clock is ahead of the server's; 0 when the server does not say."""
        theirs = http_date(headers.get("date"))
        return 0.0 if theirs is None else (self._now() - theirs).total_seconds()


def discover(base: str, transport: Transport) -> tuple[str, bool]:
    """The token endpoint that a FHIR server names, and whether it takes secrets only in the body.

    https://hl7.org/fhir/smart-app-launch/conformance.html. ``Blocked`` for one on another origin.
    """
    what = ".well-known/smart-configuration"
    try:
        found = transport.download(
            f"{base}/.well-known/smart-configuration", what=what, accept="application/json"
        )
    except Refused as problem:
        raise UsageError(
            f"{problem.message}; so the token endpoint is not known",
            advice="give it with --token-url",
        ) from None
    table = None if found.redirect is not None else _table(found.data)
    endpoint = table.get("token_endpoint") if table is not None else None
    if table is None or not isinstance(endpoint, str):
        raise UsageError(
            f"{what} at {host_of(base)} names no token endpoint", advice="give it with --token-url"
        )
    if not within(endpoint, origin_of(base)):
        raise Blocked(
            f"{what} at {host_of(base)} sends us to {host_of(endpoint)} for a token",
            advice="if that is right, say so yourself: --token-url with its https address",
        )
    methods = table.get("token_endpoint_auth_methods_supported")
    in_body = isinstance(methods, list) and (
        "client_secret_post" in methods and "client_secret_basic" not in methods
    )
    return endpoint, in_body


def checked_endpoint(url: str) -> str:
    """A token endpoint that was given; ``UsageError`` unless https, or on this machine."""
    try:
        parts = urlsplit(url)
        good = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good or "@" in parts.netloc or parts.fragment or parts.scheme not in ("http", "https"):
        raise UsageError("--token-url is not an https address that can be used")
    if parts.scheme == "http" and not is_loopback(url):
        raise UsageError("--token-url is plain http, and a secret is not sent so")
    return url


def _lifetime(said: Any) -> float:
    """Seconds a token may be used: short where the server says nothing that can be believed."""
    try:
        seconds = _UNSAID if isinstance(said, (bool, dict, list, NoneType)) else float(said)
    except (ValueError, OverflowError):
        seconds = _UNSAID
    if not math.isfinite(seconds):
        seconds = _UNSAID
    seconds = max(0.0, min(seconds, _LONGEST))
    return seconds - min(_MARGIN, seconds / 4)


def _table(raw: bytes) -> dict[str, Any] | None:
    try:
        value = loads(raw)
    except InvalidInput:
        return None
    return value if isinstance(value, dict) else None
