"""Connections that keep one deadline for a whole exchange, however slowly the server drips.

A socket timeout counts from the last byte, so a server that sends one byte a second holds a
client for ever. Here every read and write is given only the time that is left.
"""

from __future__ import annotations

import http.client
import io
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import requests.adapters  # noqa: TID251  # this package is the one that may
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class Exchange:
    """One request and its answer: when it must be over, and whether a byte of it has left."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._deadline = clock() + seconds
        self.sent = False

    @property
    def expired(self) -> bool:
        """Whether the time is over."""
        return self._clock() >= self._deadline

    def renew(self, seconds: float) -> None:
        """Give what comes next its own time: a large file is waited for part by part."""
        self._deadline = self._clock() + seconds

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """What is sent and read inside the block belongs to this exchange."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)

    def remaining(self) -> float:
        """The seconds that are left; ``TimeoutError`` when there are none."""
        left = self._deadline - self._clock()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        return left


_current: ContextVar[Exchange] = ContextVar("exchange")


@contextmanager
def exchange(seconds: float) -> Iterator[Exchange]:
    """Everything sent and read inside the block belongs to one exchange."""
    one = Exchange(seconds)
    with one.under_way():
        yield one


class _TimedReader(io.RawIOBase):
    """The socket's reader, with the timeout shortened before each read."""

    def __init__(self, raw: io.RawIOBase, sock: Any) -> None:
        self._raw = raw
        self._sock = sock

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(_current.get().remaining())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_TimedReader(self.fp.detach(), sock))


class _Timed:
    """Mixed into urllib3's connections: notes that bytes leave, and bounds the sending."""

    sock: Any

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()  # type: ignore[attr-defined]  # of the connection it is mixed into
        one = _current.get()
        self.sock.settimeout(one.remaining())
        one.sent = True
        super().send(data)  # type: ignore[misc]  # as above


class _Plain(_Timed, HTTPConnection):
    response_class = _Response


class _Secure(_Timed, HTTPSConnection):
    response_class = _Response


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


class TimedAdapter(requests.adapters.HTTPAdapter):
    """Makes a requests session use these connections and this TLS context, and never retry."""

    def __init__(self, connections: int, context: ssl.SSLContext | None = None) -> None:
        self._context = context
        super().__init__(pool_maxsize=connections, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False) -> None:  # type: ignore[override]  # requests calls it so
        """As requests does, with our connection classes."""
        super().init_poolmanager(connections, maxsize, block, **self._secure())
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        """As requests does, with our connection classes."""
        manager = super().proxy_manager_for(proxy, **kwargs, **self._secure())
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """The context alone says who is trusted: requests would add its own certificates."""
        del url, verify, cert
        conn.cert_reqs = "CERT_REQUIRED"
        conn.ca_certs = conn.ca_cert_dir = None

    def _secure(self) -> dict[str, Any]:
        return {} if self._context is None else {"ssl_context": self._context}


_POOLS = {"http": _PlainPool, "https": _SecurePool}
