"""Packages made for tests, good and hostile, and a registry in this process that serves them."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile  # noqa: TID251  # the tests make the archives that the reader must judge
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATIENT = {"resourceType": "StructureDefinition", "id": "a", "url": "http://example.org/a"}


def tgz(
    *entries: tuple[str, bytes], change: Callable[[tarfile.TarInfo], None] | None = None
) -> bytes:
    """An archive of these members; `change` may spoil the header of each."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, data in entries:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            if change is not None:
                change(info)
            tar.addfile(info, io.BytesIO(data) if info.isreg() else None)
    return out.getvalue()


def manifest(name: str, version: str, **rest: Any) -> tuple[str, bytes]:
    table = {"name": name, "version": version, "fhirVersions": ["4.0.1"], **rest}
    return "package/package.json", json.dumps(table).encode()


def package(
    name: str,
    version: str = "1.0.0",
    *,
    needs: dict[str, str] | None = None,
    title: str = "as released",
    extra: tuple[tuple[str, bytes], ...] = (),
    **rest: Any,
) -> bytes:
    """A good package of one definition."""
    resource = {
        "resourceType": "StructureDefinition",
        "id": "thing",
        "url": f"http://example.org/{name}/StructureDefinition/thing",
        "version": version,
        "title": title,
    }
    return tgz(
        manifest(name, version, dependencies=needs or {}, **rest),
        ("package/StructureDefinition-thing.json", json.dumps(resource).encode()),
        *extra,
    )


@dataclass
class Page:
    """An answer of the registry."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class FakeRegistry:
    """A registry on this machine. `style` tells where archives lie: npm's or FHIR's way."""

    def __init__(self, style: str = "npm") -> None:
        self.style = style
        self.pages: dict[str, Page] = {}
        self.listings: dict[str, dict[str, Any]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
                page = outer.pages.get(self.path) or Page(b"not found", 404)
                self.send_response(page.status)
                for name, value in page.headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in page.headers:
                    self.send_header("Content-Length", str(len(page.body)))
                self.end_headers()
                self.wfile.write(page.body)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.host = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def publish(self, name: str, version: str, data: bytes, **dist: Any) -> None:
        """Serve an archive; members of `dist` replace what the list would say of it."""
        listing = self.listings.setdefault(name, {"name": name, "dist-tags": {}, "versions": {}})
        archive = f"/{name}/{version}" if self.style == "fhir" else f"/-/{name}-{version}.tgz"
        integrity = base64.b64encode(hashlib.sha512(data).digest()).decode()
        said = {
            "tarball": f"{self.url}{archive}",
            "shasum": hashlib.sha1(data, usedforsecurity=False).hexdigest(),
            "integrity": f"sha512-{integrity}",
        }
        said = {key: value for key, value in (said | dist).items() if value is not None}
        entry = {"name": name, "version": version, "dist": said}
        listing["versions"][version] = entry
        listing["dist-tags"]["latest"] = version
        self.pages[f"/{name}"] = Page(json.dumps(listing).encode())
        if self.style == "npm":
            self.pages[f"/{name}/{version}"] = Page(json.dumps(entry).encode())
        self.pages[archive] = Page(data)

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]
