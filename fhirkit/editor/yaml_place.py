"""The place of a cursor in a case file that somebody is writing, by indentation and braces."""

from __future__ import annotations

import re

from fhirkit.editor.place import Place, Way

# `- ` of list items, then a name; a name of the format has no quotes or blanks.
_NAME = re.compile(r"(?P<indent>[ ]*(?:- +)*)(?P<name>[A-Za-z0-9][\w.-]*)[ ]*:(?=\s|$)")
# A code (`sct:390906007`) has a colon in it; that behind a name is no part of the word.
_WORD = re.compile(r"(?:[\w.-]+:)*[\w.-]*$")
_REST = re.compile(r"[\w.-]*(?::[\w.-]+)*")


def place_in_yaml(text: str, offset: int) -> Place:
    """The place of an offset, in characters from 0."""
    offset = min(max(offset, 0), len(text))
    line_start = text.rfind("\n", 0, offset) + 1
    line_end = text.find("\n", offset)
    line = text[line_start : len(text) if line_end < 0 else line_end]
    before = line[: offset - line_start]
    indent = _indent_of(line)
    around = _outer(text[:line_start], indent)
    word = _WORD.search(before)
    start = offset - len(word.group()) if word is not None else offset
    rest = _REST.match(line, offset - line_start)
    end = line_start + (rest.end() if rest is not None else len(before))
    after = text[end : line_start + len(line)]
    inner, on_name = _inside(before)
    here = text[start:end]
    way: Way = (*around, *inner, here) if on_name else (*around, *inner)
    beside = _beside(text, line_start, indent) if not inner else frozenset()
    return Place(
        way, on_name, start, end, text[start:offset], after.lstrip().startswith(":"),
        beside - {here},
    )  # fmt: skip


def _indent_of(line: str) -> int:
    """Where the content of a line begins, behind the marks of list items."""
    match = re.match(r"[ ]*(?:- +)*", line)
    return match.end() if match is not None else 0


def _outer(text: str, indent: int) -> Way:
    """The names of the mappings around a line of this indentation."""
    names: list[str] = []
    for line in reversed(text.split("\n")):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _NAME.match(line)
        if match is not None and match.end("indent") < indent:
            names.append(match["name"])
            indent = match.end("indent")
        if indent == 0:
            break
    return tuple(reversed(names))


def _inside(before: str) -> tuple[tuple[str, ...], bool]:
    """The names on the line itself that the cursor is behind, and whether a name is to come."""
    match = _NAME.match(before)
    if match is None:
        return (), True
    names = [match["name"]]
    expects_name = False
    for part in re.findall(r"[{},:]|[^{},:\s\[\]\"']+", before[match.end() :]):
        if part == "{":
            names.append("")
            expects_name = True
        elif part == "}":
            names = names[:-1] or names
            expects_name = False
        elif part == ",":
            expects_name = len(names) > 1
            if expects_name:
                names[-1] = ""
        elif part == ":":
            expects_name = False
        elif expects_name:
            names[-1] = part
    if expects_name:
        return tuple(names[:-1]), True
    return tuple(name for name in names if name), False


def _beside(text: str, line_start: int, indent: int) -> frozenset[str]:
    """The names of the same mapping, on lines above and below."""
    found: set[str] = set()
    above = reversed(text[:line_start].split("\n"))
    below = iter(text[line_start:].split("\n"))
    for lines in (above, below):
        for line in lines:
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            if _indent_of(line) < indent:
                break
            match = _NAME.match(line)
            if match is not None and match.end("indent") == indent:
                found.add(match["name"])
    return frozenset(found)
