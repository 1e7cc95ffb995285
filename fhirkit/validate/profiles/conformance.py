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
from fhirkit.schema.discriminator import Condition, Step
from fhirkit.schema.model import Cardinality, ElementSchema, StructureSchema, TypeReference
from fhirkit.schema.store import SchemaStore
from fhirkit.validate.catalogue import RULES
from fhirkit.validate.location import Node
from fhirkit.validate.profiles import values
from fhirkit.validate.profiles.definitions import Definitions
from fhirkit.validate.profiles.items import Item, Items
from fhirkit.validate.profiles.slicing import sort
from fhirkit.validate.reports import Found
from fhirkit.validate.rules.constraint import ask, ask_primitive
from fhirkit.validate.services import Services
from fhirkit.validate.shapes import find

_ANY = ("Resource", "DomainResource")
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
        self._answers: dict[tuple[int, str], list[Found]] = {}
        self._environments: dict[int, Environment] = {}
        #: Profiles that are needed and not at hand, each with the first place that needs it.
        self.unknown: dict[str, Node] = {}

    def check(self, item: Item, profile: StructureSchema) -> list[Found]:
        """Everything in which an item does not follow a profile."""
        slot = (id(item.value), profile.url)
        answer = self._answers.get(slot)
        if answer is None:
            # Until it is known better a circle of references holds.
            answer = self._answers[slot] = []
            self._element(item, profile.root, profile, answer)
        return answer

    def follows(self, item: Item, profile: StructureSchema) -> bool:
        """Whether an item follows a profile: no error is found."""
        if profile.type not in self._definitions.lineage(item.type):
            return False
        return not any(
            RULES[found.rule].severity.rank <= Severity.ERROR.rank
            for found in self.check(item, profile)
        )

    # One element

    def _element(
        self, item: Item, element: ElementSchema, source: StructureSchema, found: list[Found]
    ) -> None:
        """An item against an element of a profile: its value, then what is below it."""
        self._value(item, element, source, found)
        self._coded(item, element, source, found)
        self._constraints(item, element, source, found)
        self._types(item, element, source, found)
        self._children(item, element, source, found)

    def _value(
        self, item: Item, element: ElementSchema, source: StructureSchema, found: list[Found]
    ) -> None:
        """Fixed and pattern values, limits and length."""
        whose = _whose(source)
        if element.fixed is not None and not _is_fixed(item, element):
            message = f"not the fixed value {_shown(element.fixed.json)}{whose}"
            found.append(Found("value-fixed", message, item.node))
        if element.pattern is not None and not _has_pattern(item, element):
            message = f"lacks what the pattern {_shown(element.pattern.json)} asks for{whose}"
            found.append(Found("value-pattern", message, item.node))
        for limit, sign, word in (
            (element.min_value, -1, "less"),
            (element.max_value, 1, "more"),
        ):
            if limit is not None and values.compare(limit, item.value) == sign:
                message = f"{word} than the limit {_shown(limit.json)}{whose}"
                found.append(Found("value-limit", message, item.node))
        length = element.max_length
        if length is not None and isinstance(item.value, str) and len(item.value) > length:
            message = f"longer than {length} characters{whose}"
            found.append(Found("value-length", message, item.node))

    def _coded(
        self, item: Item, element: ElementSchema, source: StructureSchema, found: list[Found]
    ) -> None:
        check = self._definitions.coded(element, item)
        finding = check(item.value) if check is not None and item.value is not None else None
        if finding is not None:
            found.append(Found(finding.rule, finding.message + _whose(source), item.node))

    def _constraints(
        self, item: Item, element: ElementSchema, source: StructureSchema, found: list[Found]
    ) -> None:
        for invariant in self._definitions.invariants(element, source, item):
            environment = self._environment(item)
            if item.shape is None and item.resource is not item:
                finding = ask_primitive(invariant, item.value, item.extra, environment)
            else:
                finding = ask(invariant, item.value, environment)
            if finding is not None:
                found.append(Found(finding.rule, finding.message + _whose(source), item.node))

    def _environment(self, item: Item) -> Environment:
        resource = item.resource
        slot = id(resource.value)
        if slot not in self._environments:
            container = resource.container or resource
            self._environments[slot] = self._services.environment(
                resource.value, container.value, self._resolve
            )
        return self._environments[slot]

    # Types, their profiles, and the targets of references

    def _types(
        self, item: Item, element: ElementSchema, source: StructureSchema, found: list[Found]
    ) -> None:
        if not element.types or element is source.root:
            return
        lineage = self._definitions.lineage(item.type)
        fitting = [one for one in element.types if one.code in lineage]
        if not fitting:
            names = ", ".join(sorted({one.code for one in element.types}))
            message = f"{item.type} is not allowed here; expected {names}{_whose(source)}"
            found.append(Found("type-not-allowed", message, item.node))
            return
        profiles = [profile for one in fitting for profile in one.profiles]
        if profiles and not any(not one.profiles for one in fitting):
            self._one_of(item, profiles, found, source)
        if item.type in ("Reference", "canonical", "CodeableReference"):
            self._target(item, fitting, source, found)

    def _one_of(
        self, item: Item, profiles: list[str], found: list[Found], source: StructureSchema
    ) -> None:
        """An item that must follow one of several profiles; with one only, say what is wrong."""
        known = self._known(profiles, item.node)
        if len(known) < len(profiles):
            return  # it may follow the one that is not at hand
        if len(known) == 1:
            found.extend(self.check(item, known[0]))
        elif not any(self.follows(item, one) for one in known):
            names = ", ".join(profiles)
            message = f"follows none of the profiles {names}{_whose(source)}"
            found.append(Found("profile-none", message, item.node))

    def _target(
        self,
        item: Item,
        fitting: Iterable[TypeReference],
        source: StructureSchema,
        found: list[Found],
    ) -> None:
        """A target inside the document must follow one of the target profiles."""
        profiles = [profile for one in fitting for profile in one.target_profiles]
        if not profiles or item.type != "Reference":
            return
        target = self._items.resolve(item)
        if target is None or target.shape is None:
            return
        known = self._known(profiles, item.node)
        lineage = self._definitions.lineage(target.type)
        typed = [one for one in known if one.type in lineage]
        if len(known) < len(profiles) or any(one.derivation != "constraint" for one in typed):
            return
        if not typed:
            names = ", ".join(sorted({one.type for one in known}))
            message = f"the target is a {target.type}; expected {names}{_whose(source)}"
            found.append(Found("reference-type", message, item.node))
        elif not any(self.follows(target, one) for one in typed):
            names = " or ".join(one.url for one in typed)
            message = f"the target does not follow {names}{_whose(source)}"
            found.append(Found("reference-profile", message, item.node))

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
            target = find(source.root, element.content_reference.rpartition("#")[2])
            children = target.children if target is not None else ()
        for child in children:
            limits = child.cardinality
            if child.name in _EXTENSIONS and not child.slices and limits == _ANY_NUMBER:
                continue
            occurrences = self._items.children(item, child.name)
            self._count(item, child, source, len(occurrences), found)
            for one in occurrences:
                self._element(one, child, source, found)
            if child.slices:
                self._slices(item, child, source, occurrences, found)

    def _count(
        self,
        item: Item,
        child: ElementSchema,
        source: StructureSchema,
        count: int,
        found: list[Found],
    ) -> None:
        low, high = child.cardinality.min, child.cardinality.max
        name = f"{child.name}[x]" if child.choice else child.name
        base = self._definitions.base_cardinality(item, child.name)
        # What the base type demands as well the walk has said.
        if count < low and (base is None or count >= base.min):
            message = f"{name}: at least {low} required, found {count}{_whose(source)}"
            found.append(Found("cardinality-min", message, item.node))
        said = base is not None and base.max is not None and count > base.max
        if high is not None and count > high and not said:
            message = f"{name}: at most {high} allowed, found {count}{_whose(source)}"
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
        if not slices.can_be_told:
            message = f"what belongs to the slices of {element.path} cannot be told; not checked"
            found.append(Found("slicing-not-checked", message + _whose(source), parent.node))
            return
        done = sort(slices, items, self._meets, _whose(source))
        for trouble in done.troubles:
            node = (trouble.item or parent).node
            found.append(Found(trouble.rule, trouble.message, node))
        for item, part in done.members:
            self._element(item, part, source, found)

    # Conditions of slices

    def _meets(self, item: Item, condition: Condition) -> bool:
        """Whether an item meets a slice's condition."""
        places = self._follow(item, condition.steps)
        if condition.kind == "exists":
            limits = condition.nodes[0].cardinality
            return not places if limits.max == 0 else bool(places)
        met = (
            any(self._satisfies(place, node) for place in places)
            or (node.cardinality.max == 0 and not places)
            for node in condition.nodes
        )
        return any(met) if condition.any_node else all(met)

    def _follow(self, start: Item, steps: tuple[Step, ...]) -> list[Item]:
        """The items at the end of a discriminator's path."""
        items = [start]
        for step in steps:
            following: list[Item] = []
            for item in items:
                if step.kind == "resolve":
                    target = self._items.resolve(item)
                    following.extend([] if target is None else [target])
                elif step.kind == "ofType":
                    following.extend([item] if item.type == step.name else [])
                elif step.kind == "extension":
                    following.extend(
                        one
                        for one in self._items.children(item, "extension")
                        if isinstance(one.value, dict) and one.value.get("url") == step.name
                    )
                else:
                    following.extend(self._items.children(item, step.name))
            items = following
        return items

    def _satisfies(self, item: Item, node: ElementSchema) -> bool:
        """Whether an item is what a node of a condition describes."""
        if node.cardinality.max == 0:
            return False
        if node.fixed is not None and not _is_fixed(item, node):
            return False
        if node.pattern is not None and not _has_pattern(item, node):
            return False
        if node.types and not self._has_type(item, node.types):
            return False
        if node.binding is not None:
            check = self._definitions.coded(node, item)
            if item.value is None or (check is not None and check(item.value) is not None):
                return False
        return all(self._has_child(item, child) for child in node.children)

    def _has_child(self, item: Item, child: ElementSchema) -> bool:
        """Whether something below is what the node, and each of its slices, describe."""
        occurrences = self._items.children(item, child.name)
        return all(
            any(self._satisfies(one, part) for one in occurrences)
            for part in (child, *child.slices)
        )

    def _has_type(self, item: Item, types: Iterable[TypeReference]) -> bool:
        lineage = self._definitions.lineage(item.type)
        for reference in types:
            if reference.code not in lineage and reference.code not in _ANY:
                continue
            if not reference.profiles:
                return True
            for profile in reference.profiles:
                structure = self._store.structure(profile)
                if structure is not None and self.follows(item, structure):
                    return True
        return False


def _is_fixed(item: Item, element: ElementSchema) -> bool:
    return element.fixed is not None and values.is_exactly(values.parsed(element.fixed), item.value)


def _has_pattern(item: Item, element: ElementSchema) -> bool:
    pattern = element.pattern
    return pattern is not None and values.matches(values.parsed(pattern), item.value)


def _whose(source: StructureSchema) -> str:
    return f" (profile {source.url})"


def _shown(text: str) -> str:
    return text if len(text) <= 120 else f"{text[:117]}..."
