"""The native code and its use: found, checked, and asked about whole texts."""

from __future__ import annotations

import ctypes
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from fhirkit.validate.gate.tables import LAYOUT, Tables
from fhirkit.validate.shapes import Shapes

#: Made by scripts/build_gate.py next to this file, under the name that the platform wants.
LIBRARIES = ("_gate.so", "_gate.dylib", "_gate.dll")
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


class _Tables(ctypes.Structure):
    _fields_ = (
        ("words", ctypes.c_void_p),
        ("words_length", ctypes.c_size_t),
        ("names", ctypes.c_char_p),
        ("names_length", ctypes.c_size_t),
        ("kinds", ctypes.c_uint32),
        ("markup", ctypes.c_uint32),
    )


class Gate:
    """Says of texts what is right for certain."""

    def __init__(self, library: Any, shapes: Shapes, *, often: int = _OFTEN) -> None:
        self._accepts = library.fhirkit_accepts
        self._tables = Tables(shapes)
        self._often = often
        self._visits: dict[bytes, int] = {}
        #: What the native code reads: kept as long as it may.
        self._kept: tuple[Any, ...] = ()
        self._context: Any = None

    def look(self, data: bytes) -> Certain:
        """What is certain of a text; for the rest, look closer."""
        if self._context is not None:
            verdict: int = self._accepts(self._context, data, len(data))
            if verdict & _IF_PRINTABLE:
                strange = data.translate(None, _ASCII).decode()
                return _MEANINGS[verdict] if strange.isprintable() else NOTHING
            if verdict:
                return _MEANINGS[verdict]
        self._learn(data)
        return NOTHING

    def _learn(self, data: bytes) -> None:
        """Make tables of the kinds of resources that were met often."""
        grown = False
        for kind in set(_kinds_of(data)):
            visits = self._visits[kind] = self._visits.get(kind, 0) + 1
            if visits == self._often:
                grown |= self._tables.add(kind.decode())
        if not grown:
            return
        words = (ctypes.c_uint32 * len(self._tables.words)).from_buffer_copy(self._tables.words)
        names = bytes(self._tables.names)
        tables = _Tables(
            ctypes.cast(words, ctypes.c_void_p),
            len(words),
            names,
            len(names),
            self._tables.kinds,
            self._tables.markup,
        )
        self._kept = words, names, tables
        self._context = ctypes.addressof(tables)


def gate(shapes: Shapes) -> Gate | None:
    """A gate for these shapes; None where there is no native code."""
    found = library()
    return None if found is None else Gate(found, shapes)


@cache
def library() -> Any:
    """The native code, if it was built, is of this version and can be loaded here; else None."""
    for name in LIBRARIES:
        path = Path(__file__).with_name(name)
        if path.is_file():
            try:
                found = ctypes.CDLL(str(path))
                layout = found.fhirkit_gate_layout()
            except (OSError, AttributeError):
                continue
            if layout == LAYOUT:
                accepts = found.fhirkit_accepts
                accepts.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t)
                accepts.restype = ctypes.c_int
                return found
    return None
