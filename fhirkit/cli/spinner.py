"""Progress of something long without a known length: phase lines, and a spinner on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fhirkit.cli.console import plain, say
from fhirkit.server.progress import Progress

if TYPE_CHECKING:
    from rich.status import Status


class Spinner(Progress):
    """Phases as lines on standard error; details behind a spinner, if there is one."""

    def __init__(self, status: Status | None) -> None:
        self._status = status

    def phase(self, text: str) -> None:
        """Write the phase down for good."""
        if self._status is None:
            say(text)
        else:
            # Through the spinner's own console, which clears its line before and redraws it after.
            self._status.console.print(plain(text), markup=False, highlight=False)

    def detail(self, text: str) -> None:
        """Show how far it is, on a terminal only."""
        if self._status is not None:
            self._status.update(text)


@contextmanager
def spinning() -> Iterator[Spinner]:
    """A spinner while the block runs, where standard error is a terminal."""
    if not sys.stderr.isatty():
        yield Spinner(None)
        return
    from rich.console import Console
    from rich.status import Status

    with Status("", console=Console(stderr=True)) as status:
        yield Spinner(status)
