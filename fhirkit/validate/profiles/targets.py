"""Targets of references: what a profile asks of them, and where they may stand.

https://hl7.org/fhir/R4/elementdefinition.html (type.targetProfile, type.aggregation). Looked at are
targets inside the document, and those that were supplied where they are to be followed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from fhirkit.schema.model import StructureSchema, TypeReference
from fhirkit.validate.location import Node
from fhirkit.validate.profiles.definitions import Definitions
from fhirkit.validate.profiles.items import Item, Items
from fhirkit.validate.reports import Found

#: Whether an item follows a profile.
Follows = Callable[[Item, StructureSchema], bool]
#: Gives the profiles that are at hand, and notes the others.
Known = Callable[[Iterable[str], Node], list[StructureSchema]]


class Targets:
    """Checks of the references of one document."""

    def __init__(
        self, definitions: Definitions, items: Items, follows: Follows, known: Known
    ) -> None:
        self._definitions = definitions
        self._items = items
        self._follows = follows
        self._known = known

    def check(self, item: Item, types: list[TypeReference], whose: str) -> Iterator[Found]:
        """That a Reference's target follows one of the target profiles, and stands where it may."""
        profiles = [profile for one in types for profile in one.target_profiles]
        target = self._items.resolve(item)
        if profiles and _says(item):
            yield from self._declared(item, profiles, whose)
        if profiles and target is not None and target.shape is not None:
            yield from self._profiles(item, target, profiles, whose)
        modes = {mode for one in types for mode in one.aggregation}
        if modes and all(one.aggregation for one in types) and _says(item):
            place = _place(item, target)
            allowed = place in modes or (place == "bundled" and "referenced" in modes)
            if not allowed:
                names = ", ".join(sorted(modes))
                message = f"the target is {place}; only {names} is allowed{whose}"
                yield Found("reference-aggregation", message, item.node)

    def _declared(self, item: Item, profiles: list[str], whose: str) -> Iterator[Found]:
        """That the type that a Reference itself names is one that the profiles are for."""
        declared = item.value.get("type")
        found = [self._definitions.store.structure(profile) for profile in profiles]
        types = {one.type for one in found if one is not None}
        if not isinstance(declared, str) or len(found) > len([one for one in found if one]):
            return
        if types.isdisjoint({declared, "Resource"}):
            names = ", ".join(sorted(types))
            message = f"the target is said to be a {declared}; expected {names}{whose}"
            yield Found("reference-type", message, item.node)

    def _profiles(
        self, item: Item, target: Item, profiles: list[str], whose: str
    ) -> Iterator[Found]:
        known = self._known(profiles, item.node)
        lineage = self._definitions.lineage(target.type)
        typed = [one for one in known if one.type in lineage]
        if any(one.derivation != "constraint" for one in typed):
            return
        if not typed:
            names = ", ".join(sorted({one.type for one in known})) or "none that is at hand"
            message = f"the target is a {target.type}; expected {names}{whose}"
            yield Found("reference-type", message, item.node)
        elif not any(self._follows(target, one) for one in typed):
            names = " or ".join(one.url for one in typed)
            message = f"the target does not follow {names}{whose}"
            yield Found("reference-profile", message, item.node)


def _says(item: Item) -> bool:
    return isinstance(item.value, dict) and isinstance(item.value.get("reference"), str)


def _place(item: Item, target: Item | None) -> str:
    """Where the target of a reference stands, in the words of the specification."""
    if str(item.value["reference"]).startswith("#"):
        return "contained"
    return "referenced" if target is None or target.node[0] is None else "bundled"
