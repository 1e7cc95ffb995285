"""Where a property or list entry begins and ends in a JSON text, with its comma.

Works on texts that a strict parser has accepted, so it need not check anything.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_WORD = re.compile(r"[^\s{}\[\],:\"]+")
# Inside an object or list: strings whole, so that their brackets do not count.
_NESTED = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]]', re.DOTALL)


class Member(NamedTuple):
    """A property or list entry: offsets of its beginning, of its value, and of the value's end.

    ``name`` is the property's; None for an entry of a list.
    """

    start: int
    value: int
    end: int
    name: str | None

    def text(self, source: str) -> str:
        """The value as it is written."""
        return source[self.value : self.end]


def member_at(source: str, offset: int) -> Member | None:
    """The property whose name, or the entry whose value, begins at an offset; None: neither."""
    if offset >= len(source):
        return None
    name = _STRING.match(source, offset)
    if name is not None:
        after = _skip(source, name.end())
        if source[after : after + 1] == ":":
            value = _skip(source, after + 1)
            end = value_end(source, value)
            return None if end is None else Member(offset, value, end, name[0][1:-1])
    end = value_end(source, offset)
    return None if end is None else Member(offset, offset, end, None)


def value_end(source: str, start: int) -> int | None:
    """Where the value that begins at ``start`` ends; None when no value begins there."""
    first = source[start : start + 1]
    if first == '"':
        found = _STRING.match(source, start)
        return None if found is None else found.end()
    if first not in ("{", "["):
        word = _WORD.match(source, start)
        return None if word is None else word.end()
    depth = 0
    for token in _NESTED.finditer(source, start):
        if token[0] in "{[":
            depth += 1
        elif token[0] in "}]":
            depth -= 1
            if depth == 0:
                return token.end()
    return None


def with_comma(source: str, member: Member) -> tuple[int, int]:
    """What has to go so that the member is gone: itself, one comma, and the space it took.

    The comma behind it goes, together with the space up to what follows; the last member takes
    the comma before it along.
    """
    after = _skip(source, member.end)
    if source[after : after + 1] == ",":
        return member.start, _skip(source, after + 1)
    before = len(source[: member.start].rstrip(" \t\r\n"))
    if source[before - 1 : before] == ",":
        return before - 1, member.end
    return member.start, after


def offset_of(source: str, line: int, column: int) -> int | None:
    """The offset of a line and column, both from 1, in characters; None outside of the text."""
    start = 0
    for _ in range(line - 1):
        found = source.find("\n", start)
        if found < 0:
            return None
        start = found + 1
    offset = start + column - 1
    return offset if offset < len(source) else None


def _skip(source: str, offset: int) -> int:
    found = _SPACE.match(source, offset)
    return offset if found is None else found.end()
