"""Damage a valid resource in every place and every way the definitions make wrong.

Works from the compiled definitions, not from the validator's verdicts: each place of a resource
is paired with its element, and each kind of damage says which places it can be done to.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from fhirkit.validate.members import Kind, Member, Shape
from fhirkit.validate.shapes import Shapes

Keys = tuple[str | int, ...]


class Place(NamedTuple):
    """A property of an object in a resource: the way to the object, its shape, the member."""

    way: Keys
    shape: Shape
    key: str
    member: Member


class Damaged(NamedTuple):
    kind: str
    where: str
    resource: dict[str, Any]


def places(resource: dict[str, Any], shapes: Shapes) -> Iterator[Place]:
    shape = shapes.resource(resource["resourceType"])
    assert shape is not None
    yield from _places(resource, shape, (), shapes)


def _places(value: dict[str, Any], shape: Shape, way: Keys, shapes: Shapes) -> Iterator[Place]:
    for key, child in value.items():
        member = shape.members.get(key)
        if member is None or member.kind is Kind.RESOURCE_TYPE:
            continue
        yield Place(way, shape, key, member)
        entries = enumerate(child) if isinstance(child, list) else [(None, child)]
        for index, entry in entries:
            if not isinstance(entry, dict):
                continue
            inner = (*way, key) if index is None else (*way, key, index)
            if member.kind is Kind.RESOURCE:
                below = shapes.resource(entry["resourceType"])
                assert below is not None
                yield from _places(entry, below, inner, shapes)
            else:
                yield from _places(entry, member.shape, inner, shapes)


def at(resource: Any, way: Keys) -> Any:
    for key in way:
        resource = resource[key]
    return resource


def damages(resource: dict[str, Any], shapes: Shapes) -> Iterator[Damaged]:
    """Every single damage that makes this resource invalid."""
    for place in list(places(resource, shapes)):
        for kind, damage in KINDS.items():
            broken = copy.deepcopy(resource)
            parent = at(broken, place.way)
            if damage(parent, place):
                where = ".".join(str(step) for step in (*place.way, place.key))
                yield Damaged(kind, where, broken)


def _drop_required(parent: dict[str, Any], place: Place) -> bool:
    names = next((names for names in place.shape.required if place.key in names), None)
    if names is None:
        return False
    for name in names:
        parent.pop(name, None)
    return bool(parent)


def _unknown(parent: dict[str, Any], place: Place) -> bool:
    del place
    parent["fooBar"] = "x"
    return True


def _first(parent: dict[str, Any], place: Place, change: Callable[[Any], Any]) -> bool:
    """Replace the value, or the first of a list; tell whether there was something to change."""
    value = parent[place.key]
    if isinstance(value, list):
        new = change(value[0])
        if new is None:
            return False
        value[0] = new
        return True
    new = change(value)
    if new is None:
        return False
    parent[place.key] = new
    return True


def _wrong_type(parent: dict[str, Any], place: Place) -> bool:
    def change(value: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, bool):
            return "true"
        if isinstance(value, str):
            return 17
        if isinstance(value, dict):
            return "text"
        return str(value)

    return _first(parent, place, change)


def _scalar_to_object(parent: dict[str, Any], place: Place) -> bool:
    if place.member.kind is not Kind.PRIMITIVE:
        return False
    return _first(parent, place, lambda value: None if value is None else {"value": value})


def _bad_code(parent: dict[str, Any], place: Place) -> bool:
    binding = place.member.element.binding
    if binding is None or binding.strength != "required" or place.member.type != "code":
        return False
    if place.member.coded is None or place.member.coded("no-such-code") is None:
        return False
    return _first(parent, place, lambda value: None if value is None else "no-such-code")


def _bad_date(parent: dict[str, Any], place: Place) -> bool:
    if place.member.type not in ("date", "dateTime", "instant"):
        return False

    def change(value: Any) -> Any:
        return f"{value[:4]}-02-30{value[10:]}" if value and len(value) >= 10 else None

    return _first(parent, place, change)


def _too_many(parent: dict[str, Any], place: Place) -> bool:
    value, maximum = parent[place.key], place.member.maximum
    if isinstance(value, list) and maximum is None:
        return False
    parent[place.key] = [value, value] if not isinstance(value, list) else value * (maximum + 1)
    return True


def _no_array(parent: dict[str, Any], place: Place) -> bool:
    if not isinstance(parent[place.key], list):
        return False
    parent[place.key] = parent[place.key][0]
    return True


def _two_choices(parent: dict[str, Any], place: Place) -> bool:
    for name, other in place.shape.members.items():
        sample = _SAMPLES.get(other.type)
        same_choice = other.choice is not None and other.choice == place.member.choice
        bare = name.lstrip("_")
        if same_choice and sample is not None and bare == name and bare != place.key.lstrip("_"):
            parent[name] = sample
            return True
    return False


_SAMPLES: dict[str, Any] = {
    "boolean": True,
    "string": "x",
    "dateTime": "2020",
    "integer": 1,
    "uri": "urn:x",
    "Period": {"start": "2020"},
    "CodeableConcept": {"text": "x"},
    "Quantity": {"value": 1},
    "Range": {"low": {"value": 1}},
}


def _emptied(new: Any) -> Callable[[dict[str, Any], Place], bool]:
    def change(parent: dict[str, Any], place: Place) -> bool:
        parent[place.key] = new
        return True

    return change


KINDS: dict[str, Callable[[dict[str, Any], Place], bool]] = {
    "required element dropped": _drop_required,
    "unknown element": _unknown,
    "wrong JSON type": _wrong_type,
    "object for a primitive": _scalar_to_object,
    "code not in the value set": _bad_code,
    "30 February": _bad_date,
    "too many": _too_many,
    "no array": _no_array,
    "two types of a choice": _two_choices,
    "empty object": _emptied({}),
    "empty array": _emptied([]),
    "empty string": _emptied(""),
    "null": _emptied(None),
}
