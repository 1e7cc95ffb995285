"""Many inputs checked by several processes, in order, in bounded memory.

Inputs travel in chunks, a few for each process at a time. When a process dies, the inputs that
were under way are tried again one by one, so that only the one that kills it stays unchecked.
"""

from __future__ import annotations

import gc
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from fhirkit.validate.batch import Checked, Input, check, failed
from fhirkit.validate.validator import Validator

#: A chunk ends at so many inputs or bytes; so many chunks are under way for each process.
_INPUTS, _BYTES, _AHEAD = 32, 1 << 20, 3
#: An input that takes so many seconds to come is from a slow stream, and waits for no others.
_SLOW = 0.05
#: So many seconds the outcome of a small input (bytes) is waited for at the beginning, and where
#: the next may be long in coming, so that somebody who looks on sees it at once.
_SMALL, _PATIENCE = 1 << 18, 5.0

#: What one process makes of one chunk: the outcomes, without the inputs themselves.
_Answers = list[Checked]
_Chunk = list[Input]


def check_in_processes(
    validator: Validator, inputs: Iterable[Input], profiles: tuple[str, ...], jobs: int
) -> Iterator[Checked]:
    """The outcome of each input, in order. Each process makes a validator like this one.

    Processes are started afresh, never forked, so a script that calls this needs the usual
    ``if __name__ == "__main__":``.
    """
    pool = _Pool(validator, profiles, jobs)
    chunks = _chunks(inputs)
    waiting: deque[tuple[_Chunk, Future[_Answers]]] = deque()
    try:
        while True:
            patience = 0.0
            while len(waiting) < jobs * _AHEAD and not patience:
                chunk, patience = next(chunks, ([], 0.0))
                if not chunk:
                    break
                waiting.append((chunk, pool.submit(chunk)))
            if not waiting:
                return
            # Of a fast stream, the oldest; of a slow one, what is done in the time it takes.
            until = time.monotonic() + patience if patience else None
            while waiting:
                chunk, answers = waiting[0]
                try:
                    done = answers.result(until and max(0.0, until - time.monotonic()))
                except BrokenProcessPool:
                    # Whose fault it was nobody can tell: each one under way gets a process again,
                    # those of this chunk one at a time.
                    pool.renew()
                    rest = list(waiting)[1:]
                    waiting = deque([waiting[0], *((one, pool.submit(one)) for one, _ in rest)])
                    done = [pool.alone(item) for item in chunk]
                except TimeoutError:
                    break
                waiting.popleft()
                for item, one in zip(chunk, done, strict=True):
                    yield one._replace(input=item)
                if until is None:
                    break
    finally:
        pool.close()


class _Pool:
    """Processes that check; a new one takes the place of one that broke."""

    def __init__(self, validator: Validator, profiles: tuple[str, ...], jobs: int) -> None:
        self._make = validator.recipe
        self._profiles = profiles
        self._jobs = jobs
        self._executor = self._start(jobs)
        # All of them start now, not one by one as they are needed.
        for _ in range(jobs):
            self._executor.submit(_nothing)

    def submit(self, chunk: _Chunk) -> Future[_Answers]:
        """Have a chunk checked."""
        try:
            return self._executor.submit(_answers, chunk, self._profiles)
        except BrokenProcessPool as broken:
            failure: Future[_Answers] = Future()
            failure.set_exception(broken)
            return failure

    def alone(self, item: Input) -> Checked:
        """Check an input in a process of its own."""
        with self._start(1) as executor:
            try:
                return executor.submit(_answers, [item], self._profiles).result()[0]
            except BrokenProcessPool:
                return Checked(item, failed(item), "the process that checked it ended at once")

    def renew(self) -> None:
        """Start again after a process has died."""
        self.close()
        self._executor = self._start(self._jobs)

    def close(self) -> None:
        """Let the processes go; what has not begun is not begun any more."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _start(self, jobs: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            jobs, get_context("spawn"), initializer=_begin, initargs=(self._make,)
        )


def _chunks(inputs: Iterable[Input]) -> Iterator[tuple[_Chunk, float]]:
    """The inputs in chunks that grow while they come quickly, each with the patience to have.

    That is how many seconds outcomes may be waited for before more is read; 0 where inputs are at
    hand. They are those that the stream takes anyway.
    """
    rest, most, first = iter(inputs), 1, True
    while True:
        chunk: _Chunk = []
        size, waited = 0, 0.0
        while len(chunk) < most and size < _BYTES and waited < _SLOW:
            asked = time.monotonic()
            item = next(rest, None)
            if item is None:
                break
            waited = time.monotonic() - asked
            chunk.append(item)
            size += len(item.data or b"")
        if not chunk:
            return
        slow = waited >= _SLOW
        patience = 0.0
        if slow or first:
            patience = _PATIENCE if size <= _SMALL else waited
        yield chunk, patience
        most, first = 1 if slow else min(most * 2, _INPUTS), False


# In the processes

_here: list[Validator] = []


def _begin(make: Callable[[], Validator]) -> None:
    # An interrupt is for the process that everyone waits for.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _here.append(make())
    gc.freeze()


def _nothing() -> None:
    """What lets a process start."""


def _answers(chunk: _Chunk, profiles: tuple[str, ...]) -> _Answers:
    checked = check(_here[0], chunk, profiles)
    # The inputs are at hand where the answers go.
    return [one._replace(input=Input(one.input.name, None)) for one in checked]
