"""What leaves, what is believed, and how long one waits: against a server of raw answers."""

from __future__ import annotations

import gzip
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from raw_server import OK, QUICK, Raw, http

from fhirkit.core.errors import BadAnswer, Conflict, Refused, Unreachable, UsageError
from fhirkit.core.resource import ResourceKey
from fhirkit.remote import Client, Policy, Transport
from fhirkit.remote.answers import retry_after
from fhirkit.remote.failures import Busy

P = ResourceKey("Patient", "p")
WRAPPED = (
    b'{"resourceType":"Parameters","parameter":[{"name":"return","resource":'
    b'{"resourceType":"OperationOutcome","issue":[]}}]}'
)


def test_n19_nothing_leaves_that_was_not_asked_for(
    raw: Raw, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    for name, value in {"HOME": str(tmp_path), "NETRC": str(tmp_path / ".netrc"),
                        "http_proxy": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1",
                        "ALL_PROXY": "http://127.0.0.1:1"}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    client = raw.client(token="abc")
    raw.answers = [http("200 OK", OK, "Set-Cookie: a=b; Path=/"), http("200 OK", OK)]
    assert client.read(P) == {"resourceType": "Patient", "id": "p"}
    client.read(P)
    for request in raw.requests:
        head = request.lower()
        assert b"authorization: bearer abc\r\n" in head
        assert b"cookie" not in head
        assert b"accept-encoding: gzip\r\n" in head
        assert b"basic" not in head


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_n01_no_redirect_is_followed(raw: Raw, status: int) -> None:
    other = "Location: http://elsewhere.example/fhir/Patient?name=secret"
    raw.answers = [http(f"{status} Moved", b"", other)]
    with pytest.raises(Refused, match=r"elsewhere\.example") as caught:
        raw.client(token="abc").read(P)
    assert "secret" not in str(caught.value)
    assert len(raw.requests) == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (http("200 OK", OK[:-5], f"Content-Length: {len(OK)}", "Connection: close"), Unreachable),
        (http("200 OK", OK, f"Content-Length: {len(OK) - 3}"), BadAnswer),
        (http("200 OK", b"<html>", "Content-Type: text/html"), BadAnswer),
        (http("200 OK", b""), BadAnswer),
        (http("200 OK", b"[]"), BadAnswer),
        (http("200 OK", b'{"resourceType":"OperationOutcome"}'), BadAnswer),
        (http("200 OK", b'{"resourceType":"Patient","id":"other"}'), BadAnswer),
        (http("200 OK", b'{"resourceType":"Patient","id":"p","id":"p"}'), BadAnswer),
        (http("200 OK", OK[:-1] + b',"a":NaN}'), BadAnswer),
        (http("200 OK", b"garbage", "Content-Encoding: gzip"), BadAnswer),
        (http("200 OK", gzip.compress(b" " * 10_000_000), "Content-Encoding: gzip"), BadAnswer),
        (http("200 OK", b" " * 200_000), BadAnswer),
        (http("404 Not Found", b"<html>"), BadAnswer),
        (http("304 Not Modified"), Refused),
        (b"not http at all\r\n\r\n", Unreachable),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 300 + b"\r\n", Unreachable),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", Unreachable),
        (b"", Unreachable),
    ],
)  # fmt: skip
def test_n14_what_is_not_an_answer(raw: Raw, answer: bytes, error: type[Exception]) -> None:
    raw.answers = [answer] * 3
    with pytest.raises(error) as caught:
        raw.client().read(P)
    assert "/p" not in str(caught.value), "an id may be a person's number"


@pytest.mark.parametrize("status", [404, 410])
def test_only_fhir_can_say_that_a_resource_is_not_there(raw: Raw, status: int) -> None:
    raw.answers = [http(f"{status} X", b'{"resourceType":"OperationOutcome"}')]
    assert raw.client().read(P) is None


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [(400, Refused, 5), (401, Refused, 5), (403, Refused, 5), (405, Refused, 5), (409, Conflict, 4),
     (412, Conflict, 4), (422, Refused, 5), (429, Busy, 5), (500, Busy, 5), (501, Refused, 5),
     (503, Busy, 5), (504, Busy, 5), (418, Refused, 5), (599, Busy, 5)],
)  # fmt: skip
def test_n15_one_table_of_statuses(
    raw: Raw, status: int, error: type[Exception], code: int
) -> None:
    outcome = b'{"resourceType":"OperationOutcome","issue":[{"diagnostics":"secret"}]}'
    raw.answers = [http(f"{status} X", outcome)] * 3
    with pytest.raises(error) as caught:
        raw.client().update({"resourceType": "Patient", "id": "p"})
    assert caught.value.exit_code == code  # type: ignore[attr-defined]
    assert caught.value.status == status  # type: ignore[attr-defined]
    assert "secret" not in str(caught.value)
    assert len(raw.requests) == 1, "a write is sent once"


