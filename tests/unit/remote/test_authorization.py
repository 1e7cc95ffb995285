"""Auth faults, by their ids A1 to A10 (docs/faults.md): what is sent, to whom, and what is told."""

from __future__ import annotations

import base64
import multiprocessing
import os
import pickle  # noqa: TID251  # that a secret cannot go into one is what is tried
import subprocess
import sys
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from raw_server import PATIENT as POLICY
from token_server import TokenServer

from fhirkit.core.errors import BadAnswer, Blocked, FhirkitError, Refused, UsageError
from fhirkit.core.resource import ResourceKey
from fhirkit.remote import Client
from fhirkit.remote.access import Access, AuthSettings, checked_access, open_client
from fhirkit.remote.assertion import Signer, new_jti
from fhirkit.remote.authorization import Basic, Bearer
from fhirkit.remote.oauth import AssertionProof, OAuth, SecretProof
from fhirkit.remote.scopes import missing
from fhirkit.remote.secret import Secret, parse_reference

P = ResourceKey("Patient", "p")
CANARY = "c4nary-9f2e"


@pytest.fixture
def tokens() -> Iterator[TokenServer]:
    server = TokenServer()
    yield server
    server.close()


def pem(key: Any, *, password: bytes | None = None) -> str:
    kept = serialization.NoEncryption()
    locked = serialization.BestAvailableEncryption(password) if password else kept
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, locked).decode()


def public_pem(key: Any) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP384R1())


def connect(tokens: TokenServer, folder: Path, /, kind: str = "client-credentials",
            **more: Any) -> Client:  # fmt: skip
    settings = {"client_id": "our-id", "token_url": tokens.token_url, "secret": "env:S"} | more
    environment = {"S": settings.pop("text", CANARY), "PATH": os.environ["PATH"]}
    auth = AuthSettings(kind, **settings)
    access = Access(tokens.base, auth=auth)
    return open_client(access, environment=environment, folder=folder, policy=POLICY)


def read(client: Client) -> None:
    assert client.read(P) == {"resourceType": "Patient", "id": "p"}


# -- how each kind shows who we are -----------------------------------------------------------


def test_bearer_and_basic(tokens: TokenServer, tmp_path: Path) -> None:
    tokens.good = {CANARY}
    access = Access(tokens.base, auth=AuthSettings("bearer", "env:S"))
    read(open_client(access, environment={"S": CANARY}, folder=tmp_path, policy=POLICY))
    pair = base64.b64encode(f"Jürg:{CANARY}".encode()).decode()
    tokens.good = {f"Basic {pair}"}
    access = Access(tokens.base, auth=AuthSettings("basic", "env:S", user="Jürg"))
    read(open_client(access, environment={"S": CANARY}, folder=tmp_path, policy=POLICY))
    with pytest.raises(UsageError):
        Basic("a:b", Secret("x"))


