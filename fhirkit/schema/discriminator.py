"""Discriminators: what tells the slices of an element apart, as conditions made of schema nodes.

https://hl7.org/fhir/R4/profiling.html#discriminator. A condition is a way from the sliced element
to the discriminating one, and schema nodes that say what has to be found there: fixed or pattern
values for `value` and `pattern`, a cardinality for `exists`, types for `type`, types with profiles
for `profile`. Whoever checks elements can check conditions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from fhirkit.core.jsonio import dumps
from fhirkit.schema.model import (
    Cardinality,
    Discriminator,
    ElementSchema,
    StructureSchema,
    TypedValue,
    TypeReference,
)

#: Gives the schema for a canonical, or None when it is not known.
Resolver = Callable[[str], StructureSchema | None]

_STEP = re.compile(
    r"(?P<function>extension|ofType|resolve)\(\s*(?P<argument>'[^']*'|[\w.]*)\s*\)|(?P<name>\$?\w+)"
)
_CORE = "http://hl7.org/fhir/StructureDefinition/"


class Step(NamedTuple):
    """One step of a discriminator's path: child, extension, ofType or resolve."""

    kind: str
    name: str = ""


class Condition(NamedTuple):
    """What has to be found where, for an element to belong to a slice.

    Each of ``nodes`` must be met by something at the end of ``steps``; with ``any_node`` one of
    them is enough.
    """

    steps: tuple[Step, ...]
    kind: str
    nodes: tuple[ElementSchema, ...]
    any_node: bool = False


class _Place(NamedTuple):
    """An element of a profile's tree; ``optional`` when a slice that may be absent led there."""

    element: ElementSchema
    source: StructureSchema
    optional: bool = False


def steps(path: str) -> tuple[Step, ...] | None:
    """A discriminator's path in steps; None when it is not of the allowed subset of FHIRPath."""
    found: list[Step] = []
    rest = path.strip()
    while rest:
        match = _STEP.match(rest)
        if match is None:
            return None
        name, function = match["name"], match["function"]
        if function is not None:
            kind = function
            found.append(Step(kind, match["argument"].strip("'").removeprefix("FHIR.")))
        elif name != "$this":
            found.append(Step("child", name))
        rest = rest[match.end() :]
        if rest and (not rest.startswith(".") or rest == "."):
            return None
        rest = rest[1:]
    return tuple(found)


def condition(
    discriminator: Discriminator, part: ElementSchema, source: StructureSchema, resolve: Resolver
) -> Condition | None:
    """The condition for one slice; None when its definition does not tell what to look for."""
    way = steps(discriminator.path)
    if way is None:
        return None
    places = list(_places(_Place(part, source), way, resolve))
    if not places:
        return None
    make = _NODES.get(discriminator.type)
    if make is None:
        return None
    made = [(place, make(place, resolve)) for place in places]
    said = [(place, node) for place, node in made if node is not None]
    # The element speaks before its slices, and slices that must be there before others.
    if made[0][1] is not None:
        said = said[:1]
    firm = [node for place, node in said if not place.optional and node is not None]
    nodes = firm or [node for _, node in said if node is not None]
    if not nodes:
        return None
    return Condition(way, discriminator.type, tuple(nodes), any_node=not firm)


def _places(start: _Place, way: tuple[Step, ...], resolve: Resolver) -> Iterator[_Place]:
    """Where the steps lead from a slice: into children, their slices, types and targets."""
    if not way:
        yield start
        return
    step, rest = way[0], way[1:]
    if step.kind == "resolve":
        yield from _targets(start, rest, resolve)
        return
    if step.kind == "ofType":
        yield from _of_type(start, step.name, rest, resolve)
        return
    name = "extension" if step.kind == "extension" else step.name
    for child, owner in _children(start, name, resolve):
        parts = child.slices
        if step.kind == "extension":
            parts = tuple(one for one in parts if _is_extension(one, step.name))
        else:
            yield from _places(_Place(child, owner, start.optional), rest, resolve)
        for part in parts:
            absent = start.optional or part.cardinality.min == 0
            optional = absent and step.kind != "extension"
            yield from _places(_Place(part, owner, optional), rest, resolve)


def _targets(start: _Place, rest: tuple[Step, ...], resolve: Resolver) -> Iterator[_Place]:
    """Where the steps lead in the targets of a reference."""
    for reference in start.element.types:
        for profile in reference.target_profiles:
            if not rest:
                yield start._replace(element=_target(profile, resolve))
            elif (target := resolve(profile)) is not None:
                yield from _places(_Place(target.root, target), rest, resolve)


