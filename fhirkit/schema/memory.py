"""What was found by name and what was not. Names come from inputs, so there is an end to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

_Found = TypeVar("_Found")
#: Names under which there is nothing, that are remembered.
MANY = 4096


class Memory(Generic[_Found]):
    """Finds each thing once. There are as many as are defined; of what is not, the last few."""

    def __init__(self) -> None:
        self._found: dict[str, _Found] = {}
        self._absent: set[str] = set()

    def get(self, name: str, load: Callable[[str], _Found | None]) -> _Found | None:
        """What ``load`` finds under a name, or None."""
        known = self._found.get(name)
        if known is not None or name in self._absent:
            return known
        found = load(name)
        if found is not None:
            self._found[name] = found
            return found
        if len(self._absent) >= MANY:
            self._absent.clear()
        self._absent.add(name)
        return None
