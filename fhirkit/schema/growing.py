"""An element while a snapshot grows: schema data that can be opened, copied and changed.

Only what a differential touches is opened; the rest is taken over from the base as it is.
"""

from __future__ import annotations

from msgspec.structs import replace

from fhirkit.schema.model import Constraint, ElementSchema, StructureSchema


class Growing:
    """One element. Below it, ``children`` and ``slices`` are opened when first looked at."""

    __slots__ = ("_children", "_slices", "constraints", "element", "path", "source")

    def __init__(self, element: ElementSchema, source: StructureSchema, path: str) -> None:
        #: What the element says itself; what is below it counts only until it is opened.
        self.element = element
        #: The structure that the element, its constraints and references come from.
        self.source = source
        self.path = path
        self.constraints = [source.constraints[key] for key in element.constraints]
        self._children: list[Growing] | None = None
        self._slices: list[Growing] | None = None

    @property
    def children(self) -> list[Growing]:
        """The elements below, in order."""
        if self._children is None:
            self._children = [self._below(child) for child in self.element.children]
        return self._children

    @children.setter
    def children(self, children: list[Growing]) -> None:
        self._children = children

    @property
    def slices(self) -> list[Growing]:
        """The slices of the element, in order."""
        if self._slices is None:
            self._slices = [Growing(part, self.source, self.path) for part in self.element.slices]
        return self._slices

    @slices.setter
    def slices(self, slices: list[Growing]) -> None:
        self._slices = slices

    def copy(self, *, slices: bool = False) -> Growing:
        """A copy that can be changed on its own; with its slices only when asked for."""
        element = self.element if slices else replace(self.element, slices=())
        made = Growing(element, self.source, self.path)
        made.constraints = list(self.constraints)
        if self._children is not None:
            made.children = [child.copy(slices=True) for child in self._children]
        if slices and self._slices is not None:
            made.slices = [part.copy(slices=True) for part in self._slices]
        return made

    def say(self, element: ElementSchema) -> None:
        """Let the element itself say something else."""
        self.element = element

    def child(self, name: str) -> Growing | None:
        """The child of this name (without ``[x]``)."""
        return next((one for one in self.children if one.element.name == name), None)

    def slice(self, name: str) -> Growing | None:
        """The slice of this name."""
        return next((one for one in self.slices if one.element.slice_name == name), None)

    def frozen(self, table: Constraints) -> ElementSchema:
        """The element as data, its constraints kept in the table of the new structure."""
        element = self.element
        if self._children is None and self._slices is None and table.has(self):
            return element
        return replace(
            element,
            path=self.path,
            constraints=tuple(table.key(one, self.path) for one in self.constraints),
            slices=tuple(part.frozen(table) for part in self.slices),
            children=tuple(child.frozen(table) for child in self.children),
        )

    def _below(self, child: ElementSchema) -> Growing:
        return Growing(child, self.source, f"{self.path}.{child.path.rpartition('.')[2]}")


class Constraints:
    """The constraints of a new structure by key; those of its base stay under their keys."""

    def __init__(self, base: StructureSchema) -> None:
        self._base = base
        self.by_key: dict[str, Constraint] = dict(base.constraints)

    def has(self, growing: Growing) -> bool:
        """Whether an element is still the base's own, so that its keys hold."""
        own = [self._base.constraints.get(key) for key in growing.element.constraints]
        return (
            growing.source is self._base
            and growing.path == growing.element.path
            and own == growing.constraints
        )

    def key(self, constraint: Constraint, path: str) -> str:
        """The key for a constraint; one of another meaning under the same key is told by place."""
        for key in (constraint.key, f"{constraint.key}@{path}"):
            if self.by_key.setdefault(key, constraint) == constraint:
                return key
        count = 2
        while self.by_key.setdefault(f"{constraint.key}@{path}@{count}", constraint) != constraint:
            count += 1
        return f"{constraint.key}@{path}@{count}"
