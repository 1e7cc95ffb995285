"""StructureMap: its names, variables and groups, and the elements that its rules name.

https://hl7.org/fhir/R4/structuremap.html. A variable is a source or a target; a rule sees those of
its group, of the rules around it and its own. Elements are looked up as long as the type of a
variable is known: that of a group's input, then that of the one element found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from fhirkit.schema.model import ElementSchema
from fhirkit.validate.definitional.known import Json, Known, Placed, objects, text
from fhirkit.validate.location import Node, step
from fhirkit.validate.rules.finding import Finding

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_SOURCE, _TARGET = "source", "target"
#: The group that fits by its types, rather than by its name.
_BY_TYPE = "DefaultMappingGroupAnonymousAlias"


class _Variable(NamedTuple):
    """What is known of a variable: the path of its element, and the elements below it."""

    path: str = ""
    element: ElementSchema | None = None


#: (name, mode) → the variable.
_Variables = dict[tuple[str, str], _Variable]


def check(mapping: Json, node: Node, known: Known) -> Iterator[Placed]:
    """Findings for one StructureMap."""
    made = _Map(mapping, known)
    for at, group in objects(mapping.get("group")):
        yield from made.group(group, step(node, "group", at))


class _Map:
    def __init__(self, mapping: Json, known: Known) -> None:
        self._known = known
        self._aliases = {
            alias: one
            for _, one in objects(mapping.get("structure"))
            if (alias := text(one, "alias"))
        }
        self._groups = {
            name: group
            for _, group in objects(mapping.get("group"))
            if (name := text(group, "name"))
        }
        #: Other maps may hold more groups; none of them is looked into.
        self._imports = bool(mapping.get("import"))

    def group(self, group: Json, node: Node) -> Iterator[Placed]:
        """Findings for a group."""
        yield from _named(group, "name", node)
        extended = text(group, "extends")
        if extended is not None and self._is_missing(extended):
            yield step(node, "extends"), _unknown_group(extended)
        variables: _Variables = {}
        for at, one in objects(group.get("input")):
            place = step(node, "input", at)
            name, mode = text(one, "name"), text(one, "mode")
            wrong = list(_named(one, "name", place))
            yield from wrong
            if wrong or name is None or mode not in (_SOURCE, _TARGET):
                continue
            if any(name == other for other, _ in variables):
                yield place, Finding("map-variable", f"the input {name} is there twice")
                continue
            typed = text(one, "type")
            finding = None if typed is None else self._input(typed, mode)
            if finding is not None:
                yield place, finding
            variables[name, mode] = self._typed(typed)
        for at, rule in objects(group.get("rule")):
            yield from self._rule(rule, step(node, "rule", at), variables)

    def _typed(self, name: str | None) -> _Variable:
        """A variable of a type, named by itself or by an alias of the map."""
        if name is None:
            return _Variable()
        alias = self._aliases.get(name)
        structure = self._known.store.type(name if alias is None else text(alias, "url") or name)
        return _Variable() if structure is None else _Variable(structure.type, structure.root)

    def _input(self, name: str, mode: str) -> Finding | None:
        """What is wrong with the type of an input: unknown, or of the other side of the map."""
        alias = self._aliases.get(name)
        if alias is None:
            known = self._known.store.type(name) is not None
            return None if known else Finding("map-type", f"there is no type {name[:60]!r}")
        if (text(alias, "mode"), mode) == (_SOURCE, _TARGET):
            return Finding("map-type", f"{name} is a source of this map, and no target")
        return None

    def _rule(self, rule: Json, node: Node, around: _Variables) -> Iterator[Placed]:
        yield from _named(rule, "name", node)
        variables = dict(around)
        for at, source in objects(rule.get("source")):
            yield from self._transfer(source, _SOURCE, step(node, "source", at), variables)
        for at, target in objects(rule.get("target")):
            place = step(node, "target", at)
            if "context" in target:
                yield from self._transfer(target, _TARGET, place, variables)
            elif (name := text(target, "variable")) is not None:
                yield from _named(target, "variable", place)
                variables[name, _TARGET] = self._typed(_created(target))
        for at, inner in objects(rule.get("rule")):
            yield from self._rule(inner, step(node, "rule", at), variables)
        for at, dependent in objects(rule.get("dependent")):
            for finding in self._dependent(dependent, variables):
                yield step(node, "dependent", at), finding

    def _transfer(
        self, part: Json, mode: str, node: Node, variables: _Variables
    ) -> Iterator[Placed]:
        """A source or a target: where it begins, its element, and the variable for it."""
        wrong = list(_named(part, "context", node))
        yield from wrong
        context = text(part, "context")
        if wrong or context is None:
            return
        begun = variables.get((context, mode))
        if begun is None:
            message = f"there is no {mode} variable {context} here"
            yield node, Finding("map-variable", message)
            return
        name, element = text(part, "variable"), text(part, "element")
        found = begun
        if element is not None and begun.element is not None:
            below = self._below(begun.element, element)
            if below is None:
                message = f"{begun.path} has no element {element!r}"
                yield node, Finding("map-element", message)
                found = _Variable()
            else:
                found = _Variable(f"{begun.path}.{element}", self._opened(below))
        elif element is not None:
            found = _Variable()
        if name is not None:
            yield from _named(part, "variable", node)
            variables[name, mode] = found

    def _below(self, element: ElementSchema, name: str) -> ElementSchema | None:
        return next((one for one in element.children if one.name == name), None)

    def _opened(self, element: ElementSchema) -> ElementSchema | None:
        """An element with what is below it; None where that cannot be told."""
        if element.children:
            return element
        if element.content_reference is not None:
            return self._at(element.content_reference.rpartition("#")[2])
        codes = {one.code for one in element.types}
        structure = self._known.store.type(next(iter(codes))) if len(codes) == 1 else None
        return None if structure is None else structure.root

    def _at(self, path: str) -> ElementSchema | None:
        """The element of a path that begins with its type."""
        name, *parts = path.split(".")
        structure = self._known.store.type(name)
        found = None if structure is None else structure.root
        for part in parts:
            found = None if found is None else self._below(found, part)
        return found

    def _dependent(self, dependent: Json, variables: _Variables) -> Iterator[Finding]:
        """A group that is called: that it is there, and gets what it asks for."""
        name = text(dependent, "name")
        if name is None or name == _BY_TYPE:
            return
        if self._is_missing(name):
            yield _unknown_group(name)
            return
        given = dependent.get("variable")
        group = self._groups.get(name)
        if group is None or not isinstance(given, list):
            return
        inputs = [one for _, one in objects(group.get("input"))]
        if len(inputs) != len(given):
            message = f"the group {name} asks for {len(inputs)} variables, and gets {len(given)}"
            yield Finding("map-group", message)
            return
        for at, (one, wanted) in enumerate(zip(given, inputs, strict=True)):
            modes = (_SOURCE, _TARGET) if text(wanted, "mode") == _SOURCE else (_TARGET,)
            if not any((one, mode) in variables for mode in modes):
                message = f"there is no variable {one} here that the group {name} could take"
                yield Finding("map-variable", message, ("variable", at))

    def _is_missing(self, group: str) -> bool:
        return group not in self._groups and not self._imports


def _named(part: Json, name: str, node: Node) -> Iterator[Placed]:
    """That a name is one that the mapping language can write."""
    found = text(part, name)
    if found is not None and _NAME.fullmatch(found) is None:
        message = f"{found[:40]!r} is no name of the mapping language: expected letters and digits"
        yield node, Finding("map-name", message)


def _created(target: Json) -> str | None:
    """The type that a target makes, where it says so."""
    given = [one for _, one in objects(target.get("parameter"))]
    made = text(target, "transform") == "create" and len(given) == 1
    return text(given[0], "valueString") if made else None


def _unknown_group(name: str) -> Finding:
    return Finding("map-group", f"the map has no group {name[:40]!r}")
