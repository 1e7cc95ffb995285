"""The state of one evaluation, and how collections become single values."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeAlias

from fhirkit.fhirpath.elements import Element
from fhirkit.fhirpath.environment import Environment
from fhirkit.fhirpath.errors import EvaluationError, TooCostlyError
from fhirkit.fhirpath.model import ModelInfo
from fhirkit.fhirpath.quantity import Quantity
from fhirkit.fhirpath.temporal import Kind, Temporal, read

_KINDS: dict[str, Kind] = {"Date": "Date", "DateTime": "DateTime", "Time": "Time"}

#: bool, int, Decimal, str, Temporal, Quantity, TypeName or Element.
Item: TypeAlias = Any
Collection: TypeAlias = list[Item]


class Frame:
    """What an evaluation carries along: $this, $index, $total, variables, and the steps left."""

    __slots__ = (
        "context",
        "environment",
        "index",
        "left",
        "model",
        "strict",
        "this",
        "total",
        "variables",
    )

    def __init__(
        self, model: ModelInfo, environment: Environment, this: Collection, *, strict: bool
    ) -> None:
        self.model = model
        self.environment = environment
        self.this = this
        self.context = this
        self.index: int | None = None
        self.total: Collection = []
        self.left = environment.budget
        self.strict = strict
        self.variables: dict[str, Collection] = {}

    def spend(self, steps: int = 1) -> None:
        """Pay for work. ``TooCostlyError`` when the budget is used up."""
        self.left -= steps
        if self.left < 0:
            raise TooCostlyError(
                "the expression takes more steps than allowed on this resource",
                advice="simplify the expression, or raise the budget of the environment",
            )

    def on_item(self, criteria: Evaluate, item: Item, index: int) -> Collection:
        """Evaluate an argument with ``item`` as $this."""
        self.spend()
        this, position = self.this, self.index
        self.this, self.index = [item], index
        try:
            return criteria(self, self.this)
        finally:
            self.this, self.index = this, position


#: A compiled expression: (frame, input collection) → collection.
Evaluate: TypeAlias = Callable[[Frame, Collection], Collection]


def to_system(frame: Frame, item: Item) -> Item:
    """The System value of a FHIR primitive, a Quantity of a FHIR Quantity; else the item itself.

    A primitive without a value, or with one that its type does not allow, stays an ``Element``.
    """
    if not isinstance(item, Element):
        return item
    value = item.value
    info = frame.model.type(item.type)
    if info is None:
        return value if isinstance(value, bool | int | Decimal | str) else item
    system = info.system
    if system is None:
        if (
            type(value) is dict
            and "value" in value
            and "Quantity" in frame.model.lineage(item.type)
        ):
            return quantity_of(value) or item
        return item
    return primitive(value, system, item)


def primitive(value: Any, system: str, default: Any) -> Item:
    """The System value of a JSON primitive, or ``default`` when it is no such value."""
    if system == "String":
        return value if isinstance(value, str) else default
    if system == "Boolean":
        return value if isinstance(value, bool) else default
    if system in ("Integer", "Decimal"):
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            return default
        return Decimal(value) if system == "Decimal" and isinstance(value, int) else value
    if isinstance(value, str):
        found = read(value, _KINDS[system])
        return default if found is None else found
    return default


def quantity_of(value: dict[str, Any]) -> Quantity | None:
    """A FHIR Quantity as a System Quantity; None with a comparator, or without a number."""
    number = value.get("value")
    if isinstance(number, bool) or not isinstance(number, int | Decimal) or "comparator" in value:
        return None
    unit = value.get("code") or value.get("unit")
    return Quantity(Decimal(number), unit if isinstance(unit, str) else "1")


def single(frame: Frame, collection: Collection, what: str) -> Item | None:
    """The one item as a System value, or None; ``EvaluationError`` when there are several."""
    if not collection:
        return None
    if len(collection) > 1:
        raise EvaluationError(f"{what}: expected one item, found {len(collection)}")
    return to_system(frame, collection[0])


def single_string(frame: Frame, collection: Collection, what: str) -> str | None:
    """The one string, or None. Dates count as strings only in their FHIR form."""
    if len(collection) == 1 and isinstance(collection[0], Element):
        value = collection[0].value
        if isinstance(value, str):
            return value
    item = single(frame, collection, what)
    if item is None or isinstance(item, str):
        return item
    if isinstance(item, Element) and item.value is None:
        return None
    raise EvaluationError(f"{what}: expected a string, found {kind_of(item)}")


def single_integer(frame: Frame, collection: Collection, what: str) -> int | None:
    """The one integer, or None."""
    item = single(frame, collection, what)
    if item is None or (isinstance(item, int) and not isinstance(item, bool)):
        return item
    raise EvaluationError(f"{what}: expected an integer, found {kind_of(item)}")


def truth(_frame: Frame, collection: Collection, what: str = "condition") -> bool | None:
    """A collection as a boolean: empty is unknown, one item that is no boolean is true.

    http://hl7.org/fhirpath/N1/#singleton-evaluation-of-collections
    """
    if not collection:
        return None
    if len(collection) > 1:
        raise EvaluationError(f"{what}: expected one boolean, found {len(collection)} items")
    item = collection[0]
    if item is True or item is False:
        return bool(item)
    if isinstance(item, Element) and isinstance(item.value, bool):
        return item.value
    return True


def system_name(item: Item) -> str:
    """The System type of a value that is no FHIR element."""
    if isinstance(item, bool):
        return "Boolean"
    if isinstance(item, int):
        return "Integer"
    if isinstance(item, Decimal):
        return "Decimal"
    if isinstance(item, str):
        return "String"
    if isinstance(item, Temporal):
        return item.kind
    return "Quantity" if isinstance(item, Quantity) else "Any"


def kind_of(item: Item) -> str:
    """The type of an item, for messages."""
    if isinstance(item, Element):
        return item.type or "an element of unknown type"
    name = system_name(item)
    return type(item).__name__ if name == "Any" else name