def test_a_token_from_a_command_is_asked_for_again_when_it_is_refused(
    tokens: TokenServer, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("old\n")
    access = Access(tokens.base, auth=AuthSettings("bearer", "cmd:cat token"))
    environment = {"PATH": os.environ["PATH"]}
    client = open_client(access, environment=environment, folder=tmp_path, policy=POLICY)
    tokens.good = {"new"}
    (tmp_path / "token").write_text("new\n")
    read(client)
    assert tokens.tokens == ["Bearer old", "Bearer new"]
    tokens.good = set()
    with pytest.raises(Refused):
        client.read(P)
    assert len(tokens.asked) == 3, "the same token is not tried twice"


def test_client_credentials_by_header_or_as_the_server_names(
    tokens: TokenServer, tmp_path: Path
) -> None:
    read(connect(tokens, tmp_path, text="a b/ü:"))
    pair = base64.b64decode(tokens.form_headers[0]["Authorization"].removeprefix("Basic "))
    assert pair == b"our-id:a+b%2F%C3%BC%3A"
    assert tokens.forms == [{"grant_type": "client_credentials"}]
    tokens.smart = {
        "token_endpoint": tokens.token_url,
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
    }
    read(connect(tokens, tmp_path, token_url=None, scope="system/*.read"))
    assert "Authorization" not in tokens.form_headers[1]
    assert tokens.forms[1] == {"grant_type": "client_credentials", "scope": "system/*.read",
                               "client_id": "our-id", "client_secret": CANARY}  # fmt: skip


@pytest.mark.parametrize(("key", "algorithm"), [(RSA, "RS384"), (EC, "ES384")])
def test_smart_backend_services_signs_an_assertion(
    tokens: TokenServer, tmp_path: Path, key: Any, algorithm: str
) -> None:
    path = tmp_path / "key.pem"
    path.write_text(pem(key))
    path.chmod(0o600)
    more = {"secret": "file:key.pem", "scope": "system/*.rs", "key_id": "k1",
            "jwks_url": "https://our.example/jwks.json"}  # fmt: skip
    read(connect(tokens, tmp_path, "smart-backend", **more))
    form = tokens.forms[0]
    assert form["client_assertion_type"].endswith(":jwt-bearer")
    sent = form["client_assertion"]
    head = jwt.get_unverified_header(sent)
    assert head == {"alg": algorithm, "typ": "JWT", "kid": "k1",
                    "jku": "https://our.example/jwks.json"}  # fmt: skip
    claims = jwt.decode(sent, key.public_key(), algorithms=[algorithm], audience=tokens.token_url)
    assert claims["iss"] == claims["sub"] == "our-id"
    assert 0 < claims["exp"] - claims["iat"] <= 300
    other = "ES384" if algorithm == "RS384" else "RS384"
    for wanted, said in ((other, "asked for"), ("HS256", "one of"), ("none", "one of")):
        with pytest.raises(UsageError, match=said):
            Signer(Secret(pem(key)), client_id="c", algorithm=wanted)


def test_a_key_as_jwk(tokens: TokenServer, tmp_path: Path) -> None:
    text = jwt.algorithms.RSAAlgorithm.to_jwk(RSA)
    read(connect(tokens, tmp_path, "smart-backend", text=text, scope="system/*.rs"))
    jwt.decode(tokens.forms[0]["client_assertion"], RSA.public_key(), algorithms=["RS384"],
               audience=tokens.token_url)  # fmt: skip


# -- A1: clocks -------------------------------------------------------------------------------


@pytest.mark.parametrize(("minutes", "said"), [(-10, "ahead of"), (10, "behind")])
def test_a01_a_clock_that_is_wrong_is_named(
    tokens: TokenServer, tmp_path: Path, minutes: int, said: str
) -> None:
    tokens.date = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)
    tokens.grant = lambda _: (400, {"error": "invalid_client", "error_description": CANARY})
    client = connect(tokens, tmp_path, "smart-backend", text=pem(RSA), scope="system/*.rs")
    with pytest.raises(Refused, match="invalid_client") as caught:
        client.read(P)
    assert f"10 min {said}" in str(caught.value.advice)
    assert CANARY not in f"{caught.value} {caught.value.advice}", "a server may echo a secret"


def test_a01_a_right_clock_is_not_blamed_and_expiry_is_short(
    tokens: TokenServer, tmp_path: Path
) -> None:
    tokens.grant = lambda _: (401, {"error": "invalid_client"})
    client = connect(tokens, tmp_path, "smart-backend", text=pem(RSA), scope="system/*.rs")
    with pytest.raises(Refused) as caught:
        client.read(P)
    assert "clock" not in str(caught.value.advice)
    assert len(tokens.forms) == 1, "a refusal is not tried again"
    assert tokens.asked == [], "nothing is asked of the base without a token"


# -- A2: jti ----------------------------------------------------------------------------------


def _jtis(count: int) -> list[str]:
    return [new_jti() for _ in range(count)]


def test_a02_no_jti_twice_over_processes_and_retries(tokens: TokenServer, tmp_path: Path) -> None:
    new_jti()  # whatever state there is, it is there before the fork
    context = multiprocessing.get_context("fork")
    with context.Pool(4) as pool:
        found = pool.map(_jtis, [250_000] * 4)
    assert len({jti for part in found for jti in part}) == 1_000_000

    def busy_at_first(server: TokenServer) -> tuple[int, dict[str, Any]]:
        return server.usual() if len(server.forms) > 2 else (503, {})

    tokens.grant = busy_at_first
    read(connect(tokens, tmp_path, "smart-backend", text=pem(RSA), scope="system/*.rs"))
    sent = [form["client_assertion"] for form in tokens.forms]
    parsed = [jwt.decode(one, options={"verify_signature": False}) for one in sent]
    assert len({claims["jti"] for claims in parsed}) == len(sent) == 3


