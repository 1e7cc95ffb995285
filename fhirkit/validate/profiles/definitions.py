"""What the checks of profiles keep about definitions, for all documents of one validator."""

from __future__ import annotations

from fhirkit.schema.model import ElementSchema, StructureSchema
from fhirkit.schema.store import SchemaStore
from fhirkit.validate.profiles.items import Item
from fhirkit.validate.profiles.slicing import Slices, slices_of
from fhirkit.validate.rules.binding import MAXIMUM, REQUIRED, CodedCheck, coded_check
from fhirkit.validate.rules.constraint import Invariant, Invariants
from fhirkit.validate.rules.finding import Finding
from fhirkit.validate.shapes import Shapes


class Definitions:
    """Slices, bindings and constraints of profiles, made on demand and kept."""

    def __init__(self, shapes: Shapes) -> None:
        self.shapes = shapes
        self.store: SchemaStore = shapes.store
        self._invariants = Invariants(shapes.store)
        self._slices: dict[int, tuple[ElementSchema, Slices | None]] = {}
        self._coded: dict[tuple[str, str, str], CodedCheck | None] = {}
        self._own: dict[tuple[int, str], tuple[ElementSchema, tuple[Invariant, ...]]] = {}

    def lineage(self, type_name: str) -> tuple[str, ...]:
        """A type and its ancestors."""
        return self.shapes.lineage(type_name)

    def slices(self, element: ElementSchema, source: StructureSchema) -> Slices | None:
        """The slices of an element, with their conditions."""
        # The element is kept with its slices, so that its identity stays its own.
        kept = self._slices.get(id(element))
        if kept is None:
            kept = (element, slices_of(element, source, self.store.structure))
            self._slices[id(element)] = kept
        return kept[1]

    def unfit(self, element: ElementSchema, item: Item) -> Finding | None:
        """Why a coded value is not of a required or of a maximum value set, or None."""
        binding = element.binding
        if binding is None or item.value is None:
            return None
        if binding.max_value_set is not None and binding.strength == "extensible":
            bounds = self._kept((binding.max_value_set, item.type, MAXIMUM))
            if item.type == "CodeableConcept" and "coding" not in item.value:
                message = f"a code of the value set {binding.max_value_set} is required"
                return Finding(MAXIMUM, message)
            return bounds(item.value) if bounds is not None else None
        check = self.coded(element, item)
        finding = check(item.value) if check is not None else None
        if finding is not None and self.store.value_set(str(binding.value_set)) is None:
            # Of a value set that is not at hand nothing can be asked.
            return None if finding.rule == REQUIRED else finding
        return finding

    def coded(self, element: ElementSchema, item: Item) -> CodedCheck | None:
        """The check of a required binding, unless the base type's own is the same."""
        binding = element.binding
        if binding is None or binding.strength != "required" or binding.value_set is None:
            return None
        base = item.member.element.binding if item.member is not None else None
        if base is not None and base.strength == "required" and base.value_set == binding.value_set:
            return None
        return self._kept((binding.value_set, item.type, REQUIRED))

    def _kept(self, slot: tuple[str, str, str]) -> CodedCheck | None:
        if slot not in self._coded:
            self._coded[slot] = coded_check(self.store, *slot)
        return self._coded[slot]

    def invariants(
        self, element: ElementSchema, source: StructureSchema, item: Item
    ) -> tuple[Invariant, ...]:
        """The constraints that a profile adds to those of the base definition and the type."""
        slot = (id(element), item.type)
        kept = self._own.get(slot)
        if kept is None:
            known = self._inherited(item)
            focus = item.type
            if item.shape is not None:
                focus = self._invariants.focus_type(item.shape.element, item.shape.type)
            added = tuple(
                one
                for one in self._invariants.of_element(source, element, focus)
                if (one.constraint.key, one.constraint.expression) not in known
            )
            kept = self._own[slot] = (element, added)
        return kept[1]

    def _inherited(self, item: Item) -> set[tuple[str, str | None]]:
        bases: list[tuple[StructureSchema, ElementSchema]] = []
        if item.member is not None:
            bases.append((item.member.source, item.member.element))
        if item.shape is not None:
            bases.append((item.shape.structure, item.shape.element))
        for name in self.lineage(item.type):
            structure = self.store.type(name)
            if structure is not None:
                bases.append((structure, structure.root))
        return {
            (source.constraints[key].key, source.constraints[key].expression)
            for source, element in bases
            for key in element.constraints
        }
