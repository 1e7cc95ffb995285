"""A proxy with faults, between the client and a real server."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from urllib.parse import urlsplit

from fhirkit.chaos import ChaosServer
from fhirkit.chaos.reply import Reply


class Proxy(ChaosServer):
    """Forwards to `target`; `url` is the same base on the proxy's own port."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        assert parts.hostname is not None
        self.target_host, self.target_port, self.target_path = (
            parts.hostname,
            parts.port,
            parts.path,
        )
        super().__init__()

    def handle(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> Reply:
        connection = http.client.HTTPConnection(self.target_host, self.target_port, timeout=60)
        names = ("Content-Type", "If-Match", "If-None-Match", "If-None-Exist", "Cache-Control",
                 "X-Request-Id", "Accept", "Prefer")  # fmt: skip
        passed = {name: headers[name] for name in names if name in headers}
        target = self.target_path + path + (f"?{query}" if query else "")
        connection.request(method, target, body or None, passed)
        response = connection.getresponse()
        data = response.read()
        connection.close()
        kept = {
            name: value
            for name in ("ETag", "Location", "Last-Modified", "Content-Location")
            if (value := response.headers[name])
        }
        return Reply(response.status, json.loads(data) if data.strip() else None, kept)
