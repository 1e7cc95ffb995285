"""The native code itself: found, of the right form, and called."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from fhirkit.validate.gate.tables import LAYOUT, Tables

#: Made by scripts/build_gate.py next to this file, under the name that the platform wants.
_LIBRARIES = ("_gate.so", "_gate.dylib", "_gate.dll")


class _Tables(ctypes.Structure):
    _fields_ = (
        ("words", ctypes.c_void_p),
        ("words_length", ctypes.c_size_t),
        ("names", ctypes.c_char_p),
        ("names_length", ctypes.c_size_t),
        ("kinds", ctypes.c_uint32),
        ("markup", ctypes.c_uint32),
    )


@cache
def library() -> Any:
    """The native code, if it was built, is of this version and can be loaded here; else None."""
    for name in _LIBRARIES:
        path = Path(__file__).with_name(name)
        if path.is_file():
            try:
                found = ctypes.CDLL(str(path))
                layout = found.fhirkit_gate_layout()
            except (OSError, AttributeError):
                continue
            if layout == LAYOUT:
                looks = found.fhirkit_look
                looks.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t)
                looks.restype = ctypes.c_int
                return found
    return None


def looker(tables: Tables) -> Callable[[bytes], int]:
    """The function from a text to the verdict of gate.rs, by these tables as they are now."""
    look = library().fhirkit_look
    words = (ctypes.c_uint32 * len(tables.words)).from_buffer_copy(tables.words)
    names = bytes(tables.names)
    address = ctypes.cast(words, ctypes.c_void_p)
    context = _Tables(address, len(words), names, len(names), tables.kinds, tables.markup)
    place = ctypes.addressof(context)

    def verdict(data: bytes) -> int:
        found: int = look(place, data, len(data))
        return found

    # What the native code reads has to live as long as the function.
    verdict.kept = words, names, context  # type: ignore[attr-defined]  # functions take any
    return verdict
