"""One kind of object, and its JSON properties by name: what the walk looks things up in."""

from __future__ import annotations

from enum import IntEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from fhirkit.schema.model import ElementSchema, StructureSchema, TypeReference
from fhirkit.validate.rules import fragment
from fhirkit.validate.rules.constraint import Invariant
from fhirkit.validate.rules.finding import Finding
from fhirkit.validate.rules.primitive import PrimitiveCheck

if TYPE_CHECKING:
    from fhirkit.validate.compiled import Check
    from fhirkit.validate.shapes import Shapes

#: Levels of nesting. The JSON and XML readers stop a little later; dicts have no reader.
MAX_DEPTH = 200
#: Accepted values are remembered only when they are short, and only so many.
SHORT, MANY = 128, 8192


class Kind(IntEnum):
    """What stands behind a property."""

    PRIMITIVE = 0
    COMPLEX = 1
    RESOURCE = 2
    SIBLING = 3
    RESOURCE_TYPE = 4


class LeafCheck(Protocol):
    """A check of one value; None when it is right."""

    def __call__(self, value: Any, /) -> Finding | None:
        """The finding, if any."""


class Member:
    """One JSON property of a shape."""

    __slots__ = (
        "_invariants",
        "_shape",
        "_shapes",
        "accepted",
        "accepted_entries",
        "array",
        "check",
        "choice",
        "coded",
        "element",
        "is_element_id",
        "key",
        "kind",
        "label",
        "leads_inside",
        "maximum",
        "may_remember",
        "minimum",
        "order",
        "profiles",
        "source",
        "targets",
        "twin",
        "type",
    )

    def __init__(
        self,
        shapes: Shapes,
        source: StructureSchema,
        element: ElementSchema,
        reference: TypeReference | None,
        kind: Kind,
        key: str,
        label: str,
    ) -> None:
        self._shapes = shapes
        self._shape: Shape | None = None
        self._invariants: tuple[Invariant, ...] | None = None
        self.source = source
        self.element = element
        self.kind = kind
        self.key = key
        self.label = label
        self.type = reference.code if reference is not None else "BackboneElement"
        self.profiles = reference.profiles if reference is not None else ()
        self.array = element.array and kind is not Kind.RESOURCE_TYPE
        self.minimum = element.cardinality.min
        self.maximum = element.cardinality.max
        self.choice = element.name if element.choice else None
        self.order = 0
        #: The other of ``birthDate`` and ``_birthDate``.
        self.twin = ""
        #: Values that were found right before, and the same for entries of a list: one look-up
        #: spares the checks. Not kept where more than the value itself has to be looked at.
        self.accepted: set[str] = set()
        self.accepted_entries: set[str] = set()
        self.may_remember = self.choice is None and self.maximum != 0
        self.check: LeafCheck = PrimitiveCheck.for_nothing
        self.coded: LeafCheck | None = None
        #: Whether it is the id of an element, which must differ from those of the other elements.
        self.is_element_id = False
        self.leads_inside = False  #: Whether a value that begins with # does.
        #: For references: the allowed types of the target; None allows any.
        self.targets: frozenset[str] | None = None

    def judge(self, value: Any, container: Any) -> Finding | None:
        """What is wrong with a primitive value: of its type, its code, or what its # leads to."""
        finding = self.check(value)
        if finding is None and self.coded is not None:
            finding = self.coded(value)
        if finding is None and self.leads_inside and value[:1] == "#":
            return fragment.check(value, container)
        return finding

    def keeps(self, value: str) -> bool:
        """Whether a value that was found right is right wherever it stands."""
        return self.may_remember and not (self.leads_inside and value[:1] == "#")

    @property
    def shape(self) -> Shape:
        """The shape of a complex value, made when first needed."""
        if self._shape is None:
            self._shape = self._shapes.of_member(self)
        return self._shape

    @property
    def invariants(self) -> tuple[Invariant, ...]:
        """What the element's definition demands of a value beyond what its shape does."""
        if self._invariants is None:
            self._invariants = self._shapes.invariants_of_member(self)
        return self._invariants


class Shape:
    """One kind of object."""

    def __init__(
        self, name: str, type_name: str, structure: StructureSchema, element: ElementSchema
    ) -> None:
        self.name = name
        self.type = type_name
        self.structure = structure
        self.element = element
        #: What the definition demands of an instance; None until it is first asked for.
        self.invariants: tuple[Invariant, ...] | None = None
        self.is_resource = False
        #: Whether an instance is a code of a system: a Coding or a Quantity.
        self.is_coded = False
        #: Whether unknown properties are let through, because the type itself is unknown.
        self.is_open = False
        self.members: dict[str, Member] = {}
        #: For each required element, the properties of which one must be there.
        self.required: tuple[tuple[str, ...], ...] = ()
        #: How often the walk has met it; the function that ``compiled`` writes for it when that
        #: is often, and what that function looks up.
        self.visits = 0
        self.quick: Check | None = None
        self.tables: Any = None
        #: The same by ``trusted``, where the shape is right for certain.
        self.trusted: Check | None = None
        self.trusted_table: Any = None

    @cached_property
    def elements(self) -> dict[str, tuple[Member, ...]]:
        """The properties of each element, by the names that profiles give it."""
        found: dict[str, list[Member]] = {}
        for member in self.members.values():
            if member.kind not in (Kind.SIBLING, Kind.RESOURCE_TYPE):
                found.setdefault(member.element.name, []).append(member)
                if member.choice is not None:
                    # Older profiles call value[x] by the property: Observation.valueQuantity.
                    found.setdefault(member.key, []).append(member)
        return {name: tuple(members) for name, members in found.items()}

    @cached_property
    def element_keys(self) -> dict[str, frozenset[str]]:
        """The property names of each element, those of siblings included."""
        return {
            name: frozenset(key for one in members for key in (one.key, one.twin) if key)
            for name, members in self.elements.items()
        }
