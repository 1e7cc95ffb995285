"""Every version of every resource, in the order they were committed, with a clock of its own."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Resource = dict[str, Any]


@dataclass(slots=True)
class Version:
    """One version. ``resource`` is None for a deletion; ``visible`` when an index shows it."""

    key: str
    number: int
    method: str
    stamp: str
    resource: Resource | None
    committed: float = 0.0

    @property
    def kind(self) -> str:
        """The resource's type."""
        return self.key.partition("/")[0]


@dataclass
class Store:
    """``versions`` by ``Type/id``, oldest first; ``log`` has all of them in order of commit."""

    versions: dict[str, list[Version]] = field(default_factory=dict)
    log: list[Version] = field(default_factory=list)
    skew: float = 0.0
    _last: float = 0.0
    _counter: int = 0

    def now(self) -> float:
        """The server's time in seconds; later at each call by a millisecond at least."""
        moment = time.time() + self.skew
        self._last = max(moment, self._last + 0.001) if self.skew >= 0 else moment
        return self._last

    def current(self, key: str) -> Version | None:
        """The newest version, which may be a deletion."""
        held = self.versions.get(key)
        return held[-1] if held else None

    def read(self, key: str) -> Resource | None:
        """The resource as it now is; None when it never was, or is deleted."""
        version = self.current(key)
        return version.resource if version is not None else None

    def write(
        self, key: str, resource: Resource | None, method: str, *, at: float | None = None
    ) -> Version:
        """Commit a new version; ``at`` is its lastUpdated."""
        held = self.versions.setdefault(key, [])
        number = held[-1].number + 1 if held else 1
        stamp = instant(self.now() if at is None else at)
        if resource is not None:
            meta = {**resource.get("meta", {}), "versionId": str(number), "lastUpdated": stamp}
            resource = {**resource, "meta": meta}
        version = Version(key, number, method, stamp, resource, time.monotonic())
        held.append(version)
        self.log.append(version)
        return version

    def undo(self, mark: int) -> None:
        """Take back every commit after the log had ``mark`` of them."""
        while len(self.log) > mark:
            version = self.log.pop()
            held = self.versions[version.key]
            held.pop()
            if not held:
                del self.versions[version.key]

    def new_id(self, style: str) -> str:
        """An id of the server's choice: ``uuid`` or ``numeric``."""
        import uuid

        self._counter += 1
        return str(1000 + self._counter) if style == "numeric" else str(uuid.uuid4())

    def living(self, kind: str | None = None) -> list[Version]:
        """The current version of all that is not deleted, in the order of first creation."""
        prefix = "" if kind is None else f"{kind}/"
        return [
            held[-1]
            for key, held in self.versions.items()
            if key.startswith(prefix) and held[-1].resource is not None
        ]

    def empty(self) -> None:
        """Forget everything, as a server does that begins with a new database."""
        self.versions.clear()
        self.log.clear()


def instant(moment: float) -> str:
    """A FHIR instant in UTC with milliseconds."""
    text = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def seconds(text: str) -> float | None:
    """An instant, dateTime or date as seconds; None when it is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
