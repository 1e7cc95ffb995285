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
_INDENT = 40
#: Where one is in a narrative: each tag that was right here, up to its `>` → where it leads.
_Inside = dict[str | None, Any]
#: In place of a tag: text was right here.
_TEXT = None
#: Behind the narrative nothing may stand.
_AFTER: _Inside = {}


def _is_plain(div: str) -> bool:
    """Whether its characters need no parser: no reference, no end of CDATA, all printable."""
    if "&" in div or ("]" in div and "]]>" in div):
        return False
    return div.replace("\n", "").replace("\r", "").replace("\t", "").isprintable()


class Markup:
    """A tree of the tags that were found right: tag → what was right inside it."""

    def __init__(self, namespace: str) -> None:
        self._start = f'div xmlns="{namespace}"'
        self._tree: _Inside = {}
        self._size = 0

    def is_right(self, div: str) -> bool:
        """Whether a narrative is right for certain; it says something, too."""
        # Each part is a tag without its `<`, and the text up to the next.
        parts = iter(div.split("<"))
        if next(parts):
            return False
        node = self._tree
        for part in parts:
            inner = node.get(part)
            if inner is None:
                # No such tag, or there is text after it.
                end = part.find(">") + 1
                inner = node.get(part[:end])
                if inner is None or (_TEXT not in inner and not part[end:].isspace()):
                    return False
            node = inner
        # Every tag is known, ends where it should, and there is nothing between them but text.
        return (
            node is _AFTER
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
        above: list[_Inside] = []
        for tag, text in parts:
            part, before = f"{tag}>", node
            self._size += part not in node
            if tag[0] == "/":
                outer = above.pop()
                node = node.setdefault(part, outer if above else _AFTER)
            elif tag[-1] == "/":
                node.setdefault(part, node)
            else:
                above.append(node)
                node = node.setdefault(part, {})
            if text and not text.isspace():
                node[_TEXT] = node
            elif text and len(text) <= _INDENT and part + text not in before:
                # White space is mostly the indentation of the next tag, which comes again.
                before[part + text] = node
                self._size += 1
