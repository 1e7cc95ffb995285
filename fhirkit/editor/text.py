"""The text of an open document, changed piece by piece, and places in it as editors count them.

Lines end at LF, CR LF or CR, and nowhere else: a line separator (U+2028) in a record ends none.
https://microsoft.github.io/language-server-protocol/specifications/lsp/3.17/specification/#textDocuments
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Any

from lsprotocol import types as lsp
from pygls.workspace import TextDocument

_END = re.compile(r"\r\n|\n|\r")
# Python's codec of each unit, and how many bytes a unit is.
_CODECS = {
    lsp.PositionEncodingKind.Utf8: ("utf-8", 1),
    lsp.PositionEncodingKind.Utf16: ("utf-16-le", 2),
}


class Document(TextDocument):
    """A document as pygls keeps it, except for where its lines end."""

    _starts_of: tuple[str, list[int]] | None = None
    #: The last place on a line that was counted: line, characters, units. Records may be one line.
    _last: tuple[int, int, int] = (0, 0, 0)

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines, each with its end."""
        starts, text = self._starts(), self.source
        ends = [*starts[1:], len(text)]
        return tuple(text[start:end] for start, end in zip(starts, ends, strict=True))

    def offset_at_position(self, client_position: lsp.Position) -> int:
        """The offset in characters of a place; the end of the line or text for one behind it."""
        starts, text = self._starts(), self.source
        if client_position.line >= len(starts):
            return len(text)
        start = starts[client_position.line]
        end = starts[client_position.line + 1] if client_position.line + 1 < len(starts) else None
        line = text[start:end].rstrip("\r\n")
        if line.isascii() or self._codec is None:
            return start + min(client_position.character, len(line))
        name, size = self._codec
        cut = line.encode(name, "surrogatepass")[: client_position.character * size]
        # Half a character is none: such a place is taken to be before it.
        return start + len(cut.decode(name, "ignore"))

    def position_at(self, offset: int) -> lsp.Position:
        """The place of an offset, in the units that editor and server agreed on."""
        starts, text = self._starts(), self.source
        offset = min(max(offset, 0), len(text))
        line = bisect_right(starts, offset) - 1
        start, units = starts[line], 0
        last_line, last, last_units = self._last
        if last_line == line and start <= last <= offset:
            start, units = last, last_units
        units += self._units(text[start:offset])
        self._last = (line, offset, units)
        return lsp.Position(line, units)

    def range_of(self, start: int, end: int) -> lsp.Range:
        """The places of two offsets."""
        return lsp.Range(self.position_at(start), self.position_at(end))

    def _apply_incremental_change(self, change: lsp.TextDocumentContentChangePartial) -> None:
        start = self.offset_at_position(change.range.start)
        end = self.offset_at_position(change.range.end)
        self._source = self.source[:start] + change.text + self.source[max(start, end) :]

    @property
    def _codec(self) -> tuple[str, int] | None:
        encoding: Any = self.position_codec.encoding
        if encoding == lsp.PositionEncodingKind.Utf32:
            return None
        return _CODECS.get(encoding, _CODECS[lsp.PositionEncodingKind.Utf16])

    def _units(self, text: str) -> int:
        if text.isascii() or self._codec is None:
            return len(text)
        name, size = self._codec
        return len(text.encode(name, "surrogatepass")) // size

    def _starts(self) -> list[int]:
        """Where each line begins."""
        text = self.source
        if self._starts_of is None or self._starts_of[0] is not text:
            starts = [0, *(end.end() for end in _END.finditer(text))]
            self._starts_of, self._last = (text, starts), (0, 0, 0)
        return self._starts_of[1]
