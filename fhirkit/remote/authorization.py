"""The Authorization header: fixed ones here, tokens that are fetched in ``oauth``.

A header is made for the remote's origin alone; ``Transport`` sees to that. None of these objects
shows a secret when it is printed.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Protocol

from fhirkit.core.errors import UsageError
from fhirkit.remote.secret import Secret


class Authorization(Protocol):
    """What a transport asks before each request, and after a 401."""

    def header(self) -> str:
        """The value of the Authorization header."""

    def renew(self, refused: str) -> bool:
        """Whether there may be another header than ``refused``, which the server took no more."""


class Bearer:
    """A bearer token (RFC 6750). ``again`` reads it once more where it may have changed."""

    def __init__(self, token: Secret, *, again: Callable[[], Secret] | None = None) -> None:
        self._token = checked_token(token)
        self._again = again

    def __repr__(self) -> str:
        return "Bearer(…)"

    def header(self) -> str:
        """``Bearer`` and the token."""
        return f"Bearer {self._token.reveal()}"

    def renew(self, refused: str) -> bool:
        """Ask the token's source again; True when it gives another one."""
        if self._again is None:
            return False
        self._token = checked_token(self._again())
        return self.header() != refused


class Basic:
    """A user's name and password (RFC 7617)."""

    def __init__(self, user: str, password: Secret) -> None:
        if ":" in user or not user or not user.isprintable():
            raise UsageError("--user is empty or holds a colon or control character")
        text = password.reveal()
        if not text.isprintable():
            raise UsageError("the password holds a control character")
        self._value = Secret(base64.b64encode(f"{user}:{text}".encode()).decode())

    def __repr__(self) -> str:
        return "Basic(…)"

    def header(self) -> str:
        """``Basic`` and the pair in base64."""
        return f"Basic {self._value.reveal()}"

    def renew(self, refused: str) -> bool:
        """A password that was refused stays refused."""
        del refused
        return False


def checked_token(token: Secret) -> Secret:
    """The token; ``UsageError`` when it is empty or would break out of its header."""
    text = token.reveal()
    if not (text.isascii() and text.isprintable() and text.strip()) or " " in text:
        raise UsageError("the token is empty or holds characters that no token has")
    return token
