"""The garbage collector, paused while much is made that is there to stay.

Reading a large document makes many objects and no garbage; the collector looks through all of them
again and again, which takes longer than the reading. https://docs.python.org/3/library/gc.html
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_lock = Lock()
#: How many pauses there are at the moment, and whether the collector ran before the first.
_state = {"pauses": 0, "was_on": 0}


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause it; afterwards it runs again if it ran before. Threads may pause it side by side."""
    with _lock:
        if _state["pauses"] == 0:
            _state["was_on"] = gc.isenabled()
            gc.disable()
        _state["pauses"] += 1
    try:
        yield
    finally:
        with _lock:
            _state["pauses"] -= 1
            if _state["pauses"] == 0 and _state["was_on"]:
                gc.enable()
