"""Network faults by their ids N1 to N20; those with a server's state are in tests/faults.

`test_transport.py` holds the others of them (N1, N8, N9, N10, N14, N15, N18, N19).
"""

from __future__ import annotations

import gzip
import json
import ssl
import sys
import time
import tracemalloc
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from raw_server import OK, QUICK, Raw, http

from fhirkit.core.errors import BadAnswer, Conflict, Incomplete, Refused, Unreachable, UsageError
from fhirkit.core.resource import ResourceKey
from fhirkit.remote import Client, Policy, Transport
from fhirkit.remote.address import within
from fhirkit.remote.client import version_of
from fhirkit.remote.tls import Tls
from fhirkit.remote.transport import Form

P = ResourceKey("Patient", "p")
PATIENT = {"resourceType": "Patient", "id": "p"}
CANARY = "c4nary-9f2e"


@pytest.fixture
def other() -> Iterator[Raw]:
    server = Raw()
    yield server
    server.close()


def page(raw: Raw, number: int, following: str | None, **more: Any) -> bytes:
    links = [{"relation": "self", "url": f"{raw.url}/Patient"}]
    if following is not None:
        links.append({"relation": "next", "url": following})
    entry = {"resource": {"resourceType": "Patient", "id": f"p{number}"}}
    bundle = {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": links,
        "entry": [entry],
        **more,
    }
    return http("200 OK", json.dumps(bundle).encode())


def ask(raw: Raw, **more: Any) -> Client:
    return raw.client(**more)


