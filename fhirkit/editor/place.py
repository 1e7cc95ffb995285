"""Where a cursor stands in a document, whatever language it is written in."""

from __future__ import annotations

from dataclasses import dataclass, field

#: A way through a document: property names and list places.
Way = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a document that may be broken: somebody is writing it.

    ``way`` leads to the value that the cursor stands in or whose name it stands on; ``on_name``
    tells which. ``start`` and ``end`` are the offsets of the word there, quotes included, and
    ``typed`` is what of it stands before the cursor. ``beside`` are the names already in the
    object around. ``types`` and ``texts`` tell of each object on the way its resourceType and its
    plain members.
    """

    way: Way
    on_name: bool
    start: int
    end: int
    typed: str = ""
    named: bool = False
    beside: frozenset[str] = frozenset()
    types: dict[Way, str] = field(default_factory=dict)
    texts: dict[Way, dict[str, str]] = field(default_factory=dict)