# -- A3, A4: keys -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)), "1024 bits"),  # noqa: S505  # the point
        (pem(ec.generate_private_key(ec.SECP256R1())), "P-384"),
        (jwt.algorithms.ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1())), "P-384"),
    ],
    ids=["RSA-1024", "P-256", "P-256 as JWK"],
)
def test_a03_weak_keys_are_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Signer(Secret(text), client_id="c")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (public_pem(RSA), "public key"),
        (jwt.algorithms.RSAAlgorithm.to_jwk(RSA.public_key()), "public key"),
        ('{"kty":"oct","k":"c4nary-9f2e"}', "shared secret"),
        (CANARY, "not a private key"),
        (pem(RSA, password=b"x"), "password"),
        (pem(RSA)[:-200], "cannot be read"),
        ('{"kty":"RSA","d":"c4nary-9f2e"}', "cannot be read"),
        ('{"kty":', "cannot be read"),
        ("ssh-rsa AAAA", "public key"),
    ],
)
def test_a04_what_is_no_private_key_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        Signer(Secret(text), client_id="c")
    assert CANARY not in "".join(traceback.format_exception(caught.value))


# -- A5: where secrets go ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "endpoint",
    ["https://elsewhere.example/token", "http://elsewhere.example/token", "http://127.0.0.1:9/token",
     "https://127.0.0.1@elsewhere.example/token", "//elsewhere.example/token", "ftp://x/y", ""],
)  # fmt: skip
def test_a05_a_server_does_not_choose_where_secrets_go(
    tokens: TokenServer, tmp_path: Path, endpoint: str
) -> None:
    tokens.smart = {"token_endpoint": endpoint}
    with pytest.raises((Blocked, UsageError)) as caught:
        connect(tokens, tmp_path, token_url=None)
    assert "--token-url" in str(caught.value.advice)
    assert tokens.forms == []


@pytest.mark.parametrize("smart", [None, {}, {"token_endpoint": 5}])
def test_a05_a_server_that_names_none(
    tokens: TokenServer, tmp_path: Path, smart: dict[str, Any] | None
) -> None:
    tokens.smart = smart
    with pytest.raises(UsageError) as caught:
        connect(tokens, tmp_path, token_url=None)
    assert "--token-url" in str(caught.value.advice)


def test_a05_plain_http_and_redirects_get_no_secret(tokens: TokenServer, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="plain http"):
        connect(tokens, tmp_path, token_url="http://elsewhere.example/token")
    other = TokenServer()
    tokens.redirect = other.token_url
    with pytest.raises(Refused, match="not followed"):
        connect(tokens, tmp_path).read(P)
    assert other.forms == []
    other.close()


# -- A6: lifetimes ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "seconds"),
    [(0, 0), (None, 45), ("300", 285), (315_360_000, 86_385), (-5, 0), (True, 45), ("soon", 45),
     ([], 45), (20, 15), ("1e400", 45), (10**400, 45), (299.5, 284.5)],
)  # fmt: skip
def test_a06_lifetimes_are_believed_within_bounds(
    tokens: TokenServer, said: Any, seconds: float
) -> None:
    from fhirkit.remote import Transport

    now = [1000.0]
    tokens.grant = lambda server: server.usual(expires_in=said)
    proof = SecretProof("c", Secret(CANARY))
    transport = Transport(tokens.origin, policy=POLICY)
    source = OAuth(tokens.token_url, proof, scope=None, transport=transport, clock=lambda: now[0])
    assert source.header() == "Bearer token-1"
    now[0] += max(0.0, seconds - 0.001)
    assert source.header() == ("Bearer token-1" if seconds else "Bearer token-2")
    now[0] += 0.002
    assert source.header() == ("Bearer token-2" if seconds else "Bearer token-3")


