"""Raw HTTP answers judged: a FHIR answer, a file, or the error that says what came instead.

Messages name interaction, type, host and status. Nothing of a body, a header or a URL's query
gets into them.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from fhirkit.core.errors import BadAnswer, InvalidInput, Refused, Unreachable
from fhirkit.core.jsonio import loads
from fhirkit.remote.address import host_of
from fhirkit.remote.failures import Unchanged, failure

if TYPE_CHECKING:
    import requests  # noqa: TID251  # this package is the one that may

    from fhirkit.remote.deadline import Exchange

REDIRECTS = (301, 302, 303, 307, 308)


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


class Untrusted(Unreachable):
    """The server's certificate is not trusted: asking again does not help."""


def judge(response: requests.Response, raw: bytes, what: str) -> Answer:
    """The FHIR answer in a response; its error for a redirect, an error status or no FHIR JSON."""
    status = response.status_code
    headers = lower(response)
    body = _parse(raw)
    if status == 304:
        raise Unchanged(f"{what}: unchanged (HTTP 304)", status=status)
    if 300 <= status < 400:
        raise redirected(status, headers.get("location", ""), what)
    if status >= 400:
        outcome = body if _is(body, "OperationOutcome") else None
        if status in (404, 410) and outcome is None and raw.strip():
            # Only FHIR may say that a resource is not there: a proxy's page says nothing.
            problem = BadAnswer(
                f"{what}: HTTP {status} without an OperationOutcome, so no FHIR server answered",
                advice="check the base URL: often it ends with /fhir",
            )
            problem.status = status
            raise problem
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


def lower(response: requests.Response) -> dict[str, str]:
    """The headers by their names in lower case."""
    return {name.lower(): value for name, value in response.headers.items()}


def outcome_in(raw: bytes) -> dict[str, Any] | None:
    """The OperationOutcome that a body is; None for anything else."""
    body = _parse(raw)
    return body if _is(body, "OperationOutcome") else None


def judge_download(response: requests.Response, raw: bytes, what: str) -> Download:
    """The file in a response, or where a redirect says that it is."""
    status = response.status_code
    if status in REDIRECTS:
        return Download(b"", response.headers.get("Location", ""))
    if status >= 400:
        wait = retry_after(response.headers.get("Retry-After"))
        problem = failure(status, what, wait=wait)
        # Nobody can be in conflict by reading, whatever the status says.
        raise problem if isinstance(problem, Refused) else Refused(problem.message, status=status)
    if status != 200:
        raise BadAnswer(f"{what}: unexpected HTTP {status}")
    return Download(raw)


def redirected(status: int, location: str, what: str) -> Refused:
    """The error for a redirect, with its target's host and nothing else of it."""
    return Refused(
        f"{what}: redirected to {host_of(location)} (HTTP {status}), which is not followed",
        status=status,
        advice="if that is where the server is, use its address",
    )


def retry_after(text: str | None) -> float | None:
    """Retry-After as seconds from now, never negative; None when absent or unreadable.

    https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    moment = http_date(text)
    return None if moment is None else max(0.0, (moment - datetime.now(UTC)).total_seconds())


def http_date(text: str | None) -> datetime | None:
    """An HTTP date (``Date``, ``Retry-After``) as a moment; None when it is none."""
    try:
        moment = parsedate_to_datetime(text or "")
    except (TypeError, ValueError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def unreachable(problem: Exception, one: Exchange, what: str, timeout: float) -> Unreachable:
    """The error for an exchange that gave no whole answer; says why, as far as it is known."""
    chain = _chain(problem)
    advice = "is the server running, and is its address right?"
    if one.expired:
        said, advice = f"no complete answer within {timeout:g} s", "try again, or --timeout"
    elif any(_about_trust(link, sent=one.sent) for link in chain):
        said, advice = _distrust(chain)
        return Untrusted(f"{what}: {said}", sent=one.sent, advice=advice)
    elif any(isinstance(link, socket.gaierror) for link in chain):
        said = "the host's name is not known"
    elif any(isinstance(link, ConnectionRefusedError) for link in chain):
        said = "nothing listens there"
    elif one.sent:
        said, advice = "the connection was cut before the answer was complete", "try again"
    else:
        said = "no connection"
    return Unreachable(f"{what}: {said}", sent=one.sent, advice=advice)


def _about_trust(link: BaseException, *, sent: bool) -> bool:
    """Whether a TLS error is about who is who; a connection that breaks later is not."""
    if isinstance(link, (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)):
        return not sent
    return isinstance(link, ssl.SSLError)


def _distrust(chain: list[BaseException]) -> tuple[str, str]:
    """What is wrong with the secure connection; asking again does not help any of these."""
    for link in chain:
        if isinstance(link, ssl.SSLCertVerificationError):
            # The codes are OpenSSL's X509_V_ERR_*: expired, and the host's name.
            if link.verify_code == 10:
                return "its certificate is expired", "the server's keeper has to renew it"
            if link.verify_code in (62, 63, 64):
                return "its certificate is for another host", "use the host that it names"
            return "its certificate is not trusted", "name your certificates with --ca-bundle"
    reasons = [str(link.reason or "") for link in chain if isinstance(link, ssl.SSLError)]
    if any("PROTOCOL" in reason for reason in reasons):
        return "it speaks no TLS that is safe (1.2 at least)", "the server's keeper has to renew it"
    if any("CERTIFICATE" in reason for reason in reasons):
        return (
            "it does not accept our certificate, or asks for one",
            "name it with --client-cert and --client-key",
        )
    return "no secure connection could be made", "is it https at this address and port?"


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
