"""What a bulk export made, as its manifest says it: read strictly, since nothing else proves it.

https://hl7.org/fhir/uv/bulkdata/export.html#response---complete-status
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fhirkit.core.errors import BadAnswer

_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")


@dataclass(frozen=True, slots=True)
class ExportFile:
    """One NDJSON file: the type of its resources, its address as written, and how many they are
    (None when the server does not say).
    """

    kind: str
    url: str
    count: int | None


@dataclass(frozen=True, slots=True)
class Manifest:
    """A finished export: ``moment`` is the server's time that it shows, as an instant.

    ``output`` holds resources, ``deleted`` Bundles of deletions (None: the server has no such
    list), ``errors`` OperationOutcomes. ``following`` leads to the next part of the manifest.
    """

    moment: str
    needs_token: bool
    output: tuple[ExportFile, ...]
    deleted: tuple[ExportFile, ...] | None
    errors: tuple[ExportFile, ...]
    following: str | None = None

    @classmethod
    def of(cls, body: Any, what: str) -> Manifest:
        """Read a manifest; ``BadAnswer`` for anything in it that is not as the guide says."""
        if not isinstance(body, dict):
            raise _bad(what, "it is no JSON object")
        moment = body.get("transactionTime")
        if not isinstance(moment, str) or not _is_instant(moment):
            raise _bad(what, "transactionTime is no instant")
        # Left out, it says nothing against asking without one; our own server is shown it if it
        # then wants it.
        needs_token = body.get("requiresAccessToken", False)
        if not isinstance(needs_token, bool):
            raise _bad(what, "requiresAccessToken is neither true nor false")
        if not isinstance(body.get("output"), list):
            raise _bad(what, "output is no list")
        return cls(
            moment=moment,
            needs_token=needs_token,
            output=_files(body, "output", what),
            deleted=_files(body, "deleted", what) if body.get("deleted") is not None else None,
            errors=_files(body, "error", what),
            following=_next(body.get("link"), what),
        )

    def joined(self, more: Manifest, what: str) -> Manifest:
        """The manifest with the part that follows it."""
        if more.moment != self.moment:
            raise _bad(what, "its parts are of different times")
        deleted = (self.deleted or ()) + (more.deleted or ())
        told = self.deleted is not None or more.deleted is not None
        return Manifest(
            moment=self.moment,
            needs_token=self.needs_token or more.needs_token,
            output=self.output + more.output,
            deleted=deleted if told else None,
            errors=self.errors + more.errors,
            following=more.following,
        )


def _files(body: dict[str, Any], name: str, what: str) -> tuple[ExportFile, ...]:
    rows = body.get(name)
    if rows is None:
        return ()
    if not isinstance(rows, list):
        raise _bad(what, f"{name} is no list")
    found = []
    for row in rows:
        if not isinstance(row, dict):
            raise _bad(what, f"{name} holds something that is no file")
        kind, url, count = row.get("type"), row.get("url"), row.get("count")
        # Errors are of one type, so servers may leave it out; HAPI and Helios do not.
        kind = "OperationOutcome" if kind is None and name == "error" else kind
        if not isinstance(kind, str) or _TYPE.fullmatch(kind) is None:
            raise _bad(what, f"a file in {name} has no type")
        if not isinstance(url, str) or not url.strip():
            raise _bad(what, f"a file in {name} has no address")
        if count is not None and (type(count) is not int or count < 0):
            raise _bad(what, f"a file in {name} has a count that is no number")
        found.append(ExportFile(kind, url, count))
    return tuple(found)


def _next(links: Any, what: str) -> str | None:
    if links is None:
        return None
    if not isinstance(links, list) or not all(isinstance(link, dict) for link in links):
        raise _bad(what, "link is no list of links")
    for link in links:
        if link.get("relation") == "next":
            url = link.get("url")
            if not isinstance(url, str) or not url:
                raise _bad(what, "its next link cannot be read")
            return url
    return None


def _is_instant(text: str) -> bool:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return False
    return moment.tzinfo is not None


def _bad(what: str, said: str) -> BadAnswer:
    return BadAnswer(f"{what}: the manifest cannot be read: {said}")
