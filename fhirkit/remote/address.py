"""Base URLs: what may be a remote, what may be sent to it, and where a next link really leads.

A server behind a proxy writes its own idea of its address into links. Such a link is moved onto
the address we were given, so that neither a record nor a token ever goes to another origin.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from fhirkit.core.errors import BadAnswer, UsageError

_PORTS = {"http": 80, "https": 443}


def base_url(text: str) -> str:
    """The URL as a FHIR base without a trailing slash; ``UsageError`` for what cannot be one.

    A user name or password in it is refused, and not repeated in the message.
    """
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        raise UsageError("the server's URL cannot be read") from None
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        raise UsageError(
            "the server's URL holds a user name or password",
            advice="leave it out: --token-env names a token's variable, and fhirkit remote add "
            "--auth basic --user NAME --secret WHERE a password's place",
        )
    if parts.scheme not in _PORTS or not parts.hostname:
        raise UsageError(
            "the server's URL must begin with http:// or https:// and name a host",
            advice="for example http://127.0.0.1:8080/fhir",
        )
    if parts.query or parts.fragment:
        raise UsageError("the server's URL ends with a query or fragment, expected the FHIR base")
    if any(char.isspace() or ord(char) < 0x21 for char in text.strip()):
        raise UsageError("the server's URL holds a space or control character")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    shown = "" if port is None or port == _PORTS[parts.scheme] else f":{port}"
    return f"{parts.scheme}://{host}{shown}{parts.path.rstrip('/')}"


def host_of(url: str) -> str:
    """Host and port for a message; never path or query, which may hold a person's data."""
    try:
        parts = urlsplit(url)
        name = parts.hostname or "an unnamed host"
        return name if parts.port is None else f"{name}:{parts.port}"
    except ValueError:
        return "an unreadable address"


def is_loopback(url: str) -> bool:
    """Whether the URL's host is this machine, judged by its text and without asking DNS."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def within(url: str, base: str) -> bool:
    """Whether ``url`` has the base's origin and lies at or below its path."""
    link, home = urlsplit(url), urlsplit(base)
    if _origin(link) != _origin(home) or link.username or link.password:
        return False
    root = home.path.rstrip("/")
    # Read as a server may read it: %2e is a dot, and a backslash a slash to some.
    path = unquote(link.path).replace("\\", "/")
    if "/../" in f"{path}/" or "/./" in f"{path}/":
        return False
    return link.path == root or link.path.startswith(f"{root}/")


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL, as a base that everything on its host lies within."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def same_origin(url: str, other: str) -> bool:
    """Whether two URLs have the same scheme, host and port."""
    return _origin(urlsplit(url)) == _origin(urlsplit(other))


def rebase(link: str, *, base: str, asked: str, self_link: str | None = None) -> str:
    """The next link as a URL under ``base``.

    ``asked`` is the path below the base that the first page was asked with; ``self_link`` the
    page's own self link, which shows what the server takes for its base. Raises ``BadAnswer``
    when neither tells which part of the link is the server's base.
    """
    current = f"{base}/{asked}"
    if link.partition("?")[0] == asked:
        current = f"{base}/"  # relative to the base, as some write it, and not to the page
    try:
        target = urlsplit(urljoin(current, link))
        if within(target.geturl(), base):
            return target._replace(fragment="").geturl()
        roots = [_root(urlsplit(urljoin(current, self_link)), asked)] if self_link else []
    except ValueError:
        raise BadAnswer("the server's next link cannot be read") from None
    roots.append(_root(target, asked))
    for root in roots:
        if root is not None and (target.path.rstrip("/") + "/").startswith(f"{root}/"):
            return _join(base, target, root)
    home = urlsplit(base)
    moved = target._replace(scheme=home.scheme, netloc=home.netloc, fragment="")
    if within(moved.geturl(), base):
        return moved.geturl()
    raise BadAnswer(
        f"the server's next link leads to {host_of(target.geturl())}, outside its base",
        advice="check the base URL that the server is configured with",
    )


def _origin(parts: SplitResult) -> tuple[str, str, int | None]:
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme)


def _root(parts: SplitResult, asked: str) -> str | None:
    """The path that comes before ``asked`` in the link: the server's idea of its base."""
    path, tail = parts.path.rstrip("/"), f"/{asked.strip('/')}"
    return path[: -len(tail)] if asked and path.endswith(tail) else None


def _join(base: str, target: SplitResult, root: str) -> str:
    rest = target.path[len(root) :].strip("/")
    query = f"?{target.query}" if target.query else ""
    return f"{base}/{rest}{query}" if rest else f"{base}{query}"
