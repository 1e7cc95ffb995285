"""Which slice an item belongs to, and whether the items keep the rules of the slicing.

https://hl7.org/fhir/R4/profiling.html#slicing. A slice's conditions are schema nodes, so whoever
checks elements answers them: this module only sorts and counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from fhirkit.schema.discriminator import Condition, Resolver, condition
from fhirkit.schema.model import Discriminator, ElementSchema, Slicing, StructureSchema
from fhirkit.validate.profiles.items import Item

#: An item that belongs to no slice of a closed slicing is held to this one, if there is one.
DEFAULT = "@default"

_BY_TYPE = Slicing("open", (Discriminator("type", "$this"),))
_BY_URL = Slicing("open", (Discriminator("value", "url"),))

#: (item, condition) → whether the item meets it.
Meets = Callable[[Item, Condition], bool]


class Slice(NamedTuple):
    """One slice, ready to be asked. ``conditions`` None: it cannot be told what belongs to it."""

    element: ElementSchema
    conditions: tuple[Condition, ...] | None
    parts: Slices | None


class Slices(NamedTuple):
    """The slices of one element, or of one slice that is sliced again."""

    slicing: Slicing
    slices: tuple[Slice, ...]
    default: ElementSchema | None


class Trouble(NamedTuple):
    """What is wrong: the rule, in words, and the item it is about (None: their parent)."""

    rule: str
    message: str
    item: Item | None = None


class Sorted(NamedTuple):
    """The outcome of sorting: items with the slice elements they must follow, and what is wrong."""

    members: list[tuple[Item, ElementSchema]]
    troubles: list[Trouble]


def slices_of(element: ElementSchema, source: StructureSchema, resolve: Resolver) -> Slices | None:
    """The slices of an element; None when it has none. Slices named ``a/b`` are slices of ``a``."""
    if not element.slices:
        return None
    slicing = element.slicing
    if slicing is None or not (slicing.discriminators or slicing.rules != "open"):
        implied = _BY_TYPE if element.choice else _BY_URL if _is_extension(element) else None
        slicing = implied or slicing or Slicing("open")
    return _slices(element.slices, slicing, "", source, resolve)


def _slices(
    elements: tuple[ElementSchema, ...],
    slicing: Slicing,
    prefix: str,
    source: StructureSchema,
    resolve: Resolver,
) -> Slices:
    found: list[Slice] = []
    default: ElementSchema | None = None
    for element in elements:
        name = element.slice_name or ""
        if not name.startswith(prefix) or "/" in name[len(prefix) :]:
            continue
        if name[len(prefix) :] == DEFAULT:
            default = element
            continue
        conditions = [condition(one, element, source, resolve) for one in slicing.discriminators]
        known = [one for one in conditions if one is not None and _is_at_hand(one, resolve)]
        # Several discriminators work together; one that says nothing for a slice leaves the rest.
        told = tuple(known) if known else None
        parts = None
        below = tuple(e for e in elements if (e.slice_name or "").startswith(f"{name}/"))
        if below:
            parts = _slices(below, element.slicing or slicing, f"{name}/", source, resolve)
        found.append(Slice(element, told, parts))
    return Slices(slicing, tuple(found), default)


def sort(slices: Slices, items: list[Item], meets: Meets, whose: str) -> Sorted:
    """Sort items into slices, and say what breaks the rules, order and numbers of the slicing."""
    members: list[tuple[Item, ElementSchema]] = []
    troubles: list[Trouble] = []
    by_slice: list[list[Item]] = [[] for _ in slices.slices]
    last = -1
    unmatched: Item | None = None
    name = items[0].node[2] if items else ""
    untold = [part.element.slice_name for part in slices.slices if part.conditions is None]
    for item in items:
        for one in untold:
            message = f"the profile does not tell whether this belongs to its slice {one}{whose}"
            troubles.append(Trouble("slicing-not-checked", message, item))
        fitting = [index for index, part in enumerate(slices.slices) if _belongs(item, part, meets)]
        if not fitting:
            if slices.default is not None:
                members.append((item, slices.default))
            elif slices.slicing.rules == "closed" and not untold:
                message = f"{name} fits none of the slices, and no other is allowed{whose}"
                troubles.append(Trouble("slice-unmatched", message, item))
            unmatched = item
            continue
        if len(fitting) > 1:
            names = " and ".join(str(slices.slices[i].element.slice_name) for i in fitting)
            message = f"{name} fits more than one slice: {names}{whose}"
            troubles.append(Trouble("slice-ambiguous", message, item))
        index = fitting[0]
        part = slices.slices[index]
        if slices.slicing.ordered and index < last:
            message = f"slice {part.element.slice_name} stands after a later slice{whose}"
            troubles.append(Trouble("slice-order", message, item))
        if slices.slicing.rules == "openAtEnd" and unmatched is not None:
            # HL7's validator does not mind.
            message = f"what fits no slice must stand at the end{whose}"
            troubles.append(Trouble("slice-not-last", message, unmatched))
            unmatched = None
        last = max(last, index)
        by_slice[index].append(item)
        members.append((item, part.element))
    for part, own in zip(slices.slices, by_slice, strict=True):
        # Where it is not told what belongs where, nothing can be counted but nothing.
        if not (untold and items):
            troubles.extend(_counted(part.element, len(own), whose))
        if part.parts is not None:
            inner = sort(part.parts, own, meets, whose)
            members.extend(inner.members)
            troubles.extend(inner.troubles)
    return Sorted(members, troubles)


def _is_at_hand(told: Condition, resolve: Resolver) -> bool:
    """Whether the profiles that a condition asks about are known."""
    return told.kind != "profile" or all(
        resolve(profile) is not None
        for node in told.nodes
        for reference in node.types
        for profile in reference.profiles
    )


def _belongs(item: Item, part: Slice, meets: Meets) -> bool:
    return part.conditions is not None and all(meets(item, one) for one in part.conditions)


def _counted(element: ElementSchema, count: int, whose: str) -> Iterator[Trouble]:
    low, high = element.cardinality.min, element.cardinality.max
    place = f"{element.name}:{element.slice_name}"
    if count < low:
        yield Trouble("slice-min", f"{place}: at least {low} required, found {count}{whose}")
    elif high is not None and count > high:
        yield Trouble("slice-max", f"{place}: at most {high} allowed, found {count}{whose}")


def _is_extension(element: ElementSchema) -> bool:
    return element.name in ("extension", "modifierExtension")
