"""The chaos server on a loopback port: HTTP in front of ``FhirServer``, with faults in between."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import urlsplit

from fhirkit.chaos.behaviour import Behaviour
from fhirkit.chaos.faults import as_bytes
from fhirkit.chaos.reply import Reply
from fhirkit.chaos.server import FhirServer
from fhirkit.core.errors import UsageError

_ROOT = "/fhir"
_LARGEST = 1 << 30


class Interceptor(Protocol):
    """Something between a request and its answer: ``serve`` tells whether it answered."""

    def serve(self, exchange: Any, target: str) -> bool:
        """Answer in the server's place, or not."""


@dataclass
class Logged:
    """A request as it arrived, and the status it was answered by in the end (0: none)."""

    method: str
    target: str
    status: int = 0

    @property
    def shown(self) -> str:
        """Method and path, without the query: it may hold a person's data."""
        return f"{self.method} {self.target.partition('?')[0] or '/'}"


class ChaosServer(FhirServer):
    """A FHIR server on this machine. ``url`` is its base; ``faults`` may fail any request.

    ``log`` has each request with the status it was answered by (0: not answered).
    """

    def __init__(
        self,
        behaviour: Behaviour | None = None,
        schedule: Interceptor | None = None,
        *,
        port: int = 0,
        watch: Callable[[Logged], None] | None = None,
    ) -> None:
        super().__init__(behaviour)
        self.faults: Interceptor | None = schedule
        self.log: list[Logged] = []
        self._watch = watch
        self._listener = self._listen(port)
        self.port = self._listener.server_port
        self.url = self.base = f"http://127.0.0.1:{self.port}{_ROOT}"
        self.exports.base = self.url

    def close(self) -> None:
        """Stop listening."""
        self._listener.shutdown()
        self._listener.server_close()

    def down(self, seconds: float) -> None:
        """Refuse connections for a time, as during a restart."""
        self.restart()
        old = self._listener

        def again() -> None:
            old.shutdown()
            old.server_close()
            time.sleep(seconds)
            self._listener = self._listen(self.port)

        threading.Thread(target=again, daemon=True).start()

    def account(self) -> dict[str, Any]:
        """What is there, and how it came to be: resources, commits and requests, in order."""
        with self.lock:
            return {
                "resources": [one.resource for one in self.store.living()],
                "commits": [
                    {"method": one.method, "resource": one.key, "version": one.number}
                    for one in self.store.log
                ],
                "requests": [{"request": one.shown, "status": one.status} for one in self.log],
            }

    def done(self, logged: Logged) -> None:
        """A request is over, one way or the other."""
        if self._watch is not None:
            self._watch(logged)

    def _listen(self, port: int) -> ThreadingHTTPServer:
        handler = type("Handler", (_Handler,), {"server_of": self})
        try:
            listener = _Quiet(("127.0.0.1", port), handler)
        except OSError as problem:
            raise UsageError(
                f"port {port} cannot be used ({problem.strerror})", advice="choose another --port"
            ) from None
        threading.Thread(target=listener.serve_forever, args=(0.02,), daemon=True).start()
        return listener


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what this server is for."""


class _Handler(BaseHTTPRequestHandler):
    """One connection; it is itself the ``Exchange`` that faults act on."""

    server_of: ChaosServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    body = b""
    fhir_path = ""
    query = ""
    sent = 0

    @property
    def method(self) -> str:
        """The request's method."""
        return self.command

    @property
    def fhir(self) -> FhirServer:
        """The server whose request it is."""
        return self.server_of

    def _serve(self) -> None:
        length = self.headers.get("Content-Length") or "0"
        if not length.isdigit() or int(length) > _LARGEST:
            self.send_raw(411, b"", {})
            return
        self.body = self.rfile.read(int(length))
        parts = urlsplit(self.path)
        self.fhir_path = parts.path.removeprefix(_ROOT)
        self.query, self.sent = parts.query, 0
        target = self.fhir_path + (f"?{parts.query}" if parts.query else "")
        outer = self.server_of
        logged = Logged(self.command, target)
        outer.log.append(logged)
        try:
            if not self.path.startswith(_ROOT):
                self.send_raw(404, b"not here", {"Content-Type": "text/plain"})
            elif outer.faults is None or not outer.faults.serve(self, target):
                self.send(self.answer())
        finally:
            logged.status = self.sent
            outer.done(logged)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = _serve  # noqa: N815  # http.server's names

    def answer(self) -> Reply:
        """Carry the request out."""
        headers = {name.title(): value for name, value in self.headers.items()}
        return self.server_of.handle(self.command, self.fhir_path, self.query, headers, self.body)

    def send(self, reply: Reply) -> None:
        """Send an answer."""
        kind = {"Content-Type": self.server_of.behaviour.content_type} if reply.body else {}
        self.send_raw(reply.status, as_bytes(reply.body), {**kind, **reply.headers})

    def send_raw(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        """Send bytes as they are; a Content-Length given is not corrected."""
        self.sent = status
        self.send_response(status)
        length = {} if status == 204 else {"Content-Length": str(len(data))}
        for name, value in {**length, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def trickle(self, data: bytes, pause: float) -> None:
        """Send the rest of a body byte by byte."""
        self.close_connection = True
        try:
            for byte in data:
                self.wfile.write(bytes([byte]))
                time.sleep(pause)
        except OSError:
            return

    def cut(self) -> None:
        """Reset the connection."""
        self.close_connection = True
        linger = struct.pack("ii", 1, 0)
        try:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()
        except OSError:
            return

    def down(self, seconds: float) -> None:
        """Stop listening for a time."""
        self.server_of.down(seconds)

    def version_string(self) -> str:
        """Nothing of Python's in the Server header."""
        return "chaos"

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The Date header by the server's own clock, wrong or not."""
        moment = time.time() if timestamp is None else timestamp
        return super().date_time_string(moment + self.server_of.store.skew)

    def log_message(self, *args: Any) -> None:
        """Silence; ``ChaosServer.log`` has what there is to say."""
