"""How much at once: the size of a group and the number of groups under way, by the answers.

Additive increase, multiplicative decrease. What the server asks for (429, 503, 504), what it
finds too large (413) make less of it; every round without trouble makes a little more, as long as
more under way is really faster.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from fhirkit.core.errors import FhirkitError, Refused
from fhirkit.remote.failures import Busy
from fhirkit.sync.order import Component, Limits

_TOO_LARGE = 413
#: A round is so many groups for each that may be under way.
_ROUNDS = 2
#: One more under way has to bring this much, or it is taken back.
_WORTH = 1.1
#: And then so many rounds pass before it is tried again.
_REST = 20


def too_large(trouble: FhirkitError | None) -> bool:
    """Whether the server finds the request too large, whatever is in it."""
    if not isinstance(trouble, Refused):
        return False
    issues = (trouble.outcome or {}).get("issue")
    codes = (
        [one.get("code") for one in issues if isinstance(one, dict)]
        if isinstance(issues, list)
        else []
    )
    return trouble.status == _TOO_LARGE or "too-costly" in codes


@dataclass(slots=True)
class Pace:
    """The limits for the next group, and how many groups may be under way (``width``)."""

    start: Limits = field(default_factory=Limits)
    most: int = 4
    width: int = 1
    entries: int = 0
    size: int = 0
    _ceiling: int = 0
    _clean: int = 0
    _done: int = 0
    _rate: float = 0.0
    _tried: bool = False
    _rest: int = 0
    _since: float = 0.0
    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.entries, self.size = self.start.entries, self.start.size
        self._ceiling = self.entries
        self._since = self.clock()

    @property
    def limits(self) -> Limits:
        """How large the next group may be."""
        return Limits(self.entries, self.size)

    def only_one(self) -> None:
        """Each resource is a group of its own, however well it goes."""
        with self._lock:
            self.entries = self._ceiling = 1

    def cut(self, parts: list[Component]) -> list[list[Component]]:
        """A group that has become too large since, as groups that are not."""
        groups: list[list[Component]] = [[]]
        entries = 0
        for part in parts:
            if groups[-1] and entries + len(part) > self.entries:
                groups.append([])
                entries = 0
            groups[-1].append(part)
            entries += len(part)
        return groups

    def went_well(self, entries: int) -> None:
        """A group of so many entries arrived whole."""
        with self._lock:
            self.entries = min(self._ceiling, self.entries + max(1, self.entries // 8))
            self.size = min(self.start.size, self.size + self.size // 8)
            self._clean += 1
            self._done += entries
            if self._clean < _ROUNDS * self.width:
                return
            now = self.clock()
            rate = self._done / max(1e-6, now - self._since)
            self._begin_round(now)
            if self._tried and rate < _WORTH * self._rate:
                # One more under way brought nothing: the server works at its own speed.
                self.width -= 1
                self._tried, self._rest = False, _REST
            elif self._rest:
                self._rest -= 1
                self._tried = False
            else:
                self._tried = self.width < self.most
                self.width = min(self.most, self.width + 1)
            self._rate = rate

    def met(self, trouble: FhirkitError, entries: int) -> None:
        """A group of so many entries met this."""
        slow = isinstance(trouble, Refused) and trouble.status == 504
        with self._lock:
            if isinstance(trouble, Busy):
                self._less()
            if (slow or too_large(trouble)) and entries > 1:
                # What was refused once is not tried again in this run.
                self._ceiling = min(self._ceiling, entries - 1)
                self.entries = min(self.entries, max(1, entries // 2))
                self.size = max(1024, self.size // 2)

    def _less(self) -> None:
        self.width = max(1, self.width // 2)
        self._tried, self._rest = False, _REST
        self._begin_round(self.clock())

    def _begin_round(self, now: float) -> None:
        self._clean = self._done = 0
        self._since = now