@pytest.mark.parametrize(
    "answer",
    [{}, {"access_token": "x"}, {"access_token": 5, "token_type": "bearer"},
     {"access_token": "a b", "token_type": "bearer"}, {"access_token": "a\r\nX: y",
     "token_type": "bearer"}, {"access_token": "x", "token_type": "mac"}],
)  # fmt: skip
def test_a06_what_is_no_token_is_not_used(
    tokens: TokenServer, tmp_path: Path, answer: dict[str, Any]
) -> None:
    tokens.grant = lambda _: (200, answer)
    with pytest.raises(BadAnswer):
        connect(tokens, tmp_path).read(P)
    assert tokens.asked == []


# -- A7, A8: tokens that end ------------------------------------------------------------------


def test_a07_a_token_that_ends_between_pages_is_renewed_once(
    tokens: TokenServer, tmp_path: Path
) -> None:
    def bundle(number: int) -> dict[str, Any]:
        entry = {"resource": {"resourceType": "Patient", "id": f"p{number}"}}
        links = [{"relation": "self", "url": f"{tokens.base}/Patient"}]
        if number < 4:
            links.append({"relation": "next", "url": f"{tokens.base}/Patient?page={number + 1}"})
        return {"resourceType": "Bundle", "type": "searchset", "total": 5, "entry": [entry],
                "link": links}  # fmt: skip

    tokens.pages = {f"/fhir/Patient?page={number}": bundle(number) for number in range(1, 5)}
    tokens.pages["/fhir/Patient"] = bundle(0)
    tokens.most_uses = 2
    found = connect(tokens, tmp_path).search("Patient")
    assert {key.id for key in found.resources} == {f"p{number}" for number in range(5)}
    assert len(tokens.forms) == 3, "one for each two pages"
    assert len(tokens.asked) == 5 + 2, "each refused page is asked for once more"


def test_a07_a_write_is_repeated_after_401_because_it_was_not_done(
    tokens: TokenServer, tmp_path: Path
) -> None:
    client = connect(tokens, tmp_path)
    read(client)
    tokens.good = set()
    client.update({"resourceType": "Patient", "id": "p"})
    assert [method for method, _, _ in tokens.asked] == ["GET", "PUT", "PUT"]


def test_a08_refused_again_after_a_new_token_is_the_end(
    tokens: TokenServer, tmp_path: Path
) -> None:
    tokens.most_uses = 0
    with pytest.raises(Refused) as caught:
        connect(tokens, tmp_path).read(P)
    assert caught.value.status == 401
    assert len(tokens.forms) == 2
    assert len(tokens.asked) == 2


# -- A9: scopes -------------------------------------------------------------------------------


def test_a09_fewer_scopes_than_asked_end_the_run_before_it_begins(
    tokens: TokenServer, tmp_path: Path
) -> None:
    tokens.grant = lambda server: server.usual(scope="system/Patient.rs")
    client = connect(tokens, tmp_path, scope="system/Patient.rs system/Patient.cud")
    with pytest.raises(Blocked, match=r"lacking: system/Patient\.cud"):
        client.update({"resourceType": "Patient", "id": "p"})
    assert tokens.asked == []


@pytest.mark.parametrize(
    ("asked", "granted", "lacking"),
    [
        ("system/Patient.rs", "system/Patient.rs", []),
        ("system/Patient.read", "system/*.*", []),
        ("system/Patient.rs", "system/*.read", []),
        ("system/Patient.cruds", "system/Patient.read system/Patient.write", []),
        ("system/*.rs", "system/Patient.rs system/Observation.rs", ["system/*.rs"]),
        ("system/Patient.rs", "user/Patient.rs", ["system/Patient.rs"]),
        ("system/Patient.rs", "system/Patient.r", ["system/Patient.rs"]),
        ("system/Patient.rs", "system/Patient.rs?_id=1", ["system/Patient.rs"]),
        ("system/Patient.rs?_id=1", "system/Patient.rs", []),
        ("launch offline_access", "launch", ["offline_access"]),
        ("system/Patient.", "system/*.*", ["system/Patient."]),
        ("x", "", ["x"]),
    ],
)
def test_a09_what_scopes_hold(asked: str, granted: str, lacking: list[str]) -> None:
    assert missing(asked, granted) == lacking


