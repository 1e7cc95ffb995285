"""Line and column of places in a JSON text, looked up only when there is something to report.

Runs over the tokens of a text that the strict parser has accepted, once for all wanted places,
so it need not check anything and cannot disagree about what the text means.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from typing import Any

from fhirkit.core.jsonio import loads

#: A way through a document: property names and list places.
Keys = tuple[str | int, ...]

# Strings, brackets and commas; numbers and words need no token of their own. Each alternative
# starts differently and repeats one class at a time, so matching is linear.
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],]|[^\s{}\[\],":]+', re.DOTALL)
_END = "end"


def locate(text: str, wanted: Iterable[Keys]) -> dict[Keys, tuple[int, int]]:
    """Line and column, from 1, of each place that exists: of its property name or list entry."""
    offsets: dict[Keys, int] = {}
    tree: dict[Any, Any] = {}
    for keys in wanted:
        branch = tree
        for key in keys:
            branch = branch.setdefault(("key", key), {})
        branch[_END] = keys
    _scan(text, tree, offsets)
    starts = [0]
    starts.extend(match.end() for match in re.finditer("\n", text))
    places: dict[Keys, tuple[int, int]] = {}
    for keys, offset in offsets.items():
        line = bisect_right(starts, offset)
        places[keys] = (line, offset - starts[line - 1] + 1)
    return places


class _Frame:
    """An open object or list: what is wanted inside, and where in it we are."""

    __slots__ = ("branch", "expects_key", "inner", "is_list", "position")

    def __init__(self, branch: dict[Any, Any] | None, *, is_list: bool) -> None:
        self.branch = branch
        self.is_list = is_list
        self.position = -1
        self.expects_key = not is_list
        # What is wanted inside the value that comes next.
        self.inner: dict[Any, Any] | None = None


def _scan(text: str, tree: dict[Any, Any], offsets: dict[Keys, int]) -> None:
    frames: list[_Frame] = []
    for match in _TOKEN.finditer(text):
        token = match.group()
        first = token[0]
        frame = frames[-1] if frames else None
        if first in "}]":
            frames.pop()
            continue
        if first == ",":
            if frame is not None:
                frame.expects_key = not frame.is_list
            continue
        if frame is None:
            branch: dict[Any, Any] | None = tree
            if _END in tree:
                offsets[tree[_END]] = match.start()
        elif frame.expects_key:
            frame.expects_key = False
            name = loads(token) if "\\" in token else token[1:-1]
            frame.inner = _enter(frame.branch, name, match.start(), offsets)
            continue
        elif frame.is_list:
            frame.position += 1
            branch = _enter(frame.branch, frame.position, match.start(), offsets)
        else:
            branch = frame.inner
        if first in "{[":
            frames.append(_Frame(branch, is_list=first == "["))


def _enter(
    branch: dict[Any, Any] | None, key: str | int, offset: int, offsets: dict[Keys, int]
) -> dict[Any, Any] | None:
    if branch is None:
        return None
    inner: dict[Any, Any] | None = branch.get(("key", key))
    if inner is not None and _END in inner:
        offsets[inner[_END]] = offset
    return inner
