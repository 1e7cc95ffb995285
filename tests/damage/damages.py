"""Damage to a valid resource, in every place and every way that the definitions make wrong.

Works from the compiled definitions, never from the validator's verdicts: each place of a resource
is paired with its element, and each way of damage says which places it can be done to. A way
belongs to one of the kinds that ``scripts/damage`` counts.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from lexical import MALFORMED, NO_DAYS

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
    """A damaged copy: what kind of damage, which way it was done, and where."""

    kind: str
    how: str
    where: str
    resource: dict[str, Any]


#: One way: changes the object at a place, in each manner it knows, one a copy. ``parent`` is the
#: object that holds the property.
Way = Callable[[dict[str, Any], Place, Shapes], Iterator[str]]


def places(resource: dict[str, Any], shapes: Shapes) -> Iterator[Place]:
    """Every property of every object of a resource."""
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
            below = member.shape
            if member.kind is Kind.RESOURCE:
                own = shapes.resource(entry["resourceType"])
                assert own is not None
                below = own
            yield from _places(entry, below, inner, shapes)


def at(resource: Any, way: Keys) -> Any:
    """The value at a place."""
    for key in way:
        resource = resource[key]
    return resource


def damages(resource: dict[str, Any], shapes: Shapes) -> Iterator[Damaged]:
    """Every single damage to a resource, each in a copy of its own."""
    for place in places(resource, shapes):
        where = ".".join(str(step) for step in (resource["resourceType"], *place.way, place.key))
        for how, (kind, way) in WAYS.items():
            for changed in _tried(resource, place, way, shapes):
                yield Damaged(kind, how, where, changed)


def _tried(
    resource: dict[str, Any], place: Place, way: Callable[..., Any], shapes: Shapes
) -> Iterator[dict[str, Any]]:
    """The copies that one way makes at one place."""
    for new in way(copy.deepcopy(at(resource, place.way)), place, shapes):
        broken = copy.deepcopy(resource)
        if not place.way:
            broken = new
        else:
            at(broken, place.way[:-1])[place.way[-1]] = new
        yield broken


def _first(parent: dict[str, Any], key: str, new: Any) -> dict[str, Any]:
    """The object with the value, or the last of a list of values, replaced."""
    value = parent[key]
    if isinstance(value, list):
        return {**parent, key: [*value[:-1], new]}
    return {**parent, key: new}


def _value(parent: dict[str, Any], place: Place) -> Any:
    value = parent[place.key]
    return value[-1] if isinstance(value, list) else value


# Shape


def _drop_required(
    parent: dict[str, Any], place: Place, shapes: Shapes
) -> Iterator[dict[str, Any]]:
    del shapes
    for names in place.shape.required:
        if place.key in names:
            rest = {k: v for k, v in parent.items() if k.lstrip("_") not in names}
            if rest:
                yield rest


def _unknown(parent: dict[str, Any], place: Place, shapes: Shapes) -> Iterator[dict[str, Any]]:
    del place, shapes
    yield {**parent, "fooBar": "x"}
    yield {**parent, "nested": {"more": [1]}}


def _misspelled(parent: dict[str, Any], place: Place, shapes: Shapes) -> Iterator[dict[str, Any]]:
    del shapes
    key = place.key
    for name in (key + "s", key[:-1], key[0].upper() + key[1:], f"_{key}_"):
        if name and name not in place.shape.members and name != "fhir_comments":
            yield {(name if k == key else k): v for k, v in parent.items()}


def _wrong_type(parent: dict[str, Any], place: Place, shapes: Shapes) -> Iterator[dict[str, Any]]:
    del shapes
    value = _value(parent, place)
    if isinstance(value, bool):
        wrong: tuple[Any, ...] = ("true", 1, "yes")
    elif isinstance(value, str):
        wrong = (17, True, 1.5) if place.member.kind is Kind.PRIMITIVE else ()
    elif isinstance(value, dict):
        wrong = ("text", 5, True)
    elif isinstance(value, int | float):
        wrong = (str(value), True)
    else:
        wrong = ()
    for new in wrong:
        yield _first(parent, place.key, new)


def _object_for_primitive(
    parent: dict[str, Any], place: Place, shapes: Shapes
) -> Iterator[dict[str, Any]]:
    del shapes
    value = _value(parent, place)
    if place.member.kind is Kind.PRIMITIVE and value is not None:
        yield _first(parent, place.key, {"value": value})


def _fraction(parent: dict[str, Any], place: Place, shapes: Shapes) -> Iterator[dict[str, Any]]:
    del shapes
    if place.member.type in ("integer", "positiveInt", "unsignedInt"):
        yield _first(parent, place.key, 1.5)


def _too_many(parent: dict[str, Any], place: Place, shapes: Shapes) -> Iterator[dict[str, Any]]:
    del shapes
    value, maximum = parent[place.key], place.member.maximum
    if not isinstance(value, list):
        yield {**parent, place.key: [value, value]}
    elif maximum is not None and place.member.kind is not Kind.SIBLING:
        yield {**parent, place.key: value * (maximum + 1)}


def _array_of_one(parent: dict[str, Any], place: Place, shapes: Shapes) -> Iterator[dict[str, Any]]:
    del shapes
    value = parent[place.key]
    if not isinstance(value, list):
        yield {**parent, place.key: [value]}


def _no_array(parent: dict[str, Any], place: Place, shapes: Shapes) -> Iterator[dict[str, Any]]:
    del shapes
    value = parent[place.key]
    if isinstance(value, list):
        yield {**parent, place.key: value[0]}
        yield {**parent, place.key: [value]}


def _empty(parent: dict[str, Any], place: Place, shapes: Shapes) -> Iterator[dict[str, Any]]:
    del shapes
    for new in ({}, [], "", None):
        yield {**parent, place.key: new}
        if isinstance(parent[place.key], list):
            yield _first(parent, place.key, new)


def _other_choice(parent: dict[str, Any], place: Place, shapes: Shapes) -> Iterator[dict[str, Any]]:
    """A second type of the same choice, or a type that the choice does not have."""
    del shapes
    member = place.member
    if member.choice is None or place.key.startswith("_"):
        return
    for name, other in place.shape.members.items():
        if other.kind is Kind.SIBLING or other.choice != member.choice or name == place.key:
            continue
        if other.type in SAMPLES:
            yield {**parent, name: SAMPLES[other.type]}
    rest = {k: v for k, v in parent.items() if k.lstrip("_") != place.key}
    for suffix, sample in SAMPLES.items():
        name = member.choice + suffix[0].upper() + suffix[1:]
        if name not in place.shape.members:
            yield {**rest, name: sample}
            break
    if member.choice not in place.shape.members:
        yield {**rest, member.choice: parent[place.key]}


SAMPLES: dict[str, Any] = {
    "boolean": True,
    "string": "x",
    "dateTime": "2020",
    "integer": 1,
    "uri": "urn:x:y",
    "Period": {"start": "2020"},
    "CodeableConcept": {"text": "x"},
    "Quantity": {"value": 1},
    "Range": {"low": {"value": 1}},
    "Money": {"value": 1},
    "Address": {"text": "x"},
}

# Values


def _bad_code(parent: dict[str, Any], place: Place, shapes: Shapes) -> Iterator[dict[str, Any]]:
    binding, check = place.member.element.binding, place.member.coded
    if binding is None or binding.strength != "required" or check is None:
        return
    value_set = shapes.store.value_set(binding.value_set or "")
    if value_set is None or value_set.missing:
        return  # the codes are not listed: nobody can tell which are wrong
    value = _value(parent, place)
    if place.member.kind is Kind.PRIMITIVE and isinstance(value, str):
        for code in dict.fromkeys(("no-such-code", value.upper(), value + "x", value.title())):
            if code != value:
                yield _first(parent, place.key, code)
    stranger = {"system": "http://example.org/codes", "code": "no-such-code"}
    if place.member.type == "Coding":
        yield _first(parent, place.key, stranger)
    if place.member.type == "CodeableConcept":
        yield _first(parent, place.key, {"coding": [stranger]})
        yield _first(parent, place.key, {"text": "in words only"})
        for coding in value.get("coding", ())[:1]:
            yield _first(parent, place.key, {"coding": [{**coding, "code": "no-such-code"}]})
            yield _first(parent, place.key, {"coding": [{**coding, "system": stranger["system"]}]})


def _no_such_day(parent: dict[str, Any], place: Place, shapes: Shapes) -> Iterator[dict[str, Any]]:
    del shapes
    for new in NO_DAYS.get(place.member.type, ()):
        if place.member.kind is Kind.PRIMITIVE:
            yield _first(parent, place.key, new)


def _malformed(parent: dict[str, Any], place: Place, shapes: Shapes) -> Iterator[dict[str, Any]]:
    del shapes
    if place.member.kind is Kind.PRIMITIVE:
        for new in MALFORMED.get(place.member.type, ()):
            yield _first(parent, place.key, new)


# Rules beyond the shape


def _reference(parent: dict[str, Any], place: Place, shapes: Shapes) -> Iterator[dict[str, Any]]:
    if place.member.type != "Reference" or place.member.kind is not Kind.COMPLEX:
        return
    targets = place.member.targets
    if targets is not None:
        stranger = next(n for n in sorted(shapes.store.resource_types) if n not in targets)
        yield _first(parent, place.key, {"reference": f"{stranger}/one", "type": stranger})
        yield _first(parent, place.key, {"reference": "http://example.org/a", "type": stranger})
    yield _first(parent, place.key, {"reference": "#nowhere"})
    yield _first(parent, place.key, {"reference": "not a reference"})


def _extension(parent: dict[str, Any], place: Place, shapes: Shapes) -> Iterator[dict[str, Any]]:
    del shapes
    if place.member.kind is not Kind.COMPLEX or place.member.type in ("Resource", "Extension"):
        return
    value = _value(parent, place)
    if not isinstance(value, dict) or "extension" not in place.member.shape.members:
        return
    url = "http://example.org/fhir/more"
    inner = [{"url": "part", "valueString": "x"}]
    for bad in (
        {"url": url, "valueString": "x", "extension": inner},
        {"url": url},
        {"valueString": "x"},
        {"url": url, "valueFoo": "x"},
        {"url": url, "valueString": "x", "valueBoolean": True},
        {"url": "", "valueString": "x"},
        {"url": "relative", "valueString": "x"},
        {"url": url, "value": "x"},
        {"url": "http://hl7.org/fhir/StructureDefinition/no-such-extension", "valueString": "x"},
        {"url": url, "extension": [{"url": url}]},
    ):
        yield _first(parent, place.key, {**value, "extension": [bad]})
    if "modifierExtension" in place.member.shape.members:
        unknown = {"url": "http://hl7.org/fhir/StructureDefinition/no-such", "valueBoolean": True}
        yield _first(parent, place.key, {**value, "modifierExtension": [unknown]})
    else:
        known = {"url": url, "valueBoolean": True}
        yield _first(parent, place.key, {**value, "modifierExtension": [known]})


#: Ways that mean something in XML, too, where there are no JSON types and no arrays.
IN_XML = frozenset(
    {
        *("required element left out", "unknown property", "misspelled property", "no such day"),
        *("code not in the value set", "two for one", "malformed value", "reference", "extension"),
        "other type of a choice",
    }
)
#: Way → the kind it counts for, and how it is done.
WAYS: dict[str, tuple[str, Callable[..., Iterator[dict[str, Any]]]]] = {
    "required element left out": ("dropped required element", _drop_required),
    "wrong JSON type": ("wrong type", _wrong_type),
    "object for a primitive": ("wrong type", _object_for_primitive),
    "fraction for a whole number": ("wrong type", _fraction),
    "unknown property": ("unknown element", _unknown),
    "misspelled property": ("unknown element", _misspelled),
    "code not in the value set": ("bad code", _bad_code),
    "no such day": ("bad date", _no_such_day),
    "two for one": ("too many", _too_many),
    "array for one": ("array", _array_of_one),
    "one for an array": ("array", _no_array),
    "nothing": ("empty", _empty),
    "other type of a choice": ("choice", _other_choice),
    "malformed value": ("malformed value", _malformed),
    "reference": ("reference", _reference),
    "extension": ("extension", _extension),
}