# -- A10: secrets stay where they are ---------------------------------------------------------


def test_a10_no_object_shows_its_secret(tokens: TokenServer, tmp_path: Path) -> None:
    secret = Secret(CANARY)
    objects = [
        secret, Bearer(secret), Basic("u", secret), SecretProof("c", secret),
        AssertionProof(Signer(Secret(pem(RSA)), client_id="c")), connect(tokens, tmp_path),
        connect(tokens, tmp_path).transport,
    ]  # fmt: skip
    for one in objects:
        for text in (repr(one), str(one), f"{one}", f"{[one]}"):
            assert CANARY not in text
            assert "PRIVATE" not in text
    with pytest.raises(TypeError, match="not written"):
        pickle.dumps(secret)


@pytest.mark.parametrize(
    "text",
    [CANARY, f"{CANARY}:x", f"env:{CANARY}", "env:", "file:", "cmd: ", "keyring:x", "keyring:/x",
     f"Bearer {CANARY}", f"env:A\n{CANARY}", ""],
)  # fmt: skip
def test_a10_a_secret_in_the_place_of_a_reference_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_reference(text)
    assert CANARY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a10_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "secret"
    path.write_text(CANARY)
    path.chmod(mode)
    with pytest.raises(UsageError, match="others") as caught:
        parse_reference("file:secret").resolve({}, tmp_path)
    assert "chmod 600" in str(caught.value.advice)
    path.chmod(0o400)
    assert parse_reference("file:secret").resolve({}, tmp_path) == Secret(CANARY)


@pytest.mark.parametrize("make", ["folder", "fifo", "missing", "large", "empty", "bytes"])
def test_a10_files_that_are_no_secret(tmp_path: Path, make: str) -> None:
    path = tmp_path / "secret"
    if make == "folder":
        path.mkdir(0o700)
    elif make == "fifo":
        os.mkfifo(path, 0o600)
    elif make != "missing":
        path.write_bytes({"large": b"x" * 70_000, "empty": b"\n", "bytes": b"\xff"}[make])
        path.chmod(0o600)
    with pytest.raises(UsageError, match="secret"):
        parse_reference("file:secret").resolve({}, tmp_path)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("sh -c 'echo c4nary-9f2e; echo c4nary-9f2e >&2; exit 3'", "exit 3"),
        ("no-such-program-at-all c4nary-9f2e", "cannot be run"),
        ("true c4nary-9f2e", "empty"),
        ("'c4nary-9f2e", "no command"),
    ],
)
def test_a10_a_command_that_fails_is_named_without_what_it_says(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], command: str, said: str
) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        parse_reference(f"cmd:{command}").resolve({"PATH": os.environ["PATH"]}, tmp_path)
    printed = capfd.readouterr()
    assert CANARY not in f"{caught.value}{printed.out}{printed.err}"


def test_a10_the_keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import types

    class KeyringError(Exception):
        pass

    fake: Any = types.ModuleType("keyring")
    fake.errors = types.ModuleType("keyring.errors")
    fake.errors.KeyringError = KeyringError
    fake.get_password = lambda service, name: {("s", "n/m"): CANARY}.get((service, name))
    monkeypatch.setitem(sys.modules, "keyring", fake)
    monkeypatch.setitem(sys.modules, "keyring.errors", fake.errors)
    assert parse_reference("keyring:s/n/m").resolve({}, tmp_path) == Secret(CANARY)
    with pytest.raises(UsageError, match="no entry"):
        parse_reference("keyring:s/other").resolve({}, tmp_path)

    def locked(service: str, name: str) -> str:
        raise KeyringError(CANARY)

    fake.get_password = locked
    with pytest.raises(UsageError, match="cannot be opened") as caught:
        parse_reference("keyring:s/n").resolve({}, tmp_path)
    assert CANARY not in str(caught.value)
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(UsageError) as caught:
        parse_reference("keyring:s/n").resolve({}, tmp_path)
    assert "fhirkit[keyring]" in str(caught.value.advice)


