"""Faults at the boundary of a request, as data: which requests they meet, and what happens."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fake_server import Reply

Act = Callable[[Any, Callable[[], Reply], bytes], None]


@dataclass
class Fault:
    """`act` happens to matching requests, from the `first` on, `times` times (0: always)."""

    name: str
    act: Act
    method: str = ""
    path: str = ""
    first: int = 1
    times: int = 1
    met: int = 0
    struck: int = 0

    def strikes(self, method: str, target: str) -> bool:
        if self.method not in ("", method) or self.path not in target:
            return False
        self.met += 1
        if self.met < self.first or (self.times and self.struck >= self.times):
            return False
        self.struck += 1
        return True


@dataclass
class Faults:
    """The faults that a server is under."""

    faults: list[Fault] = field(default_factory=list)

    def serve(self, handler: Any, target: str) -> bool:
        for fault in self.faults:
            if fault.strikes(handler.command, handler.path):
                fault.act(handler, handler.answer, handler.body)
                return True
        return False


def cut(handler: Any) -> None:
    """Reset the connection."""
    handler.close_connection = True
    linger = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.connection.close()


def drop_before(handler: Any, answer: Any, body: bytes) -> None:
    cut(handler)


def drop_after(handler: Any, answer: Any, body: bytes) -> None:
    answer()
    cut(handler)


def commit_later(handler: Any, answer: Any, body: bytes) -> None:
    """The client hears nothing, and the server does it a little later."""
    cut(handler)
    time.sleep(0.15)
    answer()


def truncate(handler: Any, answer: Any, body: bytes) -> None:
    """Half the body, then the end; the length announced is the whole one."""
    reply = answer()
    data = json.dumps(reply.body).encode()
    handler.send_raw(reply.status, data[: len(data) // 2], {"Content-Length": str(len(data))})
    cut(handler)


def half_json(handler: Any, answer: Any, body: bytes) -> None:
    """Half the body, with a length that fits."""
    reply = answer()
    data = json.dumps(reply.body).encode()
    handler.send_raw(reply.status, data[: len(data) // 2], {"Content-Type": "application/json"})


def drip(handler: Any, answer: Any, body: bytes) -> None:
    """A byte now and then, for ever."""
    answer()
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    handler.close_connection = True
    try:
        for _ in range(200):
            handler.wfile.write(b" ")
            time.sleep(0.05)
    except OSError:
        return


def status(code: int, headers: dict[str, str] | None = None, *, commit: bool = False) -> Act:
    """An error status, before or after the server did it."""

    def act(handler: Any, answer: Any, body: bytes) -> None:
        if commit:
            answer()
        issue = {"severity": "error", "code": "transient", "diagnostics": "a fault"}
        outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
        handler.send(Reply(code, outcome, headers or {}))

    return act


def page(text: bytes, code: int = 200, *, commit: bool = True) -> Act:
    """A web page, as from a proxy."""

    def act(handler: Any, answer: Any, body: bytes) -> None:
        if commit:
            answer()
        handler.send_raw(code, text, {"Content-Type": "text/html"})

    return act


def outcome_200(handler: Any, answer: Any, body: bytes) -> None:
    answer()
    issue = {"severity": "error", "code": "exception", "diagnostics": "hidden"}
    handler.send(Reply(200, {"resourceType": "OperationOutcome", "issue": [issue]}))


def redirect(handler: Any, answer: Any, body: bytes) -> None:
    headers = {"Location": "http://elsewhere.example/fhir/Patient?name=secret"}
    handler.send(Reply(307, None, headers))


def bomb(handler: Any, answer: Any, body: bytes) -> None:
    """Few bytes on the wire, very many after decompression."""
    data = gzip.compress(b'{"a":"' + b" " * 40_000_000 + b'"}')
    handler.send_raw(
        200, data, {"Content-Encoding": "gzip", "Content-Type": "application/fhir+json"}
    )


def changed(change: Callable[[Any], Any]) -> Act:
    """The true answer with its body changed."""

    def act(handler: Any, answer: Any, body: bytes) -> None:
        reply = answer()
        reply.body = change(json.loads(json.dumps(reply.body)))
        handler.send(reply)

    return act


def without_last(bundle: Any) -> Any:
    bundle["entry"] = bundle.get("entry", [])[:-1]
    return bundle


def reordered(bundle: Any) -> Any:
    bundle["entry"] = list(reversed(bundle.get("entry", [])))
    return bundle


def loops(bundle: Any) -> Any:
    """The next link leads to this page again."""
    for link in bundle.get("link", []):
        if link["relation"] == "next":
            link["url"] = link["url"].replace("offset=", "offset=0&x=")
    return bundle


def twice(handler: Any, answer: Any, body: bytes) -> None:
    """A proxy delivers the request twice; the client hears of the second time."""
    answer()
    handler.send(answer())
