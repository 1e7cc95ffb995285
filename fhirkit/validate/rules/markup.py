"""Markup that is right for certain: every tag stands where it was right in a narrative before.

What ``narrative`` asks of an element depends on its tag, on the elements around it and on whether
text stands in it directly, never on what comes before or after. So a narrative that is well-formed
and in which each of those is known from narratives without findings has no findings either.
"""

from __future__ import annotations

import re
from typing import Any

from fhirkit.core import xmlio

# A tag, and the text up to the next.
_PART = re.compile(r"<([^>]*)>([^<]*)")
# A tag of plain attributes in double quotes, complete at its `>`.
_PLAIN = re.compile(r'/?[a-z]+[0-9]?(?: [a-z]+="[^"<&]*")* ?/?')
_SOMETHING = re.compile(r">\s*[^\s<&]")
_MANY = 20_000
#: In a node: text was right here.
_TEXT = None
#: What is inside a tag that ends itself; after an end tag; around the narrative.
_EMPTY: dict[str | None, Any] = {}
_END: dict[str | None, Any] = {}
_NOTHING: dict[str | None, Any] = {}


def _is_plain(div: str) -> bool:
    """Whether its characters need no parser: no reference, no end of CDATA, all printable."""
    if "&" in div or "]]>" in div:
        return False
    return div.replace("\n", "").replace("\r", "").replace("\t", "").isprintable()


class Markup:
    """A tree of the tags that were found right: tag → what was right inside it."""

    def __init__(self, namespace: str) -> None:
        self._start = f'div xmlns="{namespace}"'
        self._tree: dict[str | None, Any] = {}
        self._size = 0

    def is_right(self, div: str) -> bool:
        """Whether a narrative is right for certain; it says something, too."""
        parts = _PART.findall(div)
        if not parts or parts[0][0] != self._start or div[0] != "<":
            return False
        node = self._tree.get(self._start, _NOTHING)
        above: list[dict[str | None, Any]] = [_NOTHING]
        text = parts[0][1]
        if text and _TEXT not in node and not text.isspace():
            return False
        del parts[0]
        for tag, text in parts:
            inner = node.get(tag)
            if inner is None:
                return False
            if inner is _END:
                node = above.pop()
            elif inner is not _EMPTY:
                above.append(node)
                node = inner
            if text and _TEXT not in node and not text.isspace():
                return False
        # Every tag is known, ends where it should, and there is nothing between them but text.
        return (
            node is _NOTHING
            and div.count("<") == len(parts) + 1
            and _SOMETHING.search(div) is not None
            and (_is_plain(div) or xmlio.is_well_formed(div))
        )

    def learn(self, div: str) -> None:
        """Remember the tags of a narrative in which nothing was found."""
        parts = _PART.findall(div)
        if not parts or parts[0][0] != self._start:
            return
        # What looks like a tag may be part of a comment, or of an attribute that holds a `>`.
        if not all(_PLAIN.fullmatch(tag) and "xmlns" not in tag for tag, _ in parts[1:]):
            return
        if self._size > _MANY:
            self._tree, self._size = {}, 0
        node = self._tree
        above: list[dict[str | None, Any]] = []
        for tag, text in parts:
            if tag[0] == "/":
                node[tag] = _END
                node = above.pop()
            else:
                self._size += tag not in node
                inner = node.setdefault(tag, _EMPTY if tag[-1] == "/" else {})
                if inner is not _EMPTY:
                    above.append(node)
                    node = inner
            if text and not text.isspace():
                node[_TEXT] = {}
