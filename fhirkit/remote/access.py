"""How a remote is reached, as its configuration says it, and the client made from that.

Everything here is a name, an address or a reference to a secret; secrets themselves are read when
a client is made, and kept by it alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from fhirkit.core.errors import UsageError
from fhirkit.remote.address import base_url, is_loopback, origin_of
from fhirkit.remote.authorization import Authorization, Basic, Bearer
from fhirkit.remote.client import Client
from fhirkit.remote.secret import Secret, parse_reference
from fhirkit.remote.tls import Tls
from fhirkit.remote.transport import Policy, Transport

_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?")
#: Kind → the settings it must have beside its secret, and those it may have.
KINDS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "bearer": (frozenset(), frozenset()),
    "basic": (frozenset({"user"}), frozenset()),
    "client-credentials": (frozenset({"client_id"}), frozenset({"scope", "token_url"})),
    "smart-backend": (
        frozenset({"client_id", "scope"}),
        frozenset({"token_url", "key_id", "algorithm", "jwks_url"}),
    ),
}


class AuthSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Who we are to a server: the kind (see ``KINDS``), where the secret is kept, and what the
    kind needs besides.

    The secret is the token (bearer), the password (basic), the client's secret
    (client-credentials) or its private key (smart-backend).
    """

    kind: str
    secret: str
    user: str | None = None
    client_id: str | None = None
    scope: str | None = None
    token_url: str | None = None
    key_id: str | None = None
    algorithm: str | None = None
    jwks_url: str | None = None


class Access(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A FHIR base and how it is reached. ``proxy`` is the URL of an HTTP proxy; ``file_hosts`` are
    other hosts that files of its bulk exports are fetched from, without a token.
    """

    url: str
    auth: AuthSettings | None = None
    ca_bundle: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    proxy: str | None = None
    file_hosts: tuple[str, ...] = ()


def checked_access(access: Access) -> Access:
    """The access with its base in normal form; ``UsageError`` for a setting that is missing, not
    of this kind, or would send a secret in the clear. No value is repeated in a message.
    """
    url = base_url(access.url)
    if access.auth is not None:
        _check_auth(access.auth)
        if url.startswith("http://") and not is_loopback(url):
            raise UsageError(
                "a token or password is not sent over plain http",
                advice="use the server's https address",
            )
    if access.client_key is not None and access.client_cert is None:
        raise UsageError("--client-key needs --client-cert as well")
    if access.client_cert is not None and not url.startswith("https://"):
        raise UsageError("a client certificate needs an https address")
    if access.proxy is not None:
        _check_proxy(access.proxy)
    for host in access.file_hosts:
        if _HOST.fullmatch(host) is None:
            raise UsageError(
                "--file-host must be a host name, with its port if it is not the usual one",
                advice="for example files.example or files.example:9000",
            )
    return msgspec.structs.replace(access, url=url)


def open_client(
    access: Access,
    *,
    environment: Mapping[str, str],
    folder: Path,
    policy: Policy | None = None,
) -> Client:
    """A client for the remote. Secrets are read now; relative paths count from ``folder``."""
    access = checked_access(access)
    tls = Tls(
        _beside(folder, access.ca_bundle),
        _beside(folder, access.client_cert),
        _beside(folder, access.client_key),
    )

    def transport(base: str, authorization: Authorization | None = None) -> Transport:
        return Transport(
            base, authorization=authorization, policy=policy, tls=tls, proxy=access.proxy
        )

    shown: Authorization | None = None
    if access.auth is not None:
        auth = access.auth
        reference = parse_reference(auth.secret)

        def read() -> Secret:
            return reference.resolve(environment, folder)

        if auth.kind == "bearer":
            shown = Bearer(read(), again=read if reference.may_change else None)
        elif auth.kind == "basic":
            shown = Basic(auth.user or "", read())
        else:
            shown = _oauth(access.url, auth, read(), transport)
    return Client(access.url, transport=transport(access.url, shown), file_hosts=access.file_hosts)


def _oauth(
    base: str, auth: AuthSettings, secret: Secret, transport: Callable[[str], Transport]
) -> Authorization:
    from fhirkit.remote.oauth import AssertionProof, OAuth, SecretProof, checked_endpoint, discover

    client_id = auth.client_id or ""
    signer = None
    if auth.kind == "smart-backend":
        from fhirkit.remote.assertion import Signer

        # The key is judged before anything is sent anywhere.
        signer = Signer(
            secret,
            client_id=client_id,
            key_id=auth.key_id,
            algorithm=auth.algorithm,
            jwks_url=auth.jwks_url,
        )
    in_body = False
    if auth.token_url is not None:
        endpoint = checked_endpoint(auth.token_url)
    else:
        endpoint, in_body = discover(base, transport(base))
        checked_endpoint(endpoint)
    proof = (
        SecretProof(client_id, secret, in_body=in_body)
        if signer is None
        else AssertionProof(signer)
    )
    return OAuth(endpoint, proof, scope=auth.scope, transport=transport(origin_of(endpoint)))


def _check_auth(auth: AuthSettings) -> None:
    if auth.kind not in KINDS:
        raise UsageError(f"--auth must be one of: {', '.join(KINDS)}")
    needed, allowed = KINDS[auth.kind]
    given = {
        name
        for name in msgspec.structs.asdict(auth)
        if name not in ("kind", "secret") and getattr(auth, name) is not None
    }
    for name in sorted(needed - given):
        raise UsageError(f"--auth {auth.kind} needs {_option(name)} as well")
    for name in sorted(given - needed - allowed):
        raise UsageError(f"{_option(name)} does not belong to --auth {auth.kind}")
    parse_reference(auth.secret)
    for name in given:
        text = getattr(auth, name)
        if not text.strip() or not text.isprintable():
            raise UsageError(f"{_option(name)} is empty or holds a control character")
    if auth.token_url is not None:
        from fhirkit.remote.oauth import checked_endpoint

        checked_endpoint(auth.token_url)


def _check_proxy(url: str) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or "@" in url:
        raise UsageError(
            "--proxy must be an http address without a user name or password",
            advice="for example http://proxy.example:3128",
        )


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _beside(folder: Path, path: str | None) -> str | None:
    return None if path is None else str(folder / Path(path).expanduser())
