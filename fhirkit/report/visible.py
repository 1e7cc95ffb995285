"""Text made safe to look at: what cannot be seen, or would turn other text around, is shown.

HTML escaping is Jinja's; this is for characters that are harmless to a parser and not to a reader.
"""

from __future__ import annotations

import re

# C0 without tab and newline, DEL, C1, lone surrogates, overrides of direction, invisible fillers,
# tag characters. Joiners (U+200C, U+200D) and plain direction marks stay: scripts need them.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
    "\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
_MOST = 4000


class Whole(str):
    """A text that the page prints in full, its size being bounded where it was made."""

    __slots__ = ()


def visible(text: str) -> str:
    """The text with every hidden character written as ``⟨U+202E⟩``."""
    return _HIDDEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text.replace("\r\n", "\n"))


def shortened(text: str, most: int = _MOST) -> str:
    """The text, or its beginning and how much is left out."""
    if len(text) <= most:
        return text
    return f"{text[:most]} … ({len(text) - most:,} more characters)"
