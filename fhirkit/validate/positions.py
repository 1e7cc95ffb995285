"""Line and column of places in a JSON text, looked up only when there is something to report.

Follows the wanted ways through a text that the strict parser has accepted, so it need not check
anything and cannot disagree about what the text means. What is not on a way is skipped by the C
scanner of the standard library.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from fhirkit.core.jsonio import loads, value_skipper

#: A way through a document: property names and list places.
Keys = tuple[str | int, ...]

# The next property name of an object, up to its value; the next entry of a list.
_NAME = re.compile(r'[\s,]*("[^"\\]*(?:\\.[^"\\]*)*")\s*:\s*', re.DOTALL)
_ENTRY = re.compile(r"[\s,]*")
_SPACE = re.compile(r"\s*")
_END = "end"


def locate(text: str, wanted: Iterable[Keys]) -> dict[Keys, tuple[int, int]]:
    """Line and column, from 1, of each place that exists: of its property name or list entry."""
    tree: dict[Any, Any] = {}
    for keys in wanted:
        branch = tree
        for key in keys:
            branch = branch.setdefault(("key", key), {})
        branch[_END] = keys
    scan = _Scan(text)
    start = _space_before(text, 0)
    if _END in tree:
        scan.offsets[start] = [tree.pop(_END)]
    if tree:
        scan.value(start, tree, to_end=False)
    return scan.places()


class _Scan:
    """One pass over a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._skip = value_skipper()
        #: Offset → the places that begin there, in the order of the text.
        self.offsets: dict[int, list[Keys]] = {}

    def places(self) -> dict[Keys, tuple[int, int]]:
        """The offsets as lines and columns."""
        text, line, last = self._text, 1, 0
        places: dict[Keys, tuple[int, int]] = {}
        for offset, found in self.offsets.items():
            line += text.count("\n", last, offset)
            last = offset
            column = offset - text.rfind("\n", 0, offset)
            places.update(dict.fromkeys(found, (line, column)))
        return places

    def value(self, start: int, branch: dict[Any, Any], *, to_end: bool) -> int:
        """Look for the wanted places inside a value; its end, if that is asked for."""
        first = self._text[start]
        if first == "{":
            return self._object(start, branch, to_end=to_end)
        if first == "[":
            return self._list(start, branch, to_end=to_end)
        return self._skip(self._text, start)

    def _object(self, start: int, branch: dict[Any, Any], *, to_end: bool) -> int:
        left, position = len(branch), start + 1
        while left or to_end:
            match = _NAME.match(self._text, position)
            if match is None:
                break
            quoted = match[1]
            name = loads(quoted) if "\\" in quoted else quoted[1:-1]
            inner = branch.get(("key", name))
            left -= inner is not None
            position = self._enter(inner, match.start(1), match.end(), to_end=to_end or left > 0)
        return _space_before(self._text, position) + 1

    def _list(self, start: int, branch: dict[Any, Any], *, to_end: bool) -> int:
        left, position, index = len(branch), start + 1, 0
        while left or to_end:
            position = self._next(position)
            if self._text[position] == "]":
                break
            inner = branch.get(("key", index))
            left -= inner is not None
            position = self._enter(inner, position, position, to_end=to_end or left > 0)
            index += 1
        return _space_before(self._text, position) + 1

    def _next(self, position: int) -> int:
        match = _ENTRY.match(self._text, position)
        return match.end() if match is not None else position

    def _enter(self, inner: dict[Any, Any] | None, place: int, start: int, *, to_end: bool) -> int:
        """Note a wanted place, look inside its value, and give the value's end if asked for."""
        if inner is not None:
            if _END in inner:
                self.offsets.setdefault(place, []).append(inner.pop(_END))
            if inner:
                return self.value(start, inner, to_end=to_end)
        return self._skip(self._text, start) if to_end else start


def _space_before(text: str, position: int) -> int:
    """Where the white space that begins here ends."""
    match = _SPACE.match(text, position)
    return match.end() if match is not None else position
