"""Many inputs checked by several processes, in order, in bounded memory.

Inputs travel in chunks, a few for each process at a time. When a process dies, the inputs that
were under way are tried again one by one, so that only the one that kills it stays unchecked.
"""

from __future__ import annotations

import gc
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from fhirkit.validate.batch import Checked, Input, check, failed
from fhirkit.validate.validator import Validator

#: A chunk ends at so many inputs or bytes; so many chunks are under way for each process.
_INPUTS, _BYTES, _AHEAD = 32, 1 << 20, 3

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
            while len(waiting) < jobs * _AHEAD and (chunk := next(chunks, None)) is not None:
                waiting.append((chunk, pool.submit(chunk)))
            if not waiting:
                return
            chunk, answers = waiting.popleft()
            try:
                done = answers.result()
            except BrokenProcessPool:
                # Whose fault it was nobody can tell: each one under way gets a process again,
                # those of this chunk one at a time.
                pool.renew()
                waiting = deque((other, pool.submit(other)) for other, _ in waiting)
                done = [pool.alone(item) for item in chunk]
            for item, one in zip(chunk, done, strict=True):
                yield one._replace(input=item)
    finally:
        pool.close()


class _Pool:
    """Processes that check; a new one takes the place of one that broke."""

    def __init__(self, validator: Validator, profiles: tuple[str, ...], jobs: int) -> None:
        self._make = validator.recipe
        self._profiles = profiles
        self._jobs = jobs
        self._executor = self._start(jobs)

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


def _chunks(inputs: Iterable[Input]) -> Iterator[_Chunk]:
    rest = iter(inputs)
    for first in rest:
        chunk, size = [first], len(first.data or b"")
        while len(chunk) < _INPUTS and size < _BYTES:
            item = next(rest, None)
            if item is None:
                break
            chunk.append(item)
            size += len(item.data or b"")
        yield chunk


# In the processes

_here: list[Validator] = []


def _begin(make: Callable[[], Validator]) -> None:
    # An interrupt is for the process that everyone waits for.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _here.append(make())
    gc.freeze()


def _answers(chunk: _Chunk, profiles: tuple[str, ...]) -> _Answers:
    checked = check(_here[0], chunk, profiles)
    # The inputs are at hand where the answers go.
    return [one._replace(input=Input(one.input.name, None)) for one in checked]