# -- N1, N2, N3: nothing goes to another origin -----------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "form"])
def test_n01_n02_neither_token_nor_body_follow_a_redirect(
    raw: Raw, other: Raw, status: int, method: str
) -> None:
    client = ask(raw, token=CANARY)
    raw.answers = [http(f"{status} X", b"", f"Location: {other.url}/Patient/p?name={CANARY}")] * 3
    acts = {
        "GET": lambda: client.read(P),
        "PUT": lambda: client.update(PATIENT),
        "POST": lambda: client.create(PATIENT),
        "form": lambda: client.transport.post_form(
            f"{raw.url}/x", lambda: Form({"a": CANARY}, {}), what="form"
        ),
    }
    with pytest.raises(Refused) as caught:
        acts[method]()
    assert other.requests == []
    assert CANARY not in f"{caught.value}{caught.value.advice}"
    assert len(raw.requests) == 1
    # A download hands the target back, and it cannot be asked through this transport.
    raw.answers = [http(f"{status} X", b"", f"Location: {other.url}/file")]
    found = client.transport.download(f"{raw.url}/file", what="file", accept="*/*")
    with pytest.raises(BadAnswer, match="outside"):
        client.transport.download(found.redirect or "", what="file", accept="*/*")
    assert other.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "https://fhir.example.evil.example/r4/Patient", "https://fhir.example@evil.example/r4/Patient",
        "https://evil.example/https://fhir.example/r4", "https://fhir.example:8443/r4/Patient",
        "https://fhir.example./r4/Patient", "http://fhir.example/r4/Patient",
        "https://fhir.exampl\u0435/r4/Patient", "https://xn--fhir.example/r4/Patient",
        "https://fhir.example\\@evil.example/r4", "https://fhir.example%2eevil.example/r4",
        "https:///fhir.example/r4/Patient", "//fhir.example/r4/Patient", "/r4/Patient", "",
        "https://fhir.example/r4x/Patient", "https://fhir.example/r4/../secret",
        "https://fhir.example/r4/%2e%2e/secret",
    ],
)  # fmt: skip
def test_n03_what_only_looks_like_the_base_gets_nothing(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    transport = Transport("https://fhir.example/r4", token=CANARY, policy=QUICK)
    monkeypatch.setattr(transport._session, "request", lambda *a, **k: asked.append(a))
    with pytest.raises(BadAnswer, match="outside") as caught:
        transport.request("GET", url, what="read")
    assert asked == []
    assert CANARY not in str(caught.value)
    assert within("https://FHIR.example:443/r4/Patient", "https://fhir.example/r4")


# -- N4: addresses out of data ----------------------------------------------------------------


@pytest.mark.parametrize(
    "link",
    [
        "http://169.254.169.254/latest/meta-data", "http://[::1]:1/Patient?x=1", "http://0x7f.1/x",
        "http://127.0.0.1:1/Patient?page=2", "file:///etc/passwd", "gopher://127.0.0.1:1/_x",
        "ftp://127.0.0.1/Patient", "data:application/json,{}", "javascript:x", "http://[",
        "http://2130706433/", "\\\\host\\share",
    ],
)  # fmt: skip
def test_n04_links_in_answers_never_choose_the_host(raw: Raw, link: str) -> None:
    """Either it is moved under our base, or the search fails; nobody else is asked."""
    client = ask(raw, token=CANARY)
    raw.answers = [page(raw, 1, link, total=2), page(raw, 2, None, total=2)]
    try:
        found = client.search("Patient")
    except BadAnswer:
        assert len(raw.requests) == 1
    else:
        assert len(found.resources) == 2
        assert raw.requests[1].startswith(b"GET /fhir/")


# -- N5: TLS ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def secure_server(certificate: trustme.LeafCert, change: Any = None) -> Raw:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    if change is not None:
        change(context)
    server = Raw(context)
    server.answers = [http("200 OK", OK)] * 5
    return server


def plain_server() -> Raw:
    """Speaks plain HTTP, and answers what it does not understand as such servers do."""

    class Plain(Raw):
        def look(self, connection: Any) -> Any:
            connection.recv(1000)
            connection.sendall(http("400 Bad Request"))
            return connection

    return Plain()


def secure_client(server: Raw, tls: Tls) -> Client:
    url = server.url.replace("127.0.0.1", "localhost")
    policy = Policy(timeout=5, tries=3, first_wait=0.01, longest_wait=0.05)
    return Client(url, transport=Transport(url, policy=policy, tls=tls, token=CANARY))


def test_n05_a_hospitals_own_authority_is_trusted_by_its_file(
    authority: trustme.CA, tmp_path: Path
) -> None:
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(bundle)
    server = secure_server(authority.issue_cert("localhost"))
    assert secure_client(server, Tls(str(bundle))).read(P) == PATIENT
    assert b"authorization: bearer" in server.requests[0].lower()
    server.close()


@pytest.mark.parametrize(
    "case", ["unknown", "not named", "expired", "other host", "TLS 1.1", "plain"]
)
def test_n05_what_is_not_safe_is_refused_once_and_gets_nothing(
    authority: trustme.CA, tmp_path: Path, case: str
) -> None:
    bundle = tmp_path / "ca.pem"
    (trustme.CA() if case == "unknown" else authority).cert_pem.write_to_path(bundle)
    past = datetime.now(UTC) - timedelta(days=1)
    certificate = {
        "expired": lambda: authority.issue_cert("localhost", not_after=past),
        "other host": lambda: authority.issue_cert("elsewhere.example"),
    }.get(case, lambda: authority.issue_cert("localhost"))()

    def old(context: ssl.SSLContext) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")

    if case == "plain":
        server = plain_server()
        server.url = server.url.replace("http:", "https:")
    else:
        server = secure_server(certificate, old if case == "TLS 1.1" else None)
    tls = Tls(None if case == "not named" else str(bundle))
    client = secure_client(server, tls)
    said = {"expired": "expired", "other host": "another host", "TLS 1.1": "TLS",
            "plain": "secure connection"}.get(case, "not trusted")  # fmt: skip
    with pytest.raises(Unreachable, match=said) as caught:
        client.read(P)
    assert not caught.value.sent
    assert server.requests == []
    server.close()


def test_n05_no_variable_of_the_environment_adds_trust(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle, another = tmp_path / "ca.pem", tmp_path / "other.pem"
    authority.cert_pem.write_to_path(bundle)
    trustme.CA().cert_pem.write_to_path(another)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(bundle))
    server = secure_server(authority.issue_cert("localhost"))
    with pytest.raises(Unreachable, match="not trusted"):
        secure_client(server, Tls(str(another))).read(P)
    server.close()
    (tmp_path / "bad").write_text("x")
    with pytest.raises(UsageError, match="no PEM"):
        Tls(str(tmp_path / "bad")).context()
    with pytest.raises(UsageError, match="cannot be read"):
        Tls(str(tmp_path / "missing")).context()


def test_n05_a_machine_without_certificates_has_those_that_come_with_us(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from fhirkit.remote import tls

    assert not tls._store_is_empty() or not list(Path("/etc/ssl/certs").glob("*"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert tls._store_is_empty() == sys.platform.startswith("linux")
    assert Tls().context().verify_mode is ssl.CERT_REQUIRED


def test_n05_mutual_tls(authority: trustme.CA, tmp_path: Path) -> None:
    bundle, certificate, key = tmp_path / "ca.pem", tmp_path / "c.pem", tmp_path / "k.pem"
    authority.cert_pem.write_to_path(bundle)
    ours = authority.issue_cert("client@our.example")
    ours.cert_chain_pems[0].write_to_path(certificate)
    ours.private_key_pem.write_to_path(key)
    key.chmod(0o600)

    def wants_us(context: ssl.SSLContext) -> None:
        context.verify_mode = ssl.CERT_REQUIRED
        authority.configure_trust(context)

    server = secure_server(authority.issue_cert("localhost"), wants_us)
    tls = Tls(str(bundle), str(certificate), str(key))
    assert secure_client(server, tls).read(P) == PATIENT
    with pytest.raises(Unreachable, match=r"certificate, or asks for one|cut"):
        secure_client(server, Tls(str(bundle))).read(P)
    server.close()
    key.chmod(0o644)
    with pytest.raises(UsageError, match="others"):
        tls.context()
    key.chmod(0o600)
    key.write_text("x")
    with pytest.raises(UsageError, match="PEM"):
        tls.context()
    with pytest.raises(UsageError, match="--client-cert"):
        Tls(client_key=str(key)).context()


# -- N6, N7, N8, N9: bytes --------------------------------------------------------------------


@pytest.mark.parametrize("status", ["200 OK", "500 X", "404 X", "302 X"])
@pytest.mark.parametrize("coding", ["gzip", "gzip, gzip", "deflate"])
def test_n06_a_bomb_is_stopped_at_the_cap(raw: Raw, status: str, coding: str) -> None:
    import zlib

    text = b" " * 100_000_000
    data = zlib.compress(text) if coding == "deflate" else gzip.compress(text)
    if coding == "gzip, gzip":
        data = gzip.compress(data)
    raw.answers = [http(status, data, f"Content-Encoding: {coding}", "Location: /x")] * 3
    client = ask(raw)
    tracemalloc.start()
    with pytest.raises((BadAnswer, Refused)):
        client.read(P)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30_000_000, "the cap is on what is decoded, while it is decoded"


@pytest.mark.parametrize(
    "answer",
    [
        http("200 OK", OK, f"Content-Length: {len(OK) + 5}", "Connection: close"),
        http("200 OK", OK, f"Content-Length: {len(OK) - 5}"),
        http("200 OK", OK, f"Content-Length: {len(OK)}", "Content-Length: 5"),
        http("200 OK", OK, "Content-Length: -1", "Connection: close")[:-9],
    ],
    ids=["longer", "shorter", "two", "negative"],
)
@pytest.mark.parametrize("write", [False, True])
def test_n07_a_length_that_is_wrong_is_no_answer(raw: Raw, answer: bytes, write: bool) -> None:
    def cut(handler: Any) -> None:
        handler.wfile.write(answer)

    raw.answers = [cut] * 5
    client = ask(raw)
    with pytest.raises((Unreachable, BadAnswer)) as caught:
        client.update(PATIENT) if write else client.read(P)
    assert len(raw.waits) == (0 if write else 2), "only a read is repeated"
    assert getattr(caught.value, "sent", True)


def test_n08_a_server_that_does_not_read_does_not_hold_us(raw: Raw) -> None:
    import socket

    deaf = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{deaf.getsockname()[1]}/fhir"
    client = Client(url, transport=Transport(url, policy=QUICK))
    started = time.monotonic()
    with pytest.raises(Unreachable, match="within") as caught:
        client.update({**PATIENT, "text": {"div": "x" * 20_000_000}})
    assert time.monotonic() - started < 2
    assert caught.value.sent
    deaf.close()


@pytest.mark.parametrize("kind", ["refused", "unknown", "reset", "half-open", "half a head"])
def test_n09_no_connection_is_tried_again_and_then_code_5(raw: Raw, kind: str) -> None:
    import socket
    import struct

    def reset(handler: Any) -> None:
        handler.wfile.write(http("200 OK", OK)[:-5])
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    waits: list[float] = []
    url = {"refused": "http://127.0.0.1:1/fhir", "unknown": "http://no-such.invalid/fhir"}.get(
        kind, raw.url
    )
    raw.answers = [
        {"reset": reset, "half-open": lambda _: time.sleep(0.8)}.get(
            kind, lambda handler: handler.wfile.write(b"HTTP/1.1 200")
        )
    ] * 3
    client = Client(url, transport=Transport(url, policy=QUICK, sleep=waits.append))
    with pytest.raises(Unreachable) as caught:
        client.read(P)
    assert caught.value.exit_code == 5
    assert len(waits) == 2
    assert all(0 <= wait <= QUICK.longest_wait for wait in waits)


@pytest.mark.parametrize("text", [None, "-5", "1.5", "soon", "", "0"])
def test_n10_a_wait_that_cannot_be_read_is_our_own(raw: Raw, text: str | None) -> None:
    headers = [] if text is None else [f"Retry-After: {text}"]
    raw.answers = [http("503 X", b"", *headers), http("200 OK", OK)]
    client = ask(raw)
    assert client.read(P) is not None
    assert len(raw.waits) == 1
    assert 0 <= raw.waits[0] <= 0.05


# -- N11, N12, N13: creations -----------------------------------------------------------------


@pytest.mark.parametrize("interaction", ["create", "update", "transaction", "delete"])
def test_n11_a_write_without_an_answer_is_sent_once_and_said_to_be_in_doubt(
    raw: Raw, interaction: str
) -> None:
    raw.answers = [b""] * 5
    client = ask(raw)
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": []}
    acts = {
        "create": lambda: client.create(PATIENT),
        "update": lambda: client.update(PATIENT),
        "transaction": lambda: client.transaction(bundle),
        "delete": lambda: client.delete(P),
    }
    with pytest.raises(Unreachable) as caught:
        acts[interaction]()
    assert caught.value.sent
    assert len(raw.requests) == 1


def test_n12_several_matches_of_a_conditional_create_are_a_conflict(raw: Raw) -> None:
    raw.answers = [http("412 X", b'{"resourceType":"OperationOutcome"}')] * 3
    client = ask(raw)
    with pytest.raises(Conflict) as caught:
        client.create(PATIENT, if_none_exist="?identifier=a|b")
    assert caught.value.exit_code == 4
    assert len(raw.requests) == 1, "nothing is made good in silence"
    assert b"if-none-exist: identifier=a|b\r\n" in raw.requests[0].lower()


def entry(method: str, url: str, **more: str) -> dict[str, Any]:
    return {"resource": PATIENT, "request": {"method": method, "url": url, **more}}


@pytest.mark.parametrize(
    ("first", "second", "twins"),
    [
        (entry("PUT", "Patient?identifier=a|b"), entry("PUT", "Patient?identifier=a|b"), True),
        (entry("PUT", "Patient?a=1&b=2"), entry("PUT", "Patient?b=2&a=1"), True),
        (entry("PUT", "Patient/p"), entry("PUT", "/Patient/p"), True),
        (entry("PUT", "Patient/p"), entry("DELETE", "Patient/p"), True),
        (entry("POST", "Patient", ifNoneExist="a=1"), entry("POST", "Patient", ifNoneExist="?a=1"),
         True),
        (entry("POST", "Patient"), entry("POST", "Patient"), False),
        (entry("POST", "Patient", ifNoneExist="a=1"), entry("POST", "Group", ifNoneExist="a=1"),
         False),
        (entry("PUT", "Patient/p"), entry("GET", "Patient/p"), False),
        (entry("PUT", "Patient/p"), entry("PUT", "Patient/q"), False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["transaction", "batch"])
def test_n13_one_identity_twice_in_a_bundle_is_not_sent(
    raw: Raw, first: dict[str, Any], second: dict[str, Any], twins: bool, kind: str
) -> None:
    answer = {"resourceType": "Bundle", "type": f"{kind}-response"}
    raw.answers = [http("200 OK", json.dumps(answer).encode())]
    bundle = {"resourceType": "Bundle", "type": kind, "entry": [first, second]}
    client = ask(raw)
    if twins:
        with pytest.raises(UsageError, match="twice"):
            client.transaction(bundle)
        assert raw.requests == []
    else:
        client.transaction(bundle)


# -- N14: answers to writes -------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b'{"resourceType":"Patient"}', b'"x"', b'{"resourceType":5}',
     b'{"resourceType":"OperationOutcome","issue":[{"severity":"error"}]}'],
)  # fmt: skip
def test_n14_a_transaction_is_not_done_because_the_status_says_200(raw: Raw, body: bytes) -> None:
    raw.answers = [http("200 OK", body)] * 3
    client = ask(raw)
    with pytest.raises(BadAnswer):
        client.transaction({"resourceType": "Bundle", "type": "transaction", "entry": []})
    assert len(raw.requests) == 1


def test_n14_a_write_that_says_nothing_of_where_and_which_version(raw: Raw) -> None:
    raw.answers = [http("201 Created")]
    written = ask(raw).create(PATIENT)
    assert (written.status, written.version_id, written.location) == (201, None, None)
    failed = b'{"resourceType":"OperationOutcome","issue":[{"severity":"fatal"}]}'
    raw.answers = [http("200 OK", failed)]
    with pytest.raises(BadAnswer, match="reports an error"):
        ask(raw).update(PATIENT)


@pytest.mark.parametrize("head", [b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nETag: W/", b"HTTP/1.1 2"])
def test_n14_half_a_head_is_not_taken_for_a_write_that_was_done(raw: Raw, head: bytes) -> None:
    raw.answers = [lambda handler: handler.wfile.write(head)] * 3
    with pytest.raises((Unreachable, BadAnswer)) as caught:
        ask(raw).update(PATIENT)
    assert getattr(caught.value, "sent", True)
    assert len(raw.requests) == 1


# -- N16: pages -------------------------------------------------------------------------------


@pytest.mark.parametrize("trap", ["itself", "circle", "two", "empty", "number"])
def test_n16_pages_that_do_not_end_or_cannot_be_read_fail(raw: Raw, trap: str) -> None:
    first, second = f"{raw.url}/Patient", f"{raw.url}/Patient?page=2"
    links: dict[str, list[bytes]] = {
        "itself": [page(raw, 1, first)] * 9,
        "circle": [page(raw, 1, second), page(raw, 2, first)] * 9,
        "two": [
            page(raw, 1, None, link=[{"relation": "next", "url": first}, {"relation": "next",
                                                                         "url": second}])
        ],
        "empty": [page(raw, 1, "")],
        "number": [page(raw, 1, 5)],  # type: ignore[arg-type]  # what is tried
    }  # fmt: skip
    raw.answers = list(links[trap])
    with pytest.raises(BadAnswer):
        ask(raw).search("Patient")


@pytest.mark.parametrize("place", ["http://other.example:8080/fhir", "https://other.example/r4"])
def test_n16_a_next_link_to_another_host_or_scheme_is_asked_of_ours(raw: Raw, place: str) -> None:
    own = [{"relation": "self", "url": f"{place}/Patient"},
           {"relation": "next", "url": f"{place}/Patient?page=2"}]  # fmt: skip
    raw.answers = [page(raw, 1, None, link=own, total=2), page(raw, 2, None)]
    assert len(ask(raw).search("Patient").resources) == 2
    assert raw.requests[1].startswith(b"GET /fhir/Patient?page=2 ")


def test_n16_ten_thousand_pages_are_read_to_the_end(raw: Raw) -> None:
    many = 10_000
    answers = [page(raw, number, f"{raw.url}/Patient?page={number + 1}") for number in range(many)]
    raw.answers = [*answers, page(raw, many, None, total=many + 1)]
    found = ask(raw).search("Patient")
    assert len(found.resources) == many + 1


def test_n16_a_page_that_lacks_what_was_announced_is_a_hole(raw: Raw) -> None:
    raw.answers = [page(raw, 1, None, total=2)] * 3
    with pytest.raises(Incomplete, match="1 more"):
        ask(raw).search("Patient")
    assert len(raw.requests) == 3, "it is begun again, in case somebody wrote meanwhile"


# -- N17: versions ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("etag", "version"),
    [('W/"1"', "1"), ('"1"', "1"), ("1", "1"), ('W/"a-b.c"', "a-b.c"), ("", None), (None, None),
     ('W/""', None), ('w/"1"', None), ('W/"1', "1"), (7, None)],
)  # fmt: skip
def test_n17_versions_in_etags(etag: Any, version: str | None) -> None:
    assert version_of(etag) == version


def test_n17_no_etag_is_no_version(raw: Raw) -> None:
    raw.answers = [http("200 OK", OK), http("200 OK", OK[:-1] + b',"meta":{"versionId":"3"}}')]
    client = ask(raw)
    assert client.update(PATIENT).version_id is None
    assert client.update(PATIENT).version_id == "3"


# -- N19: proxies -----------------------------------------------------------------------------


def test_n19_a_proxy_is_used_when_it_is_asked_for(
    raw: Raw, other: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    other.answers = [http("200 OK", OK)]
    proxy = other.url.removesuffix("/fhir")
    client = Client(raw.url, transport=Transport(raw.url, policy=QUICK, proxy=proxy, token=CANARY))
    assert client.read(P) == PATIENT
    assert raw.requests == []
    assert other.requests[0].startswith(f"GET {raw.url}/Patient/p HTTP/1.1".encode())


def test_n19_the_deadline_holds_behind_a_proxy(raw: Raw, other: Raw) -> None:
    def drips(handler: Any) -> None:
        for _ in range(50):
            handler.wfile.write(b"H")
            time.sleep(0.1)

    other.answers = [drips] * 3
    proxy = other.url.removesuffix("/fhir")
    client = Client(raw.url, transport=Transport(raw.url, policy=QUICK, proxy=proxy))
    started = time.monotonic()
    with pytest.raises(Unreachable):
        client.update(PATIENT)
    assert time.monotonic() - started < 1.5


def test_n19_a_secure_server_behind_a_proxy_gets_a_tunnel(
    authority: trustme.CA, tmp_path: Path, other: Raw
) -> None:
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(bundle)
    other.answers = [http("403 Forbidden")] * 5
    url = "https://fhir.example/r4"
    proxy = other.url.removesuffix("/fhir")
    transport = Transport(url, policy=QUICK, proxy=proxy, tls=Tls(str(bundle)), token=CANARY)
    with pytest.raises(Unreachable):
        Client(url, transport=transport).read(P)
    assert other.requests[0].startswith(b"CONNECT fhir.example:443 ")
    assert CANARY.encode() not in b"".join(other.requests), "the proxy is not told the token"
