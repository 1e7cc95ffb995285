"""A differential as a tree of changes: what a profile says, hung where it says it.

https://hl7.org/fhir/R4/profiling.html#snapshot. A differential is sparse: elements on the way to a
constrained one may be left out, and so may the entry that introduces a slice. What belongs where
follows from the order: an entry belongs to the slice opened last on its way. Element ids would
often tell as well, but HL7's tools go by the order, and ids in the wild contradict it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fhirkit.core.errors import InvalidInput

Definition = dict[str, Any]


class Change:
    """What a differential says about one element or slice, and about what is below it.

    ``definition`` is None for an element that the differential only passes through.
    """

    __slots__ = ("children", "definition", "name", "slice_name", "slices")

    def __init__(self, name: str, slice_name: str | None = None) -> None:
        #: The last part of the path as written: ``value[x]`` or ``valueQuantity``.
        self.name = name
        self.slice_name = slice_name
        self.definition: Definition | None = None
        self.children: list[Change] = []
        self.slices: list[Change] = []

    def child(self, name: str) -> Change:
        """The change of a child element, made if there is none yet."""
        for one in self.children:
            if one.name == name:
                return one
        self.children.append(Change(name))
        return self.children[-1]

    def slice(self, name: str) -> Change:
        """The change of a slice, made if there is none yet."""
        for one in self.slices:
            if one.slice_name == name:
                return one
        self.slices.append(Change(self.name, name))
        return self.slices[-1]


def read_differential(url: str, entries: Iterable[Definition]) -> Change:
    """The changes of a differential as a tree; ``InvalidInput`` when they do not form one.

    The root has an empty name when there is no entry at all.
    """
    root: Change | None = None
    #: The way to the entry read last, as changes.
    way: list[Change] = []
    for entry in entries:
        names = _names(url, entry)
        if root is None:
            root = Change(names[0])
            way = [root]
        if names[0] != root.name:
            raise InvalidInput(f"{url}: the element {entry['path']} is not one of {root.name}")
        way = _way(way, names)
        change = way[-1]
        if len(names) > 1 and "sliceName" in entry:
            change = way[-1] = way[-1].slice(str(entry["sliceName"]))
        if change.definition is not None:
            name = f"{entry['path']} {change.slice_name or ''}".strip()
            raise InvalidInput(f"{url}: the differential names {name} twice")
        change.definition = entry
    return root or Change("")


def _way(before: list[Change], names: list[str]) -> list[Change]:
    """The way to an element, along slices that are still open where they are on the way."""
    way = [before[0]]
    for depth, name in enumerate(names[1:], start=1):
        last = depth == len(names) - 1
        is_open = depth < len(before) and before[depth].name == name
        if is_open and not last and before[:depth] == way:
            way.append(before[depth])
        else:
            way.append(way[-1].child(name))
    return way


def _names(url: str, entry: Any) -> list[str]:
    path = entry.get("path") if isinstance(entry, dict) else None
    names = path.split(".") if isinstance(path, str) else []
    if not names or not all(names):
        raise InvalidInput(f"{url}: an element of the differential has no usable path")
    return names
