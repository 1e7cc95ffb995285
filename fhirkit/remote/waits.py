"""Waiting between requests, which ends at once when the command is to end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Waits:
    """The waits of one client: call it with seconds. ``sleep`` replaces the real waiting."""

    def __init__(self, sleep: Callable[[float], None] | None = None) -> None:
        self._sleep = sleep
        self._over = threading.Event()

    def __call__(self, seconds: float) -> None:
        """Wait, unless it is over; whoever goes on afterwards has to ask whether it is."""
        if self._over.is_set():
            return
        if self._sleep is not None:
            self._sleep(seconds)
        elif threading.current_thread() is threading.main_thread():
            time.sleep(seconds)  # an interrupt ends it by itself
        else:
            self._over.wait(seconds)

    def stop(self) -> None:
        """Wake everybody who waits, and let nobody wait again."""
        self._over.set()

    @property
    def over(self) -> bool:
        """Whether the command is to end."""
        return self._over.is_set()
