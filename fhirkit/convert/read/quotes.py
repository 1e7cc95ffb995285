"""Quotes found in the text they come from: line, column, offset and length of a passage.

Offsets and lengths count characters (Unicode code points) of the decoded text, without a byte
order mark; line breaks count as they are stored (CRLF is two characters). A quote may be broken
over lines anywhere: whitespace in it matches any run of whitespace in the source. Everything
else must be the same, character for character, so that a link never points at something similar.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from functools import cached_property
from typing import NamedTuple

from fhirkit.convert.read.passages import closest

_WORD = re.compile(r"\S+")
_RUN = re.compile(r"\s{2,}")
_BREAK = re.compile(r"\r\n|\r|\n")
#: Hits named in a message; the count is always given in full.
_SHOWN = 5


class QuoteSpan(NamedTuple):
    """A passage: ``line`` and ``column`` from 1, ``offset`` from 0, all in characters."""

    line: int
    column: int
    offset: int
    length: int


class QuoteError(ValueError):
    """A quote that names no single passage. ``advice`` says what to do."""

    def __init__(self, message: str, *, advice: str) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice


class QuoteNotFound(QuoteError):
    """The words are not in the source. ``suggestion`` is the closest passage and its ``line``."""

    def __init__(
        self, message: str, *, advice: str, suggestion: str | None = None, line: int | None = None
    ) -> None:
        super().__init__(message, advice=advice)
        self.suggestion = suggestion
        self.line = line


class QuoteAmbiguous(QuoteError):
    """The words are in the source more than once; ``lines`` has one entry a hit."""

    def __init__(self, message: str, *, advice: str, lines: tuple[int, ...]) -> None:
        super().__init__(message, advice=advice)
        self.lines = lines


class SourceNotText(ValueError):
    """The source cannot be read as UTF-8 text."""


class SourceText:
    """A source document: its bytes' hashes, its text and where words stand in it."""

    def __init__(self, data: bytes, name: str) -> None:
        self.data = data
        self.name = name
        try:
            self.text = data.decode("utf-8-sig")
        except UnicodeDecodeError as problem:
            raise SourceNotText(
                f"{name}: byte {problem.start} is not UTF-8; save the source as UTF-8 text"
            ) from None

    @cached_property
    def sha1(self) -> str:
        """SHA-1 of the bytes, hex (FHIR's Attachment.hash asks for this one)."""
        return hashlib.sha1(self.data, usedforsecurity=False).hexdigest()

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the bytes, hex."""
        return hashlib.sha256(self.data).hexdigest()

    def find(self, quote: str) -> QuoteSpan:
        """The one passage with these words; ``QuoteNotFound`` or ``QuoteAmbiguous`` otherwise."""
        wanted = " ".join(quote.split())
        if not wanted:
            raise QuoteNotFound("the quote is empty", advice="quote the words of the source")
        hits = self._hits(wanted)
        if len(hits) == 1:
            return self._span(hits[0], len(wanted))
        if hits:
            lines = tuple(self._span(hit, len(wanted)).line for hit in hits)
            shown = ", ".join(str(line) for line in lines[:_SHOWN])
            more = ", …" if len(lines) > _SHOWN else ""
            raise QuoteAmbiguous(
                f"the quote stands {len(hits)} times in {self.name} (lines {shown}{more})",
                advice="quote some more words before or after it",
                lines=lines,
            )
        raise self._missing(wanted)

    def line_text(self, line: int) -> str:
        """The text of a line, from 1, without its line break."""
        starts = self._line_starts
        end = starts[line] if line < len(starts) else len(self.text)
        return self.text[starts[line - 1] : end].rstrip("\r\n")

    @property
    def line_count(self) -> int:
        """How many lines the text has; a final line break starts no further line."""
        starts = self._line_starts
        return len(starts) - (len(starts) > 1 and starts[-1] == len(self.text))

    @cached_property
    def _collapsed(self) -> str:
        """The words with one space between: what quotes are looked for in."""
        return " ".join(self.text.split())

    @cached_property
    def _shifts(self) -> tuple[list[int], list[int]]:
        """From which offset of the collapsed text on it lies how far before the text itself."""
        starts, shifts = [0], [len(self.text) - len(self.text.lstrip())]
        for run in _RUN.finditer(self.text, shifts[0]):
            starts.append(run.start() - shifts[-1] + 1)
            shifts.append(shifts[-1] + run.end() - run.start() - 1)
        return starts, shifts

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(found.end() for found in _BREAK.finditer(self.text))]

    def _hits(self, wanted: str) -> list[int]:
        collapsed = self._collapsed
        hits = []
        at = collapsed.find(wanted)
        while at >= 0:
            hits.append(at)
            at = collapsed.find(wanted, at + 1)
        return hits

    def _original(self, at: int) -> int:
        """The offset in the text of a character (not a space) of the collapsed text."""
        starts, shifts = self._shifts
        return at + shifts[bisect_right(starts, at) - 1]

    def _span(self, at: int, length: int) -> QuoteSpan:
        offset = self._original(at)
        end = self._original(at + length - 1) + 1
        line = bisect_right(self._line_starts, offset)
        return QuoteSpan(line, offset - self._line_starts[line - 1] + 1, offset, end - offset)

    def _missing(self, wanted: str) -> QuoteNotFound:
        words = list(_WORD.finditer(self.text))
        found = closest(wanted, [word[0] for word in words])
        message = f"the quote is not in {self.name}"
        if found is None:
            return QuoteNotFound(
                message, advice="quote the source's own words, or give `basis:` and `why:`"
            )
        offset = words[found.first].start()
        line = bisect_right(self._line_starts, offset)
        return QuoteNotFound(
            message if found.reason is None else f"{message}: {found.reason}",
            advice=f"line {line} has: {found.text}",
            suggestion=found.text,
            line=line,
        )
