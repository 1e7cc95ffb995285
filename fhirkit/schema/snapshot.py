"""A profile from its differential: the changes applied to the schema of what it is based on.

https://hl7.org/fhir/R4/profiling.html#snapshot. Where a definition is published without a snapshot
its schema is grown from the base's schema: no flat list is made on the way. The differential is
taken to be right; where it cannot be followed there is no schema, and the reason is told.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from fhirkit.core.errors import InvalidInput
from fhirkit.schema import builders
from fhirkit.schema.compiler import Resolver, about
from fhirkit.schema.differential import Change, read_differential
from fhirkit.schema.growing import Constraints, Growing
from fhirkit.schema.merging import merge
from fhirkit.schema.model import (
    Cardinality,
    Discriminator,
    ElementSchema,
    Slicing,
    StructureSchema,
    TypeReference,
)

Definition = dict[str, Any]

_CORE = "http://hl7.org/fhir/StructureDefinition/"
_EXTENSIONS = ("extension", "modifierExtension")
#: Definitions differ in how they call the type of ids: https://hl7.org/fhir/R4/resource.html#id
_LEXICAL = frozenset({"id", "string"})


def compile_differential(definition: Definition, resolve: Resolver) -> StructureSchema:
    """Compile a StructureDefinition that has a differential only.

    ``resolve`` finds the base, and the types and profiles that the differential steps into.
    ``InvalidInput`` tells why there is no schema: no base at hand, or elements it does not have.
    """
    url = str(definition.get("url", "(no url)"))
    canonical = definition.get("baseDefinition")
    if not canonical:
        raise InvalidInput(f"{url}: neither a snapshot nor a baseDefinition")
    base = resolve(canonical)
    if base is None:
        raise InvalidInput(f"{url}: its base {canonical} is not at hand; add its package")
    change = read_differential(url, definition.get("differential", {}).get("element") or ())
    # What calls its elements by those of its base is a profile, whatever it calls itself.
    extends = definition.get("derivation") == "specialization" and change.name != base.root.path
    grower = _Grower(url, base, resolve, extends=extends)
    root = grower.grow(change, str(definition.get("type") or base.type))
    table = Constraints(base)
    element = root.frozen(table)
    return replace(
        about(definition, element),
        kind=definition.get("kind", base.kind),
        abstract=bool(definition.get("abstract", base.abstract)),
        primitive=base.primitive,
        constraints=dict(sorted(table.by_key.items())),
        gaps=tuple(grower.gaps),
    )


class _Grower:
    """Applies the changes of one differential."""

    def __init__(
        self, url: str, base: StructureSchema, resolve: Resolver, *, extends: bool
    ) -> None:
        self._url = url
        self._base = base
        self._resolve = resolve
        #: Whether the definition is of a type of its own, which may add elements.
        self._extends = extends
        #: What the differential says about elements that do not exist.
        self.gaps: list[str] = []

    def grow(self, change: Change, type_name: str) -> Growing:
        """The root with everything the differential changes."""
        base = self._base.root
        name = change.name or (type_name.rpartition("/")[2] if self._extends else base.path)
        if not self._extends and name != base.path:
            raise self._broken(f"the differential is about {name}, its base about {base.path}")
        root = Growing(base, self._base, name)
        if self._extends:
            root.say(replace(root.element, path=name, name=name))
        self._apply(change, root)
        return root

    def _broken(self, message: str) -> InvalidInput:
        return InvalidInput(f"{self._url}: {message}")

    def _apply(self, change: Change, node: Growing) -> None:
        """What a change says of an element, then of what is below, then of its slices."""
        self._say(change, node)
        if change.children and self._unfold(node):
            for below in self._in_order(change, node):
                self._child(below, node, change)
        self._slices(change, node)

    def _in_order(self, change: Change, node: Growing) -> list[Change]:
        """The changes of children, but for those that stand after one of a later element.

        HL7's tools go through the base's elements and the differential side by side: what they
        have passed by they do not find.
        """
        if self._extends:
            return change.children
        places = [_position(node, one.name) for one in change.children]
        kept = [one for one, place in zip(change.children, places, strict=True) if place is None]
        reached = -1
        for place in sorted({place for place in places if place is not None}):
            indices = [index for index, one in enumerate(places) if one == place]
            kept.extend(change.children[index] for index in indices if index > reached)
            for index in indices:
                if index < reached:
                    name = change.children[index].name
                    self.gaps.append(f"{node.path}.{name} does not stand in the order of the base")
            reached = max(reached, *indices)
        return kept

    def _say(self, change: Change, node: Growing) -> None:
        if change.definition is None:
            return
        types = builders.types(change.definition)
        if not self._extends and (wrong := self._not_among(types, node.element.types)):
            raise self._broken(f"{node.path} may not be of type {wrong}")
        merge(node, change.definition)

    def _not_among(
        self, types: tuple[TypeReference, ...], allowed: tuple[TypeReference, ...]
    ) -> str | None:
        """A type that the base does not allow, nor any type it comes from."""
        codes = {one.code for one in allowed}
        if not codes or codes & _LEXICAL:
            return None
        for one in types:
            name: str | None = one.code
            seen: set[str] = set()
            while name is not None and name not in codes and name not in seen:
                seen.add(name)
                structure = self._structure(name)
                name = structure.base.rpartition("/")[2] if structure and structure.base else None
            if name not in codes:
                return one.code
        return None

    def _structure(self, code: str) -> StructureSchema | None:
        return self._resolve(code if "/" in code else _CORE + code)

    # Children

    def _child(self, change: Change, parent: Growing, siblings: Change) -> None:
        stem = change.name.removesuffix("[x]")
        child = parent.child(stem) or _renamed(parent, stem)
        if child is not None:
            self._apply(change, child)
        elif (choice := _choice_of(parent, change.name)) is not None:
            self._short(change, choice, siblings)
        elif self._extends:
            self._apply(change, self._new(change, parent))
        else:
            self.gaps.append(f"{parent.path} has no element {change.name}")

    def _short(self, change: Change, choice: Growing, siblings: Change) -> None:
        """``valueQuantity`` in place of ``value[x]``: short for the slice of this type.

        Where nothing introduces the slicing, only the types that are named are left.
        """
        named = [one for one in siblings.children if _types_named(choice.element, one.name)]
        if named[0] is not change:
            return  # done with the first of them
        if any(one.definition is None and not one.slices for one in named):
            # HL7's tools do not find what is below a type that no entry names.
            self.gaps.append(f"nothing introduces {choice.path.rpartition('.')[0]}.{change.name}")
            named = [one for one in named if one.definition is not None or one.slices]
            if not named:
                return
        of_choice = f"{choice.element.name}[x]"
        whole = [one for one in siblings.children if one.name == of_choice]
        together = Change(of_choice)
        for one in named:
            part = together.slice(one.slice_name or one.name)
            part.definition, part.children = one.definition, one.children
            if part.definition is not None and "type" not in part.definition:
                code = _types_named(choice.element, one.name)[0].code
                part.definition = {**part.definition, "type": [{"code": code}]}
            for inner in one.slices:
                inner.name = of_choice
                together.slices.append(inner)
        if not whole:
            codes = {t.code for one in named for t in _types_named(choice.element, one.name)}
            types = tuple(one for one in choice.element.types if one.code in codes)
            choice.say(replace(choice.element, types=types))
        elif whole[0].definition is not None:
            together.definition = {}
        self._slices(together, choice)

    # Slices

    def _slices(self, change: Change, sliced: Growing) -> None:
        if not change.slices:
            return
        element = sliced.element
        introduced = change.definition is not None or element.slicing is not None
        if element.choice:
            self._slice_by_type(change, sliced)
        elif element.name in _EXTENSIONS:
            pass  # its url tells
        elif not introduced and len(change.slices) == 1:
            # HL7's tools let a lone slice that nothing introduces speak of the element itself.
            self._apply(change.slices[0], sliced)
            return
        elif element.slicing is None:
            raise self._broken(f"slices of {sliced.path}, but nothing says how they are told apart")
        elif not (element.array or element.slices or (change.definition or {}).get("max") == "1"):
            raise self._broken(f"{sliced.path} does not repeat, so it cannot be sliced")
        for part in change.slices:
            self._slice(part, sliced)
        if element.array and change.definition is None:
            # Where nothing introduces the slices, HL7's tools make the sum of what they ask for
            # the minimum of the element.
            outer = [
                one.element for one in sliced.slices if "/" not in (one.element.slice_name or "")
            ]
            least = sum(one.cardinality.min for one in outer)
            if least > element.cardinality.min:
                limits = Cardinality(least, element.cardinality.max)
                sliced.say(replace(sliced.element, cardinality=limits))
        if element.choice:
            _without_forbidden(sliced)

    def _slice_by_type(self, change: Change, sliced: Growing) -> None:
        """Slices of a choice. Those that nothing introduces leave no type besides them."""
        element = sliced.element
        if element.slicing is not None and element.slicing.discriminators:
            by_type = all(one.type == "type" for one in element.slicing.discriminators)
        else:
            by_type = True
        if not by_type:
            return
        was_sliced = bool(element.slices)
        codes = {code for one in change.slices for code in _codes(one, element)}
        types = element.types
        if change.definition is None and len(change.slices) > 1:
            types = tuple(one for one in types if one.code in codes) or types
        limits = element.cardinality
        for part in change.slices:
            if part.definition and part.definition.get("min") and (one := _codes(part, element)):
                # A choice has one value: a slice that must be there leaves no other type.
                types = tuple(t for t in types if t.code in one) or types
                limits = limits if was_sliced else Cardinality(1, limits.max)
        # Introduced or not, where every type that is left has its slice there is no other.
        is_open = change.definition is not None and not {t.code for t in types} <= codes
        slicing = Slicing("open" if is_open else "closed", (Discriminator("type", "$this"),))
        element = replace(element, types=types, cardinality=limits, slicing=slicing)
        sliced.say(element)

    def _slice(self, change: Change, sliced: Growing) -> None:
        """A slice: the one the base has, or a new one, which starts as the element itself."""
        name = change.slice_name or ""
        part = sliced.slice(name)
        if part is None:
            outer = sliced.slice(name.rpartition("/")[0]) if "/" in name else None
            part = (outer or sliced).copy()
            limits = part.element.cardinality
            # The value of an extension is one or none: its slice takes over the minimum.
            if not sliced.path.endswith("xtension.value[x]"):
                limits = Cardinality(0, limits.max)
            element = replace(part.element, slice_name=name, slicing=None, cardinality=limits)
            types = _types_named(element, name) if element.choice else ()
            part.say(replace(element, types=types or element.types))
            sliced.slices.append(part)
        self._apply(change, part)

    def _new(self, change: Change, parent: Growing) -> Growing:
        """An element that a type adds to those of its base."""
        stem = change.name.removesuffix("[x]")
        path = f"{parent.path}.{change.name}"
        definition = change.definition or {"max": "1"}
        element = ElementSchema(
            path,
            stem,
            choice=change.name.endswith("[x]"),
            array=builders.is_array(definition),
        )
        made = Growing(element, self._base, path)
        parent.children.append(made)
        return made

    # What is below an element that the base does not unfold

    def _unfold(self, node: Growing) -> bool:
        """Give an element the children of its type, of its type's profile or of what it repeats."""
        if node.children:
            return True
        element = node.element
        if element.content_reference is not None:
            self._repeat(node, element.content_reference)
            return True
        structure = self._type_of(element)
        if structure is None:
            if not self._extends:
                names = ", ".join(one.code for one in element.types) or "it has no type"
                self.gaps.append(f"what is below {node.path} is not known ({names})")
            return self._extends
        node.children = Growing(structure.root, structure, node.path).children
        return True

    def _repeat(self, node: Growing, reference: str) -> None:
        url, _, path = reference.rpartition("#")
        source = node.source
        if url and (named := self._resolve(url)) is not None:
            source = named
        target = element_at(source.root, path)
        if target is None:
            raise self._broken(f"{node.path} repeats {path}, which does not exist")
        node.children = Growing(target, source, node.path).children
        node.say(replace(node.element, content_reference=None, types=target.types))

    def _type_of(self, element: ElementSchema) -> StructureSchema | None:
        codes = {one.code for one in element.types}
        if len(codes) != 1:
            return self._resolve(f"{_CORE}Element") if codes else None
        profiles = [profile for one in element.types for profile in one.profiles]
        if len(profiles) == 1:
            structure = self._resolve(profiles[0])
            if structure is not None:
                return structure
        return self._structure(codes.pop())