def _of_type(
    start: _Place, code: str, rest: tuple[Step, ...], resolve: Resolver
) -> Iterator[_Place]:
    """Where the steps lead in one type of a choice: its slice, or the element cut to the type."""
    for part in start.element.slices:
        if {reference.code for reference in part.types} == {code}:
            yield from _places(start._replace(element=part), rest, resolve)
    fitting = tuple(one for one in start.element.types if one.code == code)
    if fitting:
        element = _with(start.element, types=fitting)
        yield from _places(start._replace(element=element), rest, resolve)


def _children(
    place: _Place, name: str, resolve: Resolver
) -> Iterator[tuple[ElementSchema, StructureSchema]]:
    """The children of this name: own ones and those of the types' profiles, else of the types."""
    own = [child for child in place.element.children if child.name == name]
    for child in own:
        yield child, place.source
    for reference in place.element.types:
        for canonical in reference.profiles or (() if own else (_CORE + reference.code,)):
            structure = resolve(canonical)
            if structure is None and reference.code == "Extension" and name == "url":
                # An extension's url is its definition's canonical, whether we have that or not.
                url = TypedValue("Uri", dumps(canonical.partition("|")[0], indent=False))
                yield ElementSchema("Extension.url", "url", fixed=url), place.source
                continue
            for child in structure.root.children if structure is not None else ():
                if child.name == name:
                    yield child, structure  # type: ignore[misc]  # children come from a structure


def _value(place: _Place, resolve: Resolver) -> ElementSchema | None:
    """What a value must be: the fixed or pattern value of the very element, or its value set.

    What is said only of its children tells nothing: so HL7's validator reads
    https://hl7.org/fhir/R4/valueset-discriminator-type.html.
    """
    del resolve
    if place.element.cardinality.max == 0:
        return _exists(place, lambda _: None)
    element = place.element
    if element.fixed is not None or element.pattern is not None:
        return ElementSchema(
            element.path, element.name, fixed=element.fixed, pattern=element.pattern
        )
    binding = element.binding
    if binding is not None and binding.strength == "required":
        return ElementSchema(
            place.element.path, place.element.name, types=place.element.types, binding=binding
        )
    return None


def _exists(place: _Place, resolve: Resolver) -> ElementSchema | None:
    """Whether there must be something (1..*) or nothing (0..0)."""
    del resolve
    limits = place.element.cardinality
    if limits.max != 0 and limits.min == 0:
        return None
    wanted = Cardinality(0, 0) if limits.max == 0 else Cardinality(1, None)
    return ElementSchema(place.element.path, place.element.name, wanted)


def _type(place: _Place, resolve: Resolver) -> ElementSchema | None:
    """The types only, without their profiles."""
    del resolve
    codes = tuple(TypeReference(reference.code) for reference in place.element.types)
    if not codes and "." not in place.element.path:
        codes = (TypeReference(place.source.type),)
    return ElementSchema(place.element.path, place.element.name, types=codes) if codes else None


def _profile(place: _Place, resolve: Resolver) -> ElementSchema | None:
    """The types with their profiles."""
    del resolve
    if not any(reference.profiles for reference in place.element.types):
        return None
    return ElementSchema(place.element.path, place.element.name, types=place.element.types)


_NODES: dict[str, Callable[[_Place, Resolver], ElementSchema | None]] = {
    "value": _value,
    "pattern": _value,
    "exists": _exists,
    "type": _type,
    "profile": _profile,
}


def _target(profile: str, resolve: Resolver) -> ElementSchema:
    """What a reference leads to, as an element: the type of a target profile, and the profile."""
    structure = resolve(profile)
    code = structure.type if structure is not None else profile.rpartition("/")[2]
    return ElementSchema(code, code, types=(TypeReference(code, (profile,)),))


def _is_extension(element: ElementSchema, url: str) -> bool:
    return any(
        profile.partition("|")[0] == url
        for reference in element.types
        for profile in reference.profiles
    )


def _with(element: ElementSchema, *, types: tuple[TypeReference, ...]) -> ElementSchema:
    return ElementSchema(
        element.path,
        element.name,
        element.cardinality,
        types,
        fixed=element.fixed,
        pattern=element.pattern,
        binding=element.binding,
        slices=element.slices,
        children=element.children,
    )
