"""How much at once: the size of a group and the number of groups under way, by the answers.

Additive increase, multiplicative decrease. What the server asks for (429, 503, 504), what it
finds too large (413) and what takes it much longer than before make less of it; every round
without trouble makes a little more.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from fhirkit.core.errors import FhirkitError, Refused
from fhirkit.remote.failures import Busy
from fhirkit.sync.order import Component, Limits

#: The server finds the request too large, whatever is in it.
TOO_LARGE = 413
#: An entry that takes this many times its usual time means that the server has enough.
_SLOW = 3.0


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
    _usual: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.entries, self.size = self.start.entries, self.start.size
        self._ceiling = self.entries

    @property
    def limits(self) -> Limits:
        """How large the next group may be."""
        return Limits(self.entries, self.size)

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

    def went_well(self, entries: int, seconds: float) -> None:
        """A group arrived whole, in this time."""
        each = seconds / max(1, entries)
        with self._lock:
            if self._usual is not None and each > _SLOW * self._usual and self.width > 1:
                self._less()
                self._usual = each
                return
            self._usual = each if self._usual is None else 0.8 * self._usual + 0.2 * each
            self.entries = min(self._ceiling, self.entries + max(1, self.entries // 8))
            self.size = min(self.start.size, self.size + self.size // 8)
            self._clean += 1
            if self._clean >= self.width:
                self._clean = 0
                self.width = min(self.most, self.width + 1)

    def met(self, trouble: FhirkitError, entries: int) -> None:
        """A group of so many entries met this."""
        status = trouble.status if isinstance(trouble, Refused) else 0
        with self._lock:
            if isinstance(trouble, Busy):
                self._less()
            if status in (TOO_LARGE, 504) and entries > 1:
                # What was refused once is not tried again in this run.
                self._ceiling = min(self._ceiling, entries - 1)
                self.entries = min(self.entries, max(1, entries // 2))
                self.size = max(1024, self.size // 2)

    def _less(self) -> None:
        self._clean = 0
        self.width = max(1, self.width // 2)