@pytest.mark.parametrize(
    ("pause", "body"), [(0.1, b""), (0.02, b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")]
)
def test_n08_the_deadline_holds_for_heads_and_bodies_that_drip(
    raw: Raw, pause: float, body: bytes
) -> None:
    def drips(handler: Any) -> None:
        handler.wfile.write(body or b"HTTP/1.1 200 OK\r\n")
        for _ in range(1000):
            handler.wfile.write(b"X: y\r\n" if not body else b" ")
            time.sleep(pause)

    raw.answers = [drips]
    started = time.monotonic()
    with pytest.raises(Unreachable, match="within"):
        raw.client(patient=False).update({"resourceType": "Patient", "id": "p"})
    assert time.monotonic() - started < 15, "all the drips would take more than 20 s"


def test_n10_reads_are_repeated_and_waits_are_the_servers_but_capped(raw: Raw) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(days=2), usegmt=True)
    raw.answers = [
        http("429 X", b"", "Retry-After: 86400"),
        http("503 X", b"", f"Retry-After: {later}"),
        http("200 OK", OK),
    ]
    assert raw.client().read(P) is not None
    assert raw.waits == [0.05, 0.05]


def test_n09_a_write_that_never_left_may_be_tried_again() -> None:
    waits: list[float] = []
    transport = Transport("http://127.0.0.1:1/fhir", policy=QUICK, sleep=waits.append)
    with pytest.raises(Unreachable) as caught:
        Client("", transport=transport).update({"resourceType": "Patient", "id": "p"})
    assert not caught.value.sent
    assert len(waits) == 2


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [(None, None, None), ("7", 7, 7), ("-3", None, None), ("soon", None, None), ("", None, None),
     ("9" * 400, 1e8, 1e9), ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
     ("1.5", None, None), ("٣", None, None)],
)  # fmt: skip
def test_n10_retry_after(text: str | None, low: float | None, high: float | None) -> None:
    found = retry_after(text)
    assert (found is None) == (low is None)
    if found is not None and low is not None and high is not None:
        assert low <= found <= high


def test_full_jitter_is_bounded_and_varies() -> None:
    policy = Policy(first_wait=1.0, longest_wait=4.0)
    waits = [policy.wait(9) for _ in range(200)]
    assert max(waits) <= 4.0
    assert len(set(waits)) > 50
    assert policy.wait(0, 3.0) == 3.0


def test_a_token_is_kept_from_plain_http_and_bad_characters() -> None:
    with pytest.raises(UsageError):
        Transport("http://a.example/fhir", token="abc")
    for token in ("a\r\nX: y", "", " ", "ü"):
        with pytest.raises(UsageError):
            Transport("https://a.example/fhir", token=token)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("200 OK", b'{"resourceType":"OperationOutcome","issue":[]}'),
        ("400 Bad", b'{"resourceType":"OperationOutcome","issue":[]}'),
        ("422 Bad", b'{"resourceType":"OperationOutcome","issue":[]}'),
        ("200 OK", WRAPPED),
    ],
)
def test_validate_gives_the_outcome(raw: Raw, status: str, body: bytes) -> None:
    raw.answers = [http(status, body)]
    found = raw.client().validate({"resourceType": "Patient"})
    assert found == {"resourceType": "OperationOutcome", "issue": []}
    assert raw.requests[0].startswith(b"POST /fhir/Patient/$validate ")


def test_n18_umlauts_come_through_whatever_the_type_says(raw: Raw) -> None:
    body = '{"resourceType":"Patient","id":"p","name":[{"text":"Mül"}]}'.encode()
    raw.answers = [http("200 OK", body, "Content-Type: text/plain")]
    found = raw.client().read(P)
    assert found is not None
    assert found["name"][0]["text"] == "Mül"
