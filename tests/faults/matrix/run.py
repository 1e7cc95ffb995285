"""Runs cases at their boundaries, two at a time, and gathers what came of them."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from rows import Case, cases, run_case
from world import Runner

_runner: Runner | None = None
MOST = 400
#: Trees in memory where that can be had: a kill -9 is the same there, and no disk has to sync for
#: each of ten thousand commits. (What a disk does when the power goes is not tried here.)
_MEMORY = Path("/dev/shm")  # noqa: S108  # each case has a folder of its own, by mkdtemp
ROOM = _MEMORY if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) else None


@dataclass
class Outcome:
    """What came of one case: boundaries tried, and what was broken at which of them.

    ``commit`` is what was tried, ``most`` the limit of boundaries, 0 for every one.
    """

    row: str
    title: str
    tried: int = 0
    broken: dict[int, list[str]] = field(default_factory=dict)
    commit: str = ""
    most: int = 0


def titles() -> list[str]:
    """The names of all cases, in their order."""
    return [f"{case.row} {case.title}" for case in cases()]


def selected(rows: Iterable[str] = (), word: str = "") -> list[int]:
    """The numbers of the cases in these rows (all when none is named) whose title has the word."""
    wanted = set(rows)
    return [
        number
        for number, case in enumerate(cases())
        if (not wanted or case.row in wanted) and word in case.title
    ]


def run_all(
    numbers: list[int],
    *,
    most: int,
    workers: int,
    kept: Callable[[int, Outcome, float], None],
) -> None:
    """Run cases by their numbers; `most` boundaries of each, spread, or all when it is 0.

    `kept` gets each as it ends: its number, what came of it, and the seconds that it took.
    """
    with ProcessPoolExecutor(workers) as pool:
        waiting = {pool.submit(_timed, number, most): number for number in numbers}
        for future in as_completed(waiting):
            kept(waiting[future], *future.result())


def _timed(number: int, most: int) -> tuple[Outcome, float]:
    started = time.monotonic()
    return one_case(number, most), time.monotonic() - started


def one_case(number: int, most: int) -> Outcome:
    """One case at its boundaries."""
    global _runner  # noqa: PLW0603  # one zygote for each worker
    if _runner is None:
        _runner = Runner()
    case = list(cases())[number]
    outcome = Outcome(case.row, case.title)
    if case.once:
        _try(case, 1, outcome)
        return outcome
    if not most:
        for boundary in range(1, MOST):
            if not _try(case, boundary, outcome):
                break
        return outcome
    # How many there are is not known before: the steps grow.
    boundary = 1
    for step in range(most):
        if not _try(case, boundary, outcome):
            break
        boundary += step + 1
    return outcome


def _try(case: Case, boundary: int, outcome: Outcome) -> bool:
    assert _runner is not None
    folder = Path(tempfile.mkdtemp(prefix="fhirkit-faults-", dir=ROOM))
    try:
        found = run_case(case, boundary, folder, _runner)
    except Exception:  # noqa: BLE001  # a bug of the harness is a failure of the case
        found = [f"harness: {traceback.format_exc(limit=-3)}"]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if found is None:
        return False
    outcome.tried += 1
    if found:
        outcome.broken[boundary] = found
    return True
