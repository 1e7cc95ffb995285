"""Typed paths as Python source: the lowest layer of the quick compiler.

With the type of the focus known, ``name.given`` is a known pair of JSON properties, one of them a
list. Existence is then a look-up or an ``any(…)`` over dicts; no object is made for an element.
"""

from __future__ import annotations

from itertools import count
from typing import Any

import msgspec

from fhirkit.fhirpath.model import ElementInfo, ModelInfo, TypeInfo
from fhirkit.fhirpath.syntax import Call, Constant, Member, Node, Variable


class NotQuickError(Exception):
    """The quick compiler does not cover this; the complete one does."""


class Place(msgspec.Struct, frozen=True):
    """A dict at hand while the code runs: how it is spelled, and its FHIR type."""

    code: str
    type_name: str


class Filter(msgspec.Struct, frozen=True):
    """A ``where`` in a path; ``condition`` becomes source once the item has a name."""

    condition: Node


Step = ElementInfo | Filter


class Path(msgspec.Struct, frozen=True):
    """Steps from a place. ``types`` holds the type behind each step."""

    start: Place
    steps: tuple[Step, ...]
    types: tuple[str, ...]

    @property
    def is_single(self) -> bool:
        """Whether at most one item can be found: no list, no choice, no filter."""
        return all(isinstance(s, ElementInfo) and not s.array and not s.choice for s in self.steps)


class Names:
    """Fresh variable names, and the constants the generated code refers to."""

    def __init__(self) -> None:
        self._numbers = count()
        self.constants: dict[str, Any] = {"E": {}}
        self.uses_resource = False

    def fresh(self) -> str:
        """A variable name not used before."""
        return f"v{next(self._numbers)}"

    def constant(self, value: Any) -> str:
        """A name bound to a value."""
        name = f"c{next(self._numbers)}"
        self.constants[name] = value
        return name


# `contained` and `entry.resource` can be any resource: only what all of them share is known.
_SHARED = "DomainResource"


def path_of(node: Node | None, here: Place, resource: Place | None, model: ModelInfo) -> Path:
    """The typed path a node spells. ``NotQuickError`` when it is no plain path."""
    if node is None or (isinstance(node, Variable) and node.name == "this"):
        return Path(here, (), ())
    if isinstance(node, Constant):
        if node.name == "resource" and resource is not None:
            return Path(resource, (), ())
        raise NotQuickError
    if isinstance(node, Call):
        if node.name == "trace" and node.source is not None:
            return path_of(node.source, here, resource, model)
        if node.name != "where" or len(node.arguments) != 1:
            raise NotQuickError
        path = path_of(node.source, here, resource, model)
        behind = path.types[-1] if path.types else path.start.type_name
        return Path(path.start, (*path.steps, Filter(node.arguments[0])), (*path.types, behind))
    if not isinstance(node, Member):
        raise NotQuickError
    if node.source is None and node.name in model.lineage(here.type_name):
        return Path(here, (), ())
    path = path_of(node.source, here, resource, model)
    element = _element(model, path.types[-1] if path.types else path.start.type_name, node.name)
    return Path(path.start, (*path.steps, element), (*path.types, _type_behind(element)))


def _element(model: ModelInfo, type_name: str, name: str) -> ElementInfo:
    info = model.type(_SHARED if type_name == "Resource" else type_name)
    element = None if info is None or info.is_primitive else info.children.get(name)
    if element is None:
        raise NotQuickError
    return element


def _type_behind(element: ElementInfo) -> str:
    return "" if element.choice else element.types[0]


def type_at_end(path: Path, model: ModelInfo) -> TypeInfo:
    """The type the path ends in."""
    info = model.type(path.types[-1] if path.types else path.start.type_name)
    if info is None:
        raise NotQuickError
    return info


def leaf_exists(code: str, element: ElementInfo, model: ModelInfo, names: Names) -> str:
    """Whether a dict has the element, with a value or with extensions alone."""
    (key, *more) = element.keys
    if element.choice or more:
        every = set(element.keys)
        every.update("_" + key for key, name in element.keys.items() if is_primitive(model, name))
        return f"not {names.constant(frozenset(every))}.isdisjoint({code})"
    primitive = is_primitive(model, element.keys[key])
    if not primitive:
        return f"{code}.get({key!r})" if element.array else f"{key!r} in {code}"
    if code.isidentifier():
        return f"({key!r} in {code} or {'_' + key!r} in {code})"
    name = names.fresh()
    return f"({key!r} in ({name} := {code}) or {'_' + key!r} in {name})"


def is_primitive(model: ModelInfo, type_name: str) -> bool:
    """Whether a type's values are JSON primitives. Unknown types are an honest obstacle."""
    info = model.type(type_name)
    if info is None:
        raise NotQuickError
    return info.is_primitive


def key_of(step: Step) -> str:
    """The JSON property of a step that has only one."""
    if not isinstance(step, ElementInfo) or step.choice:
        raise NotQuickError
    return next(iter(step.keys))


def single_value(path: Path) -> tuple[str, str]:
    """Source of the dict that holds the last element of a single path, and its JSON property."""
    if not path.is_single or not path.steps:
        raise NotQuickError
    code = path.start.code
    for step in path.steps[:-1]:
        code = f"{code}.get({key_of(step)!r}, E)"
    return code, key_of(path.steps[-1])
