"""The use of the native code: what it is asked about whole texts, and from when on.

Without native code nothing is certain, and everything is looked at closely.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from fhirkit.validate.gate.tables import Tables
    from fhirkit.validate.shapes import Shapes

#: Resources of a kind that are left to the walk before tables are made of it.
_OFTEN = 3

_kinds_of = re.compile(rb'"resourceType"\s*:\s*"([A-Za-z]+)"').findall
_ASCII = bytes(range(128))


class Certain(NamedTuple):
    """What is certain of a text."""

    #: It is JSON of a resource whose shape is right.
    shape: bool = False
    #: What its narratives hold is right.
    narratives: bool = False
    #: No number in it has a fraction.
    whole_numbers: bool = False


NOTHING = Certain()

# The numbers are those of gate.rs.
_SHAPE, _IF_PRINTABLE, _NARRATIVES, _WHOLE_NUMBERS = 1, 2, 4, 8
_MEANINGS = tuple(
    Certain(
        shape=True,
        narratives=bool(verdict & _NARRATIVES),
        whole_numbers=bool(verdict & _WHOLE_NUMBERS),
    )
    if verdict & (_SHAPE | _IF_PRINTABLE)
    else NOTHING
    for verdict in range(16)
)


class Gate:
    """Says of texts what is right for certain."""

    def __init__(self, shapes: Shapes, *, often: int = _OFTEN) -> None:
        self._shapes = shapes
        self._often = often
        self._tables: Tables | None = None
        self._visits: dict[str, int] = {}
        self._verdict: Callable[[bytes], int] | None = None
        #: Whether there is no native code; then nothing is to be learned either.
        self._is_missing = False

    def look(self, data: bytes) -> Certain:
        """What is certain of a text; for the rest, look closer."""
        if self._verdict is not None:
            verdict = self._verdict(data)
            if verdict & _IF_PRINTABLE:
                strange = data.translate(None, _ASCII).decode()
                return _MEANINGS[verdict] if strange.isprintable() else NOTHING
            if verdict:
                return _MEANINGS[verdict]
        if not self._is_missing:
            self._learn(data)
        return NOTHING

    def _learn(self, data: bytes) -> None:
        """Make tables of the kinds of resources that were met often."""
        grown = False
        types = self._shapes.store.resource_types
        for name in set(_kinds_of(data)):
            kind = name.decode()
            if kind in types:
                visits = self._visits[kind] = self._visits.get(kind, 0) + 1
                if visits == self._often:
                    grown |= self._add(kind)
        if grown and self._tables is not None:
            # Loaded here, so that whoever checks one file does without.
            from fhirkit.validate.gate.library import looker

            self._verdict = looker(self._tables)

    def _add(self, kind: str) -> bool:
        from fhirkit.validate.gate.library import library

        if library() is None:
            self._is_missing = True
            return False
        if self._tables is None:
            from fhirkit.validate.gate.tables import Tables

            self._tables = Tables(self._shapes)
        return self._tables.add(kind)
