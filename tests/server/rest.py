"""JSON over HTTP to a loopback server, with nothing of ours in between."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: Any


def ask(method: str, url: str, body: Any = None, **headers: str) -> Answer:
    data = None if body is None else json.dumps(body).encode()
    sent = {"Accept": "application/fhir+json", "Content-Type": "application/fhir+json", **headers}
    request = urllib.request.Request(url, data, sent, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return _answer(answer.status, dict(answer.headers), answer.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return _answer(refused.code, dict(refused.headers), refused.read())


def export(base: str, *, within: float) -> dict[str, list[dict[str, Any]]]:
    """A bulk export from kick-off to its files: resources by type."""
    deadline = time.monotonic() + within
    begun = ask("GET", f"{base}/$export", Prefer="respond-async")
    assert begun.status == 202, begun
    while True:
        answer = ask("GET", begun.headers["Content-Location"])
        if answer.status == 200:
            break
        assert answer.status == 202, answer
        assert time.monotonic() < deadline, f"the export took over {within} s"
        time.sleep(0.3)
    found: dict[str, list[dict[str, Any]]] = {}
    for file in answer.body["output"]:
        # Asked for as JSON, HAPI wraps the lines in a Binary; as NDJSON it gives them raw.
        lines = ask("GET", file["url"], Accept="application/fhir+ndjson").body
        found.setdefault(file["type"], []).extend(map(json.loads, lines.splitlines()))
    return found


def _answer(status: int, headers: dict[str, str], raw: bytes) -> Answer:
    text = raw.decode()
    is_json = "json" in headers.get("Content-Type", "") and "ndjson" not in headers["Content-Type"]
    return Answer(status, headers, json.loads(text) if is_json and text else text)
