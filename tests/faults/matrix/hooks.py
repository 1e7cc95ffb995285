"""What is done to a command from inside: killed, or refused a write, at the n-th commit or file.

The boundaries are those of the journal as the disk sees it: every commit of SQLite and every
rename. Nothing here knows the tables of sync.
"""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
import threading
import time
from typing import Any

#: What SQLite and the operating system say.
_ERRORS = {
    "no-space": ("database or disk is full", errno.ENOSPC),
    "read-only": ("attempt to write a readonly database", errno.EROFS),
}
_CHANGES = ("INSERT", "UPDATE", "DELETE", "REPLACE", "CREATE", "DROP")


def hurry(late: float) -> None:
    """Short waits and deadlines, and a short time in which a late commit may still come."""
    from fhirkit.remote import transport

    real = transport.Policy.__init__
    usual = {"timeout": 4.0, "first_wait": 0.02, "longest_wait": 1.1, "tries": 5}

    def brief(self: Any, **settings: Any) -> None:
        real(self, **{**usual, **settings, "timeout": usual["timeout"]})

    transport.Policy.__init__ = brief  # type: ignore[method-assign]

    from fhirkit.sync import session

    whole = session.Options.__init__

    def soon(self: Any, **settings: Any) -> None:
        whole(self, **{"quiet": late, **settings})

    session.Options.__init__ = soon  # type: ignore[method-assign]


def install(hook: dict[str, Any] | None) -> dict[str, int]:  # noqa: C901  # closures of one count
    """Count commits and renames, and strike as `hook` says: `at` (commit, rename), `number`,
    `when` (before, during, after) or `do` (no-space, read-only; with `on` from there on)."""
    counts = {"commit": 0, "rename": 0}
    wanted = hook or {}

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def strikes(kind: str) -> bool:
        counts[kind] += 1
        if wanted.get("at") != kind:
            return False
        met = wanted["number"] == counts[kind]
        return met or (bool(wanted.get("on")) and wanted["number"] < counts[kind])

    def around(kind: str, act: Any) -> Any:
        if not strikes(kind):
            return act()
        if "do" in wanted:
            said, number = _ERRORS[wanted["do"]]
            if kind == "commit":
                raise sqlite3.OperationalError(said)
            raise OSError(number, os.strerror(number))
        if wanted["when"] == "before":
            die()
        if wanted["when"] == "during":
            threading.Thread(target=lambda: (time.sleep(0.0002), die()), daemon=True).start()
        found = act()
        die()
        return found

    class Connection(sqlite3.Connection):
        def execute(self, sql: str, *more: Any) -> Any:  # type: ignore[override]
            word = sql.lstrip().split(None, 1)[0].upper() if sql.strip() else ""
            commits = word == "COMMIT" or (word in _CHANGES and not self.in_transaction)
            if not commits:
                return super().execute(sql, *more)
            return around("commit", lambda: sqlite3.Connection.execute(self, sql, *more))

        def commit(self) -> None:
            if self.in_transaction:
                around("commit", lambda: sqlite3.Connection.commit(self))

        def __exit__(self, *problem: object) -> Any:
            if problem[0] is None and self.in_transaction:
                around("commit", lambda: sqlite3.Connection.commit(self))
                return False
            return super().__exit__(*problem)

    connect = sqlite3.connect
    sqlite3.connect = lambda *a, **k: connect(*a, **{"factory": Connection, **k})  # type: ignore[assignment]
    rename = os.replace
    os.replace = lambda *a, **k: around("rename", lambda: rename(*a, **k))  # type: ignore[assignment]
    real = os.rename
    os.rename = lambda *a, **k: around("rename", lambda: real(*a, **k))  # type: ignore[assignment]
    return counts
