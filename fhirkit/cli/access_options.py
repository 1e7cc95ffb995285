"""The options that say how a remote is reached, and the settings made from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click

from fhirkit.core.errors import UsageError

if TYPE_CHECKING:
    from fhirkit.remote.access import Access

_F = TypeVar("_F", bound=Callable[..., Any])

_AUTH = ("bearer", "basic", "client-credentials", "smart-backend")
_OPTIONS = (
    click.option("--auth", type=click.Choice(_AUTH), help="How we show who we are."),
    click.option(
        "--secret", metavar="WHERE",
        help="Where token, password, client secret or private key is kept: env:NAME, file:PATH "
        "(mode 0600), cmd:COMMAND or keyring:SERVICE/NAME. Never the secret itself.",
    ),
    click.option("--token-env", metavar="VAR", help="Short for --auth bearer --secret env:VAR."),
    click.option("--user", metavar="NAME", help="The user's name, for basic."),
    click.option("--client-id", metavar="ID", help="The client's id, for the two OAuth kinds."),
    click.option("--scope", metavar="SCOPES", help="What to ask for, as in 'system/*.read'."),
    click.option(
        "--token-url", metavar="URL",
        help="The token endpoint; otherwise the one that the server names on its own origin.",
    ),
    click.option("--key-id", metavar="KID", help="The key's id in the JWKS that the server knows."),
    click.option(
        "--algorithm", metavar="ALG", help="RS384 or ES384; otherwise what the key is made for."
    ),
    click.option("--jwks-url", metavar="URL", help="Where the server finds our public keys."),
    click.option("--ca-bundle", metavar="FILE", help="Certificates to trust, and no others."),
    click.option("--client-cert", metavar="FILE", help="Our certificate, for mutual TLS."),
    click.option("--client-key", metavar="FILE", help="Its private key (mode 0600)."),
    click.option("--proxy", metavar="URL", help="An HTTP proxy; none is taken from elsewhere."),
    click.option(
        "--file-host", "file_hosts", multiple=True, metavar="HOST[:PORT]",
        help="Another host that may hold the files of bulk exports. It is shown no token.",
    ),
)  # fmt: skip
_OF_AUTH = ("user", "client_id", "scope", "token_url", "key_id", "algorithm", "jwks_url")


def access_options(command: _F) -> _F:
    """--auth and everything that belongs to it."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def access_of(url: str, given: dict[str, Any], root: Path) -> Access:
    """The settings from the options' values; ``UsageError`` for what does not fit together.

    Paths are as seen from the current folder, and are kept as seen from ``root``.
    """
    from fhirkit.remote.access import Access, AuthSettings

    kind, secret, variable = given["auth"], given["secret"], given["token_env"]
    if variable is not None:
        if kind not in (None, "bearer") or secret is not None:
            raise UsageError("--token-env stands alone: it means --auth bearer --secret env:VAR")
        from fhirkit.sync.config import bearer_from

        auth: AuthSettings | None = bearer_from(variable)
    elif kind is not None:
        if secret is None:
            raise UsageError(f"--auth {kind} needs --secret, which says where the secret is kept")
        auth = AuthSettings(kind, secret, **{name: given[name] for name in _OF_AUTH})
    else:
        auth = None
        for name in ("secret", *_OF_AUTH):
            if given[name] is not None:
                raise UsageError(f"--{name.replace('_', '-')} needs --auth as well")
    files = {
        name: _seen_from(root, given[name]) for name in ("ca_bundle", "client_cert", "client_key")
    }
    if auth is not None and auth.secret.startswith("file:"):
        from msgspec.structs import replace

        place = _seen_from(root, auth.secret.removeprefix("file:").strip() or None)
        auth = replace(auth, secret=f"file:{place or ''}")
    hosts = tuple(host.lower() for host in given["file_hosts"])
    return Access(
        url,
        auth=auth,
        proxy=given["proxy"],
        ca_bundle=files["ca_bundle"],
        client_cert=files["client_cert"],
        client_key=files["client_key"],
        file_hosts=hosts,
    )


def _seen_from(root: Path, path: str | None) -> str | None:
    """A path in the tree as it is seen from the tree's root, any other one in full."""
    if path is None or path.startswith("~"):
        return path
    full = Path.cwd() / path
    return str(full.relative_to(root)) if full.is_relative_to(root) else str(full)
