"""A loopback server with a token endpoint and a FHIR base that wants its tokens."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs


@dataclass
class TokenServer:
    """`grant` makes the answer to a token request; `good` are the tokens that open the base."""

    grant: Callable[[TokenServer], tuple[int, dict[str, Any]]] = lambda server: server.usual()
    forms: list[dict[str, str]] = field(default_factory=list)
    form_headers: list[dict[str, str]] = field(default_factory=list)
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    good: set[str] = field(default_factory=set)
    smart: dict[str, Any] | None = None
    pages: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    date: str | None = None
    redirect: str | None = None
    uses: int = 0
    most_uses: int = 10**9

    def __post_init__(self) -> None:
        handler = type("Handler", (_Handler,), {"outer": self})
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.http.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self.http.server_port}"
        self.base = f"{self.origin}/fhir"
        self.token_url = f"{self.origin}/token"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()

    def usual(self, **more: Any) -> tuple[int, dict[str, Any]]:
        """A new token, and only it is good from now on."""
        token = f"token-{len(self.forms)}"
        self.good, self.uses = {token}, 0
        return 200, {"access_token": token, "token_type": "bearer", "expires_in": 300, **more}

    @property
    def tokens(self) -> list[str | None]:
        """The Authorization headers that the base was asked with."""
        return [shown for _, _, shown in self.asked]


class _Handler(BaseHTTPRequestHandler):
    outer: TokenServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        outer = self.outer
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/token":
            fields = parse_qs(body.decode(), strict_parsing=True)
            outer.forms.append({name: values[0] for name, values in fields.items()})
            outer.form_headers.append(dict(self.headers))
            if outer.redirect is not None:
                self._send(307, {}, {"Location": outer.redirect})
                return
            self._send(*outer.grant(outer))
            return
        if self.path == "/fhir/.well-known/smart-configuration" and outer.smart is not None:
            self._send(200, outer.smart)
            return
        shown = self.headers["Authorization"]
        outer.asked.append((self.command, self.path, shown))
        outer.uses += 1
        if (shown or "").removeprefix("Bearer ") not in outer.good or outer.uses > outer.most_uses:
            issue = {"severity": "error", "code": "login"}
            self._send(401, {"resourceType": "OperationOutcome", "issue": [issue]})
            return
        page = outer.pages.get(self.path, {"resourceType": "Patient", "id": "p"})
        self._send(200, page)

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815  # http.server's names

    def _send(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return self.outer.date or super().date_time_string(timestamp)

    def log_message(self, *args: Any) -> None:
        """Silence."""
