"""A proxy with faults, between the client and a real server."""

from __future__ import annotations

import http.client
import json
import threading
from typing import Any
from urllib.parse import urlsplit

from fake_server import Reply, _Handler, _Quiet


class Proxy:
    """Forwards to `target`; `url` is the same base on the proxy's own port."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        assert parts.hostname is not None
        self.host, self.port = parts.hostname, parts.port
        self.faults: Any = None
        self.log: list[tuple[str, str]] = []
        handler = type("Handler", (_Handler,), {"fake": self})
        self.http = _Quiet(("127.0.0.1", 0), handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}{parts.path}"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def handle(self, method: str, target: str, headers: Any, body: bytes) -> Reply:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        names = ("Content-Type", "If-Match", "If-None-Match", "Cache-Control", "X-Request-Id")
        passed = {name: headers[name] for name in (*names, "Accept", "Prefer") if headers[name]}
        connection.request(method, target, body or None, passed)
        response = connection.getresponse()
        data = response.read()
        connection.close()
        kept = {
            name: value
            for name in ("ETag", "Location", "Last-Modified")
            if (value := response.headers[name])
        }
        return Reply(response.status, json.loads(data) if data.strip() else None, kept)

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
