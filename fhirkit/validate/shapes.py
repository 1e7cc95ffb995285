"""The schema indexed for walking: the shape of each kind of object, made on demand and kept.

A shape is made once from a structure or a backbone element and used for every instance of it.
Choice elements are spread out (``value[x]`` becomes ``valueString``, ``valueQuantity`` …) and each
primitive gets its sibling (``_birthDate``), so that the walk needs one look-up a property.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fhirkit.fhirpath.model import TypeTable
from fhirkit.schema.model import ElementSchema, StructureSchema, TypeReference
from fhirkit.schema.store import SchemaStore
from fhirkit.validate.members import Kind, Member, Shape
from fhirkit.validate.options import Options
from fhirkit.validate.rules import TYPE_RULES, TypeRule, language
from fhirkit.validate.rules.binding import Bindings
from fhirkit.validate.rules.caution import requested
from fhirkit.validate.rules.coding import CodeCheck
from fhirkit.validate.rules.constraint import Invariant, Invariants
from fhirkit.validate.rules.primitive import PrimitiveCheck, TextCheck
from fhirkit.validate.rules.system import Systems

_CODED = frozenset({"Coding", "Quantity"})


class Shapes:
    """All shapes of one schema store, made on demand and kept."""

    def __init__(self, store: SchemaStore, options: Options | None = None) -> None:
        self.store = store
        self.options = options or Options()
        self._shapes: dict[tuple[str, str], Shape] = {}
        #: What ``profiles.placement`` has found at ways through resources.
        self.places: dict[tuple[str | None, ...], Any] = {}
        self._primitives: dict[tuple[str, tuple[TextCheck, ...]], PrimitiveCheck] = {}
        self._resources: dict[str, Shape] = {}
        self.code_check = CodeCheck(store)
        self._bindings = Bindings(store)
        self._systems = Systems(self.store)
        self._invariants = Invariants(store, best_practice=self.options.best_practice)

    @property
    def model(self) -> TypeTable:
        """The types as FHIRPath sees them."""
        return self._invariants.model

    def resource(self, type_name: str) -> Shape | None:
        """The shape of a concrete resource type, or None when there is no such type."""
        shape = self._resources.get(type_name)
        if shape is None and type_name in self.store.resource_types:
            structure = self.store.type(type_name)
            if structure is not None:
                shape = self._resources[type_name] = self.of_structure(structure)
        return shape

    def of_structure(self, structure: StructureSchema) -> Shape:
        """The shape of a structure's root."""
        return self._of_element(structure, structure.root)

    def lineage(self, type_name: str) -> tuple[str, ...]:
        """A type and its ancestors, nearest first."""
        return self._invariants.model.lineage(type_name)

    def type(self, name: str) -> Shape | None:
        """The shape of a data type."""
        structure = self.store.type(name)
        return None if structure is None else self.of_structure(structure)

    def of_member(self, member: Member) -> Shape:
        """The shape of a complex member: its own children, or those of its type."""
        element, source = member.element, member.source
        if member.kind is Kind.SIBLING:
            return self._known("Element")
        if element.content_reference is not None:
            target = find(source.root, element.content_reference.rpartition("#")[2])
            return self._of_element(source, target or element)
        if element.children and not element.choice:
            return self._of_element(source, element)
        if source.derivation != "constraint" and len(member.profiles) == 1:
            # The specification itself narrows some types: SimpleQuantity has no comparator.
            profile = self.store.structure(member.profiles[0])
            if profile is not None and profile.type == member.type:
                return self.of_structure(profile)
        return self._known(member.type)

    def rule(self, shape: Shape) -> TypeRule | None:
        """The rule of a shape's type beyond its elements, if there is one."""
        return None if self.options.shape_only else TYPE_RULES.get(shape.type)

    def invariants_of(self, shape: Shape) -> tuple[Invariant, ...]:
        """The invariants of every instance of a shape, made once."""
        if self.options.shape_only:
            return ()
        if shape.invariants is None:
            shape.invariants = self._invariants.of_element(
                shape.structure, shape.element, self._focus_type(shape)
            )
        return shape.invariants

    def invariants_of_member(self, member: Member) -> tuple[Invariant, ...]:
        """The invariants of a member that its shape, if it has one, does not have already."""
        if self.options.shape_only:
            return ()
        source, element = member.source, member.element
        if member.kind in (Kind.PRIMITIVE, Kind.SIBLING):
            return self._invariants.of_element(source, element, member.type)
        if member.kind is not Kind.COMPLEX:
            return ()
        present = self.invariants_of(member.shape)
        own = self._invariants.of_element(source, element, self._focus_type(member.shape))
        return tuple(one for one in own if one not in present)

    def _focus_type(self, shape: Shape) -> str:
        return self._invariants.focus_type(shape.element, shape.type)

    def _known(self, name: str) -> Shape:
        shape = self.type(name)
        if shape is None:
            # A profile names a type that no definition at hand describes: accept any object.
            element = ElementSchema(path=name, name=name)
            structure = StructureSchema(name, name, name, "unknown", element)
            shape = Shape(name, name, structure, element)
            shape.is_open = True
        return shape

    def _of_element(self, source: StructureSchema, element: ElementSchema) -> Shape:
        slot = (source.url, element.path)
        shape = self._shapes.get(slot)
        if shape is None:
            is_root = element is source.root
            type_name = source.type if is_root else element.types[0].code if element.types else ""
            shape = self._shapes[slot] = Shape(element.path, type_name, source, element)
            shape.is_resource = is_root and source.kind == "resource"
            shape.is_coded = not self.options.shape_only and not _CODED.isdisjoint(
                self.lineage(type_name)
            )
            self._fill(shape, source, element)
        return shape

    def _fill(self, shape: Shape, source: StructureSchema, element: ElementSchema) -> None:
        required: list[tuple[str, ...]] = []
        if shape.is_resource:
            member = Member(self, source, element, None, Kind.RESOURCE_TYPE, "", "")
            shape.members["resourceType"] = member
        for order, child in enumerate(element.children, start=1):
            names: list[str] = []
            for member in self._members(source, child):
                member.order = order
                if child.name == "id" and not shape.is_resource:
                    member.is_element_id, member.may_remember = True, False
                elif child.name == "language" and shape.is_resource:
                    member.coded = None if self.options.shape_only else language.check
                shape.members[member.key] = member
                names.append(member.key)
            if child.cardinality.min > 0:
                required.append(tuple(names))
        shape.required = tuple(required)

    def _members(self, source: StructureSchema, element: ElementSchema) -> Iterator[Member]:
        if not element.types:
            yield Member(self, source, element, None, Kind.COMPLEX, element.name, element.name)
            return
        for reference in element.types:
            key = label = element.name
            if element.choice:
                key = element.name + reference.code[0].upper() + reference.code[1:]
                label = f"{element.name}.ofType({reference.code})"
            kind = self._kind(reference.code)
            member = Member(self, source, element, reference, kind, key, label)
            self._equip(member, reference)
            yield member
            if kind is Kind.PRIMITIVE and not self._is_bare(element, reference):
                member.twin = f"_{key}"
                sibling = Member(self, source, element, reference, Kind.SIBLING, f"_{key}", label)
                sibling.twin = key
                yield sibling
            if not element.choice:
                # A profile may narrow `Resource` to several types; the property is still one.
                return

    def _equip(self, member: Member, reference: TypeReference) -> None:
        element = member.element
        if member.kind is Kind.PRIMITIVE:
            member.check = self._primitive(reference.code, element.path)
        if not self.options.shape_only:
            check = self._bindings.of(element.binding, reference.code)
            member.coded = self._systems.of(check, element, reference.code)
            member.leads_inside = reference.code == "canonical"
        if reference.code == "Reference":
            member.targets = self._targets(reference.target_profiles)

    def _targets(self, profiles: tuple[str, ...]) -> frozenset[str] | None:
        """The resource types that may be referred to; None when any may."""
        names: set[str] = set()
        for profile in profiles:
            structure = self.store.structure(profile)
            if structure is None or structure.type in ("Resource", "DomainResource"):
                return None
            names.add(structure.type)
        return frozenset(names) or None

    def _kind(self, code: str) -> Kind:
        kind = self.store.kind(code)
        if kind == "primitive-type":
            return Kind.PRIMITIVE
        return Kind.RESOURCE if kind == "resource" else Kind.COMPLEX

    def _primitive(self, code: str, path: str) -> PrimitiveCheck:
        structure = self.store.type(code)
        schema = structure.primitive if structure is not None else None
        is_text = schema is None or schema.json == "string"
        also = requested(self.options, code, path, is_text=is_text)
        check = self._primitives.get((code, also))
        if check is None:
            check = self._primitives[code, also] = PrimitiveCheck(code, schema, also)
        return check

    @staticmethod
    def _is_bare(element: ElementSchema, reference: TypeReference) -> bool:
        """Whether a primitive is an attribute (``id``, ``url``) or XHTML, without extensions."""
        bare_type = reference.code in ("xhtml", "id") and element.name in ("id", "div")
        return bare_type or "xmlAttr" in element.representations


def find(element: ElementSchema, path: str) -> ElementSchema | None:
    """The element with this path in a tree, or None."""
    if element.path == path:
        return element
    for child in element.children:
        if path == child.path or path.startswith(f"{child.path}."):
            return find(child, path)
    return None
