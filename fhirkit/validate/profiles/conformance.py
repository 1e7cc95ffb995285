"""Conformance: one item against one profile, element by element, with everything below.

A profile is checked for what it adds to the base type, which the walk has checked: narrower
cardinality and types, fixed and pattern values, limits, slices, bindings and constraints, and the
profiles of types and of reference targets. https://hl7.org/fhir/R4/profiling.html
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fhirkit.core.issues import Severity
from fhirkit.fhirpath.environment import Environment
from fhirkit.schema.model import Cardinality, ElementSchema, StructureSchema
from fhirkit.schema.store import SchemaStore
from fhirkit.validate.catalogue import RULES
from fhirkit.validate.location import Node, root
from fhirkit.validate.profiles.conditions import Conditions
from fhirkit.validate.profiles.definitions import Definitions
from fhirkit.validate.profiles.items import Item, Items
from fhirkit.validate.profiles.restrictions import restrictions
from fhirkit.validate.profiles.slicing import sort
from fhirkit.validate.profiles.targets import Targets
from fhirkit.validate.reports import Found
from fhirkit.validate.rules.constraint import ask, ask_primitive
from fhirkit.validate.services import Services
from fhirkit.validate.shapes import find
from fhirkit.validate.walk import Walk

_EXTENSIONS = ("extension", "modifierExtension")
_ANY_NUMBER = Cardinality()


class Conformance:
    """Checks of one document; a question asked twice is answered once."""

    def __init__(
        self,
        definitions: Definitions,
        items: Items,
        services: Services,
        resolve: Any,
    ) -> None:
        self._definitions = definitions
        self._store: SchemaStore = definitions.store
        self._items = items
        self._services = services
        self._resolve = resolve
        self._conditions = Conditions(definitions, items, self.follows)
        self._targets = Targets(definitions, items, self.follows, self._known)
        self._answers: dict[tuple[int, str, str | None], list[Found]] = {}
        self._open: set[tuple[int, str, str | None]] = set()
        self._environments: dict[int, Environment] = {}
        #: Profiles that are needed and not at hand, each with the first place that needs it.
        self.unknown: dict[str, Node] = {}

    def check(self, item: Item, profile: StructureSchema) -> list[Found]:
        """Everything in which an item does not follow a profile."""
        slot = (id(item.value), profile.url, profile.version)
        answer = self._answers.get(slot)
        if answer is None:
            answer = self._answers[slot] = []
            self._open.add(slot)
            self._element(item, profile.root, profile, answer)
            self._open.discard(slot)
        return answer

    def follows(self, item: Item, profile: StructureSchema) -> bool:
        """Whether an item follows a profile: no error is found, nor a code that is none of its own.

        A code that a required value set does not list may be in it for all we know, and is then no
        error. But a profile that lists codes is told by them: an item with another code is
        not one of its, or every item of a sliced list would fit every slice.
        """
        if profile.type not in self._definitions.lineage(item.type):
            return False
        if (id(item.value), profile.url, profile.version) in self._open:
            return True  # while it is being found out, a circle of references holds
        return not any(
            _is_error(found) or found.rule == "binding-unconfirmed"
            for found in self.check(item, profile)
        )

    # One element

    def _element(
        self, item: Item, element: ElementSchema, source: StructureSchema, found: list[Found]
    ) -> None:
        """An item against an element of a profile: its value, then what is below it."""
        if element is not source.root and not self._types(item, element, source, found):
            return  # of another type nothing else that the profile says makes sense
        whose = _whose(source, element)
        found.extend(restrictions(item, element, whose))
        finding = self._definitions.unfit(element, item)
        found.extend(
            Found(one.rule, one.message + whose, item.node)
            for one in ((finding, *finding.also) if finding is not None else ())
        )
        self._constraints(item, element, source, found)
        self._children(item, element, source, found)

    def _constraints(
        self, item: Item, element: ElementSchema, source: StructureSchema, found: list[Found]
    ) -> None:
        for invariant in self._definitions.invariants(element, source, item):
            # A resource that a profile finds inside another is an element of the outer one.
            outer = item.outer if element is not source.root else None
            environment = self._environment(outer or item.resource)
            if item.shape is None and item.resource is not item:
                finding = ask_primitive(invariant, item.value, item.extra, environment)
            else:
                finding = ask(invariant, item.value, environment)
            if finding is not None:
                found.append(Found(finding.rule, finding.message + _whose(source), item.node))

    def _environment(self, resource: Item) -> Environment:
        slot = id(resource.value)
        if slot not in self._environments:
            container = resource.container or resource
            environment = self._services.environment(resource.value, container.value, self._resolve)
            by_type = environment.conforms_to

            def conforms(value: Any, type_name: str, canonical: str) -> bool | None:
                found = self._conforms(value, type_name, canonical, resource)
                if found is None and by_type is not None:
                    return by_type(value, type_name, canonical)
                return found

            environment.conforms_to = conforms
            self._environments[slot] = environment
        return self._environments[slot]

    def _conforms(self, value: Any, type_name: str, canonical: str, resource: Item) -> bool | None:
        """Whether a value that an expression has found follows a profile that is at hand."""
        profile = self._store.structure(canonical)
        if profile is None:
            return None
        name = type_name
        if isinstance(value, dict):
            name = str(value.get("resourceType", type_name))
        if profile.derivation != "constraint":
            return self._is_good(value) if profile.type == name else None
        # Nobody asks where it stands: only whether it follows.
        item = Item(value, None, name, root(name), self._definitions.shapes.type(name), None)
        if "." not in name and not (isinstance(value, dict) and "resourceType" in value):
            item.resource = resource
        return self.follows(item, profile)

    def _is_good(self, value: Any) -> bool | None:
        """Whether a resource has no errors by its own type; None for what is no resource."""
        if not isinstance(value, dict) or "resourceType" not in value:
            return None
        walk = Walk(self._definitions.shapes, self._services, self._resolve)
        walk.resource(value, root(str(value["resourceType"])))
        return not any(_is_error(found) for found in walk.found)

    # Types and their profiles

    def _types(
        self, item: Item, element: ElementSchema, source: StructureSchema, found: list[Found]
    ) -> bool:
        """Whether an item is of an allowed type, and that it follows the profile of its type."""
        if not element.types:
            return True
        lineage = self._definitions.lineage(item.type)
        fitting = [one for one in element.types if one.code in lineage]
        if not fitting:
            names = ", ".join(sorted({one.code for one in element.types}))
            whose = _whose(source, element)
            message = f"{item.type} is not allowed here; expected {names}{whose}"
            # Which of several types is meant, the element itself cannot tell: its parent is wrong.
            several = len({one.code for one in element.types}) > 1 and item.member is not None
            node = (item.node[0] if element.choice and several else None) or item.node
            found.append(Found("type-not-allowed", message, node, item.node))
            if item.outer is not None:
                message = f"a {item.type} is no resource that may stand here{whose}"
                found.append(Found("resource-type-unexpected", message, item.node))
            return False
        profiles = [profile for one in fitting for profile in one.profiles]
        profiled = bool(profiles) and all(one.profiles for one in fitting)
        if profiled and not self._one_of(item, profiles, found, element, source):
            return False
        if item.type == "Reference":
            found.extend(self._targets.check(item, fitting, _whose(source, element)))
        return True

    def _one_of(
        self,
        item: Item,
        profiles: list[str],
        found: list[Found],
        element: ElementSchema,
        source: StructureSchema,
    ) -> bool:
        """That an item follows one of several profiles; False when none is for its type."""
        known = self._known(profiles, item.node)
        lineage = self._definitions.lineage(item.type)
        typed = [one for one in known if one.type in lineage]
        if len(known) == len(profiles) and not typed:
            names = ", ".join(sorted({one.type for one in known}))
            message = f"{item.type} is not allowed here; expected {names}{_whose(source, element)}"
            found.append(Found("type-not-allowed", message, item.node))
            return False
        if len(profiles) == 1:
            for one in typed:
                found.extend(self.check(item, one) if one.derivation == "constraint" else ())
        elif len(known) == len(profiles) and not any(self.follows(item, one) for one in typed):
            names = ", ".join(profiles)
            message = f"follows none of the profiles {names}{_whose(source, element)}"
            found.append(Found("profile-none", message, item.node))
            for one in typed:
                found.extend(self.check(item, one))
        return True

    def _known(self, profiles: Iterable[str], node: Node) -> list[StructureSchema]:
        known: list[StructureSchema] = []
        for profile in profiles:
            structure = self._store.structure(profile)
            if structure is not None:
                known.append(structure)
            else:
                self.unknown.setdefault(profile, node)
        return known

    # What is below

    def _children(
        self, item: Item, element: ElementSchema, source: StructureSchema, found: list[Found]
    ) -> None:
        children = element.children
        if not children and element.content_reference is not None:
            url, _, path = element.content_reference.rpartition("#")
            repeated = self._store.structure(url) if url and url != source.url else source
            if repeated is None or repeated.derivation != "constraint":
                return  # as the type has it, which the walk has checked
            source, target = repeated, find(repeated.root, path)
            children = target.children if target is not None else ()
        for child in children:
            limits = child.cardinality
            if child.name in _EXTENSIONS and not child.slices and limits == _ANY_NUMBER:
                continue
            occurrences = self._items.children(item, child.name)
            if not occurrences and not limits.min and not child.slices:
                continue
            self._count(item, child, _whose(source, element), len(occurrences), found)
            for one in occurrences:
                self._element(one, child, source, found)
            if child.slices:
                self._slices(item, child, source, occurrences, found)

    @staticmethod
    def _count(
        item: Item, child: ElementSchema, whose: str, count: int, found: list[Found]
    ) -> None:
        low, high = child.cardinality.min, child.cardinality.max
        if count >= low and (high is None or count <= high):
            return
        name = f"{child.name}[x]" if child.choice else child.name
        if count < low:
            message = f"{name}: at least {low} required, found {count}{whose}"
            found.append(Found("cardinality-min", message, item.node))
        if high is not None and count > high:
            message = f"{name}: at most {high} allowed, found {count}{whose}"
            found.append(Found("cardinality-max", message, item.node))

    def _slices(
        self,
        parent: Item,
        element: ElementSchema,
        source: StructureSchema,
        items: list[Item],
        found: list[Found],
    ) -> None:
        slices = self._definitions.slices(element, source)
        if slices is None:
            return
        done = sort(slices, items, self._conditions.meets, _whose(source))
        for trouble in done.troubles:
            node = (trouble.item or parent).node
            found.append(Found(trouble.rule, trouble.message, node))
        for item, part in done.members:
            self._element(item, part, source, found)


def _is_error(found: Found) -> bool:
    return RULES[found.rule].severity.rank <= Severity.ERROR.rank


def _whose(source: StructureSchema, element: ElementSchema | None = None) -> str:
    """Who demands it: the profile and, within it, the slice."""
    if element is not None and element.slice_name is not None:
        return f" (profile {source.url}, slice {element.slice_name})"
    return f" (profile {source.url})"
