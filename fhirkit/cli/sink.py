"""Where a report goes: standard output as it comes, or a file that appears when it is whole."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from fhirkit.cli.console import emit, wants_colour
from fhirkit.core.errors import UsageError


class Sink:
    """Takes the parts of a report. A file is written at the end, by rename, or not at all."""

    def __init__(self, output: str | None) -> None:
        self._path = None if output in (None, "-") else Path(str(output))
        self._parts: list[str] = []
        if self._path is not None and self._path.exists() and not self._path.is_file():
            # Known now, and not when everything was checked.
            raise UsageError(
                f"{self._path}: is no file, so no report is written there",
                advice="-o - is standard output",
            )

    @property
    def colour(self) -> bool:
        """Whether a terminal reads along that shows colours (https://no-color.org)."""
        return self._path is None and wants_colour()

    def write(self, text: str) -> None:
        """Write a part."""
        if self._path is None:
            if text:
                emit(text)
        else:
            self._parts.append(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None and self._path is not None:
            from fhirkit.core.files import write_atomic

            write_atomic(self._path, "".join(self._parts).encode(), private=False)
