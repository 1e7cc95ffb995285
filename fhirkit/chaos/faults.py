"""What can go wrong with one request: each fault a small function, listed in ``FAULTS``.

``commit`` says whether the server carries the request out before it fails; a client cannot know.
"""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from fhirkit.chaos.behaviour import PROFILES
from fhirkit.chaos.exchange import Act, Exchange, Settings
from fhirkit.chaos.exportfaults import EXPORT_FAULTS
from fhirkit.chaos.reply import Reply, outcome, retry_after
from fhirkit.core.jsonio import dump_bytes


def _drop_before(exchange: Exchange, settings: Settings) -> None:
    del settings
    exchange.cut()


def _drop_after(exchange: Exchange, settings: Settings) -> None:
    del settings
    exchange.answer()
    exchange.cut()


def _late_commit(exchange: Exchange, settings: Settings) -> None:
    """The client hears nothing, or 504, and the server does it later."""
    if settings["status"]:
        exchange.send(_failure(settings["status"]))
    else:
        exchange.cut()
    time.sleep(settings["seconds"])
    exchange.answer()


def _delay(exchange: Exchange, settings: Settings) -> None:
    time.sleep(settings["seconds"])
    exchange.send(exchange.answer())


def _truncate(exchange: Exchange, settings: Settings) -> None:
    """Half of the body, then the end; ``fits`` announces just that half."""
    reply = exchange.answer()
    data = as_bytes(reply.body)
    half = data[: len(data) // 2]
    length = {} if settings["fits"] else {"Content-Length": str(len(data))}
    exchange.send_raw(reply.status, half, {**reply.headers, **length})
    if not settings["fits"]:
        exchange.cut()


def _drip(exchange: Exchange, settings: Settings) -> None:
    reply = exchange.answer()
    data = as_bytes(reply.body) or b"{}"
    exchange.send_raw(reply.status, b"", {"Content-Length": str(len(data))})
    exchange.trickle(data, settings["seconds"])


def _status(exchange: Exchange, settings: Settings) -> None:
    if settings["commit"]:
        exchange.answer()
    exchange.send(_failure(settings["status"], retry_after(settings["retry_after"])))


def _html(exchange: Exchange, settings: Settings) -> None:
    """A web page, as from a proxy or a log-in."""
    if settings["commit"]:
        exchange.answer()
    page = b"<!doctype html><html><body>Please log in</body></html>"
    exchange.send_raw(settings["status"], page, {"Content-Type": "text/html"})


def _outcome_200(exchange: Exchange, settings: Settings) -> None:
    if settings["commit"]:
        exchange.answer()
    exchange.send(Reply(200, outcome("something went wrong", code="exception")))


def _empty_200(exchange: Exchange, settings: Settings) -> None:
    if settings["commit"]:
        exchange.answer()
    exchange.send(Reply(200))


def _redirect(exchange: Exchange, settings: Settings) -> None:
    exchange.send(Reply(settings["status"], None, {"Location": settings["to"]}))


def _bomb(exchange: Exchange, settings: Settings) -> None:
    """Few bytes on the wire, very many after decompression."""
    del settings
    exchange.send_raw(200, _small_and_large(), {"Content-Encoding": "gzip"})


@cache
def _small_and_large() -> bytes:
    return gzip.compress(b'{"a":"' + b" " * 50_000_000 + b'"}')


def _twice(exchange: Exchange, settings: Settings) -> None:
    """A proxy delivers the request twice; the client hears of the second time."""
    del settings
    exchange.answer()
    exchange.send(exchange.answer())


def _short(exchange: Exchange, settings: Settings) -> None:
    reply = exchange.answer()
    if isinstance(reply.body, dict):
        reply.body["entry"] = reply.body.get("entry", [])[: -settings["entries"]]
    exchange.send(reply)


def _reordered(exchange: Exchange, settings: Settings) -> None:
    del settings
    reply = exchange.answer()
    if isinstance(reply.body, dict):
        reply.body["entry"] = list(reversed(reply.body.get("entry", [])))
    exchange.send(reply)


def _entry_status(exchange: Exchange, settings: Settings) -> None:
    """One entry of a Bundle is refused, though the Bundle is answered by 200."""
    from fhirkit.core.jsonio import loads

    bundle = loads(exchange.body)
    number = min(settings["entry"], len(bundle.get("entry", [])) - 1)
    refused = bundle["entry"].pop(number)
    del refused
    exchange.body = dump_bytes(bundle, indent=False)
    with exchange.fhir.lock:
        before = exchange.fhir.behaviour
        exchange.fhir.behaviour = before.changed({"transactions": "batch"})
        try:
            reply = exchange.answer()
        finally:
            exchange.fhir.behaviour = before
    said: dict[str, Any] = {"status": str(settings["status"]), "outcome": outcome("not this one")}
    if isinstance(reply.body, dict):
        entries = reply.body.setdefault("entry", [])
        entries.insert(number, {"response": said})
    exchange.send(reply)


def _links(change: Callable[[str, Settings], str | None]) -> Act:
    """The true page with its next link changed, or taken away."""

    def act(exchange: Exchange, settings: Settings) -> None:
        reply = exchange.answer()
        body = reply.body
        if isinstance(body, dict):
            links = []
            for link in body.get("link", []):
                if link.get("relation") == "next":
                    url = change(str(link["url"]), settings)
                    if url is not None:
                        links.append({**link, "url": url})
                else:
                    links.append(link)
            reply.body = {**body, "link": links}
        exchange.send(reply)

    return act


def _repeat(exchange: Exchange, settings: Settings) -> None:
    """A page shows its first rows twice, and so leaves out its last."""
    del settings
    reply = exchange.answer()
    if isinstance(reply.body, dict) and len(reply.body.get("entry", [])) > 1:
        entries = reply.body["entry"]
        reply.body = {**reply.body, "entry": [entries[0], *entries[:-1]]}
    exchange.send(reply)


def _stale_read(exchange: Exchange, settings: Settings) -> None:
    """The version before, as from a replica that lags."""
    del settings
    key = "/".join(exchange.fhir_path.strip("/").split("/")[:2])
    held = exchange.fhir.store.versions.get(key, [])
    if len(held) > 1 and held[-2].resource is not None:
        exchange.send(Reply(200, held[-2].resource, {"ETag": f'W/"{held[-2].number}"'}))
    else:
        exchange.send(Reply(404, outcome("not there", code="not-found")))


def _emptied(exchange: Exchange, settings: Settings) -> None:
    del settings
    with exchange.fhir.lock:
        exchange.fhir.store.empty()
    exchange.send(exchange.answer())


def _exchanged(exchange: Exchange, settings: Settings) -> None:
    """Another server answers at the same address."""
    with exchange.fhir.lock:
        exchange.fhir.store.empty()
        exchange.fhir.behaviour = PROFILES[settings["profile"]].changed({})
    exchange.send(exchange.answer())


def _behave(exchange: Exchange, settings: Settings) -> None:
    """Serve the request with another setting."""
    with exchange.fhir.lock:
        before = exchange.fhir.behaviour
        exchange.fhir.behaviour = before.changed({settings["setting"]: settings["value"]})
        try:
            reply = exchange.answer()
        finally:
            exchange.fhir.behaviour = before
    exchange.send(reply)


def _skew(exchange: Exchange, settings: Settings) -> None:
    """From now on the server's clock goes wrong by so many seconds."""
    exchange.fhir.store.skew = settings["seconds"]
    exchange.send(exchange.answer())


def _stamp_early(exchange: Exchange, settings: Settings) -> None:
    """The write becomes visible now, and is stamped with an earlier time."""
    with exchange.fhir.lock:
        exchange.fhir.stamp = exchange.fhir.store.now() - settings["seconds"]
        try:
            reply = exchange.answer()
        finally:
            exchange.fhir.stamp = None
    exchange.send(reply)


def _other_writer(exchange: Exchange, settings: Settings) -> None:
    """Somebody else changes what the request is about, just before or just after it."""
    server = exchange.fhir

    def interfere() -> None:
        for key in _keys(exchange):
            resource = server.store.read(key)
            if resource is not None:
                server.put({**resource, "language": settings["language"]})

    with server.lock:
        if settings["before"]:
            interfere()
        reply = exchange.answer()
        if not settings["before"]:
            interfere()
    exchange.send(reply)


def _down(exchange: Exchange, settings: Settings) -> None:
    if settings["commit"]:
        exchange.answer()
    exchange.cut()
    exchange.down(settings["seconds"])


def _keys(exchange: Exchange) -> list[str]:
    """The resources that a request is about."""
    from fhirkit.core.jsonio import loads

    path = exchange.fhir_path.strip("/")
    if path:
        return ["/".join(path.split("/")[:2])]
    urls = [one.get("request", {}).get("url", "") for one in loads(exchange.body).get("entry", [])]
    return [url for url in urls if "/" in url]


def _failure(status: int, headers: dict[str, str] | None = None) -> Reply:
    return Reply(status, outcome("a fault on purpose", code="transient"), headers or {})


def as_bytes(body: Any) -> bytes:
    """A reply's body on the wire."""
    if body is None:
        return b""
    return body if isinstance(body, bytes) else dump_bytes(body, indent=False)


#: Name → what happens, and the settings with their defaults.
FAULTS: dict[str, tuple[Act, Settings]] = {
    "drop-before": (_drop_before, {}),
    "drop-after": (_drop_after, {}),
    "late-commit": (_late_commit, {"seconds": 1.0, "status": 0}),
    "delay": (_delay, {"seconds": 1.0}),
    "truncate": (_truncate, {"fits": False}),
    "drip": (_drip, {"seconds": 0.1}),
    "status": (_status, {"status": 503, "commit": False, "retry_after": ""}),
    "html": (_html, {"status": 200, "commit": False}),
    "outcome-200": (_outcome_200, {"commit": False}),
    "empty-200": (_empty_200, {"commit": False}),
    "redirect": (_redirect, {"status": 307, "to": "https://elsewhere.example/fhir"}),
    "gzip-bomb": (_bomb, {}),
    "twice": (_twice, {}),
    "short-response": (_short, {"entries": 1}),
    "reordered-response": (_reordered, {}),
    "entry-status": (_entry_status, {"entry": 0, "status": 429}),
    "next-link-loop": (_links(lambda url, _: url.replace("offset=", "offset=0&x=")), {}),
    "next-link-missing": (_links(lambda _url, _: None), {}),
    "next-link-gone": (_links(lambda url, _: url.replace("_getpages=", "_getpages=gone")), {}),
    "next-link-elsewhere": (
        _links(lambda url, settings: settings["to"] + url[url.index("?") :]),
        {"to": "http://elsewhere.example:8080/fhir"},
    ),
    "repeat": (_repeat, {}),
    "stale-read": (_stale_read, {}),
    "emptied": (_emptied, {}),
    "exchanged": (_exchanged, {"profile": "helios"}),
    "behave": (_behave, {"setting": "", "value": ""}),
    "clock-skew": (_skew, {"seconds": 3600.0}),
    "stamp-early": (_stamp_early, {"seconds": 60.0}),
    "other-writer": (_other_writer, {"before": True, "language": "fr"}),
    "down": (_down, {"seconds": 0.5, "commit": False}),
    **EXPORT_FAULTS,
}
