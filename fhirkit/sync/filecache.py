"""The stat cache: what a file held when it last looked as it looks now, as in git's index.

A file whose size, times and inode are unchanged is not read again. One that was changed within
the clock's grain of the moment it was read is not remembered: a later change in the same instant
could not be seen. The time is the later of the content's and the file's own, which a program that
sets the first back (``cp -p``, ``tar``, ``touch -r``) cannot set.
"""

from __future__ import annotations

import os
import time
from typing import Protocol

from fhirkit.core.errors import Blocked
from fhirkit.sync.state import State

#: Coarsest step of any file system's clock (FAT: 2 s), in nanoseconds.
_GRAIN = 2_000_000_000

_Seen = tuple[int, int, int]


class FileCache(Protocol):
    """What a scan asks and tells."""

    def known(self, folder: str) -> dict[str, tuple[_Seen, str]]:
        """File name → how it looked and the hash of its content, for one folder."""

    def learn(self, path: str, status: os.stat_result, digest: str) -> None:
        """Note that a file, looking so, holds this content."""


class NoCache:
    """Remembers nothing: every file is read."""

    def known(self, folder: str) -> dict[str, tuple[_Seen, str]]:
        """Nothing."""
        del folder
        return {}

    def learn(self, path: str, status: os.stat_result, digest: str) -> None:
        """Not kept."""


class StoredCache:
    """The cache in ``state.db``; ``save`` it after the scan."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._began = time.time_ns()
        self._new: list[tuple[str, int, int, int, str]] = []

    def known(self, folder: str) -> dict[str, tuple[_Seen, str]]:
        """File name → how it looked and the hash of its content, for one folder."""
        # One read. "0" is the character after "/": the rows between are those of the folder.
        rows = self._state.rows(
            "SELECT path, size, mtime, inode, hash FROM file WHERE path > ? AND path < ?",
            f"{folder}/",
            f"{folder}0",
        )
        start = len(folder) + 1
        return {row[0][start:]: (row[1:4], row[4]) for row in rows}

    def learn(self, path: str, status: os.stat_result, digest: str) -> None:
        """Note that a file, looking so, holds this content."""
        seen = looks(status)
        if seen[1] < self._began - _GRAIN:
            self._new.append((path, *seen, digest))

    def save(self) -> None:
        """Keep what was learned; not keeping it costs time only, so a locked file is no error."""
        if not self._new:
            return
        try:
            self._state.change_many("INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?)", self._new)
        except Blocked:
            return
        self._new.clear()


def looks(status: os.stat_result) -> _Seen:
    """What must be unchanged for a file to count as unchanged."""
    modified, changed = status.st_mtime_ns, status.st_ctime_ns
    return status.st_size, max(changed, modified), status.st_ino
