"""Line and column of places in a JSON text, looked up only when there is something to report.

Follows the wanted ways through a text that the strict parser has accepted, so it need not check
anything and cannot disagree about what the text means. A property name that occurs once in the
text is where to start; what is not on a way is skipped by the C scanner of the standard library.
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
# Names that are written as they are, and cannot be mistaken for what stands between two texts.
_PLAIN = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_COLON = re.compile(r"\s*:\s*")
_END = "end"
_MANY_NAMES = 64
#: How many names before a wanted one are tried, and in texts of which length at most (characters).
_NEAR = 8
_LONG = 1 << 16


def locate(text: str, wanted: Iterable[Keys], value: Any = None) -> dict[Keys, tuple[int, int]]:
    """Line and column, from 1, of each place that exists: of its property name or list entry.

    ``value`` is what the text says; with it there is less to read.
    """
    scan = _Scan(text)
    anchors = _Anchors(text, value)
    start = _space_before(text, 0)
    # Where to begin, at a value or at a property name → what is wanted inside the value that stands
    # there, or among the properties that follow.
    trees: dict[tuple[int, bool], dict[Any, Any]] = {}
    for keys in wanted:
        done, place, begin = anchors.of(keys) or (0, start, start)
        if done == len(keys):
            scan.found(place, keys)
            continue
        before = anchors.before(keys, done)
        slot = (begin, False) if before is None else (before, True)
        branch = trees.setdefault(slot, {})
        for key in keys[done:]:
            branch = branch.setdefault(("key", key), {})
        branch[_END] = keys
    for (begin, is_name), tree in trees.items():
        if is_name:
            scan.properties(begin, tree, to_end=False)
        else:
            scan.value(begin, tree, to_end=False)
    return scan.places()


class _Anchors:
    """The property names of a text that occur in it once."""

    def __init__(self, text: str, value: Any) -> None:
        self._text = text
        self._value = value
        self._places: dict[str, tuple[int, int] | None] = {}

    def of(self, keys: Keys) -> tuple[int, int, int] | None:
        """The last part of a way that occurs once: how many steps that is, its place, its value."""
        part: Any = self._value
        depth = 0
        for key in keys:
            is_there = (
                0 <= key < len(part)
                if isinstance(part, list) and isinstance(key, int)
                else isinstance(part, dict) and key in part
            )
            if not is_there:
                break
            part = part[key]
            depth += 1
        for done in range(depth, 0, -1):
            name = keys[done - 1]
            place = self._place(name) if isinstance(name, str) else None
            if place is not None:
                return done, *place
        return None

    def before(self, keys: Keys, done: int) -> int | None:
        """The last property name before the next step of a way, in its object, that occurs once:
        where to begin instead of at the object itself. So many steps of the way are done.
        """
        if len(self._text) > _LONG:
            return None  # looking for names would cost more than it spares
        part: Any = self._value
        for key in keys[:done]:
            part = part[key]
        if not isinstance(part, dict) or keys[done] not in part:
            return None
        names = list(part)
        for name in reversed(names[: names.index(keys[done])][-_NEAR:]):
            place = self._place(name)
            if place is not None:
                return place[0]
        return None

    def _place(self, name: str) -> tuple[int, int] | None:
        """Where a name that is there stands, and its value; None when it is there again."""
        if name not in self._places:
            # Each look goes through the text, so it must not be one for every name there is.
            if len(self._places) >= _MANY_NAMES:
                return None
            self._places[name] = self._find(name)
        return self._places[name]

    def _find(self, name: str) -> tuple[int, int] | None:
        if _PLAIN.fullmatch(name) is None:
            return None
        quoted = f'"{name}"'
        place = self._text.find(quoted)
        after = place + len(quoted)
        if place < 0 or self._text.find(quoted, after) >= 0:
            return None
        # A text of this wording is no name; the name itself is written with escapes then.
        colon = _COLON.match(self._text, after)
        return None if colon is None else (place, colon.end())


class _Scan:
    """One pass over a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._skip = value_skipper()
        self._offsets: dict[int, list[Keys]] = {}

    def found(self, offset: int, keys: Keys) -> None:
        """Note where a place begins."""
        self._offsets.setdefault(offset, []).append(keys)

    def places(self) -> dict[Keys, tuple[int, int]]:
        """The offsets as lines and columns."""
        text, line, last, newline = self._text, 1, 0, -1
        places: dict[Keys, tuple[int, int]] = {}
        for offset, found in sorted(self._offsets.items()):
            line += text.count("\n", last, offset)
            newline = max(newline, text.rfind("\n", last, offset))
            last = offset
            places.update(dict.fromkeys(found, (line, offset - newline)))
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
        return self.properties(start + 1, branch, to_end=to_end)

    def properties(self, start: int, branch: dict[Any, Any], *, to_end: bool) -> int:
        """Look for the wanted places from a property on; the object's end, if asked for."""
        left, position = len(branch), start
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
                self.found(place, inner.pop(_END))
            if inner:
                return self.value(start, inner, to_end=to_end)
        return self._skip(self._text, start) if to_end else start


def _space_before(text: str, position: int) -> int:
    """Where the white space that begins here ends."""
    match = _SPACE.match(text, position)
    return match.end() if match is not None else position