@pytest.mark.parametrize(
    ("auth", "said"),
    [
        (AuthSettings("magic", "env:S"), "one of"),
        (AuthSettings("bearer", CANARY), "kept"),
        (AuthSettings("basic", "env:S"), "--user"),
        (AuthSettings("bearer", "env:S", user="u"), "does not belong"),
        (AuthSettings("client-credentials", "env:S"), "--client-id"),
        (AuthSettings("smart-backend", "env:S", client_id="c"), "--scope"),
        (AuthSettings("client-credentials", "env:S", client_id="\n"), "control"),
        (AuthSettings("client-credentials", "env:S", client_id="c", token_url="http://x/"), "http"),
        (AuthSettings("client-credentials", "env:S", client_id="c",
                      token_url=f"https://u:{CANARY}@x/"), "address"),
    ],
)  # fmt: skip
def test_a10_settings_that_do_not_fit(auth: AuthSettings, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        checked_access(Access("https://a.example/fhir", auth=auth))
    assert CANARY not in str(caught.value)


def test_a10_secrets_do_not_go_in_the_clear() -> None:
    auth = AuthSettings("bearer", "env:S")
    with pytest.raises(UsageError, match="plain http"):
        checked_access(Access("http://a.example/fhir", auth=auth))
    with pytest.raises(UsageError, match="proxy"):
        checked_access(Access("https://a.example", proxy=f"http://u:{CANARY}@proxy.example"))
    with pytest.raises(UsageError, match="https"):
        checked_access(Access("http://a.example", client_cert="x"))


def test_a10_no_secret_is_in_a_command_line_nor_in_what_it_prints(
    tokens: TokenServer, tmp_path: Path
) -> None:
    """A whole run: the key by file, a token that is refused, everything printed and written."""
    key = tmp_path / "key.pem"
    key.write_text(pem(RSA))
    key.chmod(0o600)
    tokens.most_uses = 0

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "fhirkit.cli.main", *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert run("init").returncode == 0
    added = run("remote", "add", "r", tokens.base, "--auth", "smart-backend", "--secret",
                "file:key.pem", "--client-id", "c", "--scope", "system/*.rs",
                "--token-url", tokens.token_url)  # fmt: skip
    assert added.returncode == 0, added.stderr
    pulled = run("pull", "r", "--type", "Patient")
    assert pulled.returncode == 5, pulled.stderr
    listed = run("remote", "list", "--json")
    secrets = ["PRIVATE", "token-1", "token-2", tokens.forms[0]["client_assertion"]]
    written = [path.read_text(errors="replace") for path in (tmp_path / ".fhirkit").rglob("*")
               if path.is_file()]  # fmt: skip
    for text in (pulled.stdout, pulled.stderr, listed.stdout, added.stderr, *written):
        assert not any(secret in text for secret in secrets)
    assert "file:key.pem" in listed.stdout
    refused = run("remote", "add", "x", tokens.base, "--auth", "bearer", "--secret", CANARY)
    assert refused.returncode == 2
    assert CANARY not in refused.stdout + refused.stderr


def test_every_error_is_ours(tokens: TokenServer, tmp_path: Path) -> None:
    for status in (302, 400, 401, 403, 404, 410, 500, 503):
        tokens.grant = lambda _, status=status: (status, {"error": CANARY})  # type: ignore[misc]
        with pytest.raises(FhirkitError) as caught:
            connect(tokens, tmp_path).read(P)
        assert CANARY not in f"{caught.value} {caught.value.advice}"
        assert caught.value.exit_code == 5


def test_paths_are_kept_as_seen_from_the_root(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()

    def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "fhirkit.cli.main", *words]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)

    assert run(tmp_path, "init").returncode == 0
    added = run(tmp_path / "keys", "remote", "add", "r", "https://a.example/fhir",
                "--auth", "bearer", "--secret", "file:token", "--ca-bundle", "../ca.pem",
                "--client-cert", str(tmp_path.parent / "c.pem"))  # fmt: skip
    assert added.returncode == 0, added.stderr
    from fhirkit.sync.config import read_remotes

    access = read_remotes(tmp_path / ".fhirkit/config.toml")["r"].access
    assert access.auth is not None
    assert access.auth.secret == "file:keys/token"
    assert access.ca_bundle == "keys/../ca.pem"
    assert access.client_cert == str(tmp_path.parent / "c.pem")
