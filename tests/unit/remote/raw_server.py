"""A server of raw answers, in the clear or over TLS, that keeps what it was sent."""

from __future__ import annotations

import socketserver
import ssl
import threading
from collections.abc import Callable
from typing import Any

from fhirkit.remote import Client, Policy, Transport

OK = b'{"resourceType":"Patient","id":"p"}'
QUICK = Policy(timeout=0.5, tries=3, first_wait=0.01, longest_wait=0.05, max_bytes=100_000)
PATIENT = Policy(timeout=20.0, tries=3, first_wait=0.01, longest_wait=0.05, max_bytes=100_000)


class Raw:
    """A server that answers each connection's requests with the next of `answers`, as bytes."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answers: list[bytes | Callable[[Any], None]] = []
        self.requests: list[bytes] = []
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while True:
                    head = b""
                    while not head.endswith(b"\r\n\r\n"):
                        line = self.rfile.readline()
                        if not line:
                            return
                        head += line
                    length = head.lower().partition(b"content-length: ")[2].split(b"\r")[0]
                    outer.requests.append(head + self.rfile.read(int(length or 0)))
                    answer = outer.answers.pop(0) if outer.answers else b""
                    if callable(answer):
                        answer(self)
                        return
                    self.wfile.write(answer)
                    if not answer or b"close" in answer[:200]:
                        return

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

            def get_request(self) -> Any:
                plain, address = super().get_request()
                if tls is None:
                    return outer.look(plain), address
                plain.settimeout(2)
                return tls.wrap_socket(plain, server_side=True), address

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that hangs up is part of the tests."""

        self.server = Server(("127.0.0.1", 0), Handler)
        scheme = "http" if tls is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self.server.server_address[1]}/fhir"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def look(self, connection: Any) -> Any:
        """A new connection, before anything is read of it."""
        return connection

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def client(self, *, patient: bool = True, **more: Any) -> Client:
        """A client; a busy machine does not make a patient one fail."""
        self.waits: list[float] = []
        policy = PATIENT if patient else QUICK
        transport = Transport(self.url, policy=policy, sleep=self.waits.append, **more)
        return Client(self.url, transport=transport)


def http(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers]
    if not any(header.lower().startswith("content-length") for header in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
