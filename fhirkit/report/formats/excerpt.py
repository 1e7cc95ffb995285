"""The line of a file that an issue points to, with a caret below; values hidden unless asked for.

A record's values must not reach a log by way of its excerpts. What is kept is what the format
itself brings along: brackets, property and element names. In doubt a text counts as a value.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from fhirkit.report.visible import visible

_HIDDEN = "…"
#: Columns of an excerpt at most; records are often one line of a megabyte.
_WIDTH = 76
#: Further from the place than this nothing is looked at.
_NEAR = 3 * _WIDTH
# A property name is a word in quotes with a colon behind it: inside a JSON string its quotes would
# be escaped, so even a line cut anywhere shows no value as a name. Each alternative repeats one
# class at a time, so matching is linear.
_JSON = re.compile(
    r'(?P<name>"_?[A-Za-z][A-Za-z0-9]{0,63}"(?=\s*:))'
    r"|(?P<kept>[{}\[\],:]|\s+)"
    r'|(?P<value>"[^"\\]*(?:\\.[^"\\]*)*"?|[^{}\[\],:\s"]+)'
)
_XML = re.compile(
    r"(?P<name></?[A-Za-z][A-Za-z0-9:]{0,63}(?=[\s/>]|$)"
    r"|\b(?:value|id|url|xmlns|lang|class|style|href|src|alt)=(?=[\"']))"
    r"|(?P<kept>/?>|\s+)"
    r"|(?P<value>\"[^\"]*\"?|'[^']*'?|[^\s<>\"'/]+|[</])"
)


class Excerpt(NamedTuple):
    """A line as it may be shown, and the column in it (from 0) to point to, if one is known."""

    text: str
    caret: int | None


def excerpt(line: str, column: int | None, *, xml: bool, show_values: bool) -> Excerpt:
    """What to show of a line of JSON or XML. ``column`` counts from 1, in characters."""
    place = 0 if column is None else max(0, min(column - 1, len(line)))
    first = max(0, place - _NEAR)
    part, place = line[first : place + _NEAR], place - first
    if not show_values:
        part, place = _hide(part, place, _XML if xml else _JSON, whole=first == 0)
    before = _flat(part[:place])
    text = (before + _flat(part[place:])).rstrip()
    indent = len(text) - len(text.lstrip())
    text, caret = text[indent:], max(0, len(before) - indent)
    if caret > _WIDTH // 2:
        cut = caret - _WIDTH // 2
        text, caret = _HIDDEN + text[cut:], caret - cut + 1
    if len(text) > _WIDTH:
        text = text[: _WIDTH - 1] + _HIDDEN
    return Excerpt(text, None if column is None else caret)


def hidden(line: str) -> str:
    """A whole line of JSON with each value as ``…``."""
    return _flat(_hide(line, 0, _JSON, whole=True)[0])


def _flat(text: str) -> str:
    return visible(text).replace("\t", " ").replace("\n", " ")


def _hide(part: str, place: int, pattern: re.Pattern[str], *, whole: bool) -> tuple[str, int]:
    """The part with each value as ``…``, and where ``place`` is in it now."""
    shown: list[str] = []
    at, length, caret = 0, 0, None
    if not whole:
        shown.append(_HIDDEN)
        length = 1
    while at < len(part):
        match = pattern.match(part, at)
        token = part[at] if match is None else match.group()
        is_value = match is None or match.lastgroup == "value"
        if caret is None and place < at + len(token):
            caret = length if is_value else length + max(0, place - at)
        at += len(token)
        if is_value:
            token = "" if shown and shown[-1] == _HIDDEN else _HIDDEN
        shown.append(token)
        length += len(token)
    return "".join(shown), length if caret is None else caret