def element_at(element: ElementSchema, path: str) -> ElementSchema | None:
    """The element with this path in a tree, slices left out, or None."""
    if element.path == path:
        return element
    for child in element.children:
        if path == child.path or path.startswith(f"{child.path}."):
            return element_at(child, path)
    return None


def _choice_of(parent: Growing, name: str) -> Growing | None:
    """The choice that a property belongs to: ``valueQuantity`` to ``value[x]``."""
    for child in parent.children:
        if child.element.choice and _types_named(child.element, name):
            return child
    return None


def _position(parent: Growing, name: str) -> int | None:
    """The place of the child that a change is about among the base's children."""
    child = parent.child(name.removesuffix("[x]")) or _renamed(parent, name.removesuffix("[x]"))
    found = child or _choice_of(parent, name)
    return None if found is None else parent.children.index(found)


def _types_named(element: ElementSchema, name: str) -> tuple[TypeReference, ...]:
    """The types of a choice that a name like ``valueQuantity`` speaks of."""
    stem = element.name
    return tuple(one for one in element.types if name == stem + one.code[:1].upper() + one.code[1:])


def _without_forbidden(choice: Growing) -> None:
    """Leave out the types whose slice may not occur."""
    forbidden = {
        one.code
        for part in choice.slices
        if part.element.cardinality.max == 0
        for one in part.element.types
    }
    types = tuple(one for one in choice.element.types if one.code not in forbidden)
    if len(types) < len(choice.element.types) and types:
        choice.say(replace(choice.element, types=types))


def _codes(change: Change, choice: ElementSchema) -> set[str]:
    """The types that a slice of a choice is for."""
    types = builders.types(change.definition or {})
    return {one.code for one in types or _types_named(choice, change.slice_name or "")}


def _renamed(parent: Growing, stem: str) -> Growing | None:
    """A choice that an older snapshot calls by the name of the only type it leaves."""
    for child in parent.children:
        types = child.element.types
        if types and child.element.name == stem + types[0].code[:1].upper() + types[0].code[1:]:
            return child
    return None
