"""The place of a cursor in JSON that somebody is writing: broken, unfinished, out of order.

Words alone decide; nothing is refused. https://www.rfc-editor.org/rfc/rfc8259 read with patience.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from fhirkit.editor.place import Place, Way

# A string ends at its line's end at the latest, or half a document would be one.
_TOKEN = re.compile(r'"(?:[^"\\\n]|\\.)*"?|[{}\[\],:]|[^\s{}\[\],:"]+')

_MARKS = frozenset("{}[],:")


@dataclass(slots=True)
class _Open:
    """An object or list that is not closed yet."""

    way: Way
    is_list: bool
    index: int = 0
    name: str | None = None
    after_colon: bool = False


def place_in_json(text: str, offset: int) -> Place:
    """The place of an offset, in characters from 0."""
    return _Reader(text, min(max(offset, 0), len(text))).read()


class _Reader:
    def __init__(self, text: str, offset: int) -> None:
        self._text = text
        self._offset = offset
        self._open: list[_Open] = []
        self._found: tuple[Way, Way, bool, int, int, bool] | None = None
        self._names: dict[Way, set[str]] = {}
        self._texts: dict[Way, dict[str, str]] = {}

    def read(self) -> Place:
        """Go through all tokens; the first that ends at or behind the cursor is the place."""
        for match in _TOKEN.finditer(self._text):
            ahead = match.start() - self._offset
            if self._found is None and (ahead > 0 or (ahead == 0 and match.group() in _MARKS)):
                self._stand_between()
            word, here = match.group(), match.start() <= self._offset <= match.end()
            if word in _MARKS:
                self._punctuation(word)
                if word in "}]" and self._is_known():
                    break
                continue
            self._word(word, match.start(), match.end(), here=here)
        if self._found is None:
            self._stand_between()
        return self._place()

    def _punctuation(self, word: str) -> None:
        top = self._open[-1] if self._open else None
        if word in "{[":
            way = () if top is None else self._way(top)
            self._open.append(_Open(way, word == "["))
            self._names.setdefault(way, set())
        elif word in "}]" and top is not None:
            self._open.pop()
        elif word == ":" and top is not None:
            top.after_colon = True
        elif word == "," and top is not None:
            top.index += 1
            top.name, top.after_colon = None, False

    def _is_known(self) -> bool:
        """Whether nothing that follows can change the answer: large documents have a long rest.

        The object around the place is closed, and each resource that it is in has told its type.
        """
        if self._found is None or any(one.way == self._found[1] for one in self._open):
            return False
        return all(
            "resourceType" in self._texts.get(one.way, ())
            for one in self._open
            if not one.is_list and (not one.way or {"resource", "contained"} & set(one.way[-2:]))
        )

    def _word(self, word: str, start: int, end: int, *, here: bool) -> None:
        top = self._open[-1] if self._open else None
        plain = word.strip('"')
        on_name = top is not None and not top.is_list and not top.after_colon
        if on_name and top is not None:
            top.name = plain
            self._names[top.way].add(plain)
        elif top is not None and not top.is_list and top.name is not None:
            self._texts.setdefault(top.way, {})[top.name] = plain
        if here and self._found is None:
            around = () if top is None else top.way
            way = () if top is None else self._way(top)
            named = on_name and self._text[end:].lstrip().startswith(":")
            self._found = (way, around, on_name, start, end, named)

    def _stand_between(self) -> None:
        """The cursor stands on no word: before a name, or where a value is to come."""
        top = self._open[-1] if self._open else None
        at = self._offset
        if top is None:
            self._found = ((), (), False, at, at, False)
        elif top.is_list or top.after_colon:
            self._found = (self._way(top), top.way, False, at, at, False)
        else:
            self._found = ((*top.way, ""), top.way, True, at, at, False)

    @staticmethod
    def _way(top: _Open) -> Way:
        step = top.index if top.is_list else top.name
        return top.way if step is None else (*top.way, step)

    def _place(self) -> Place:
        assert self._found is not None  # noqa: S101  # read() sees to it
        way, around, on_name, start, end, named = self._found
        typed = self._text[start : self._offset].lstrip('"')
        mine = way[-1] if on_name and way else None
        types = {
            at: one["resourceType"] for at, one in self._texts.items() if "resourceType" in one
        }
        beside = frozenset(self._names.get(around, ())) - {mine}
        return Place(way, on_name, start, end, typed, named, beside, types, self._texts)
