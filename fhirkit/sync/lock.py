"""One run at a time in a working tree, by a lock that the kernel drops when its holder dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from fhirkit.core.errors import Blocked


@contextmanager
def locked(folder: Path, *, wait: float = 0.0) -> Iterator[None]:
    """Hold the lock of the ``.fhirkit`` folder; ``Blocked`` when another run has it."""
    lock = FileLock(folder / "lock", timeout=wait, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise Blocked(
            f"{folder}: another fhirkit is at work in this working tree",
            advice="wait until it has ended",
        ) from None
    except OSError as problem:
        raise Blocked(f"{folder}: the lock cannot be taken ({problem.strerror})") from None
    try:
        yield
    finally:
        lock.release()
