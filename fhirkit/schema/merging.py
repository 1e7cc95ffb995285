"""What an ElementDefinition of a differential changes in an element of the base.

https://hl7.org/fhir/R4/elementdefinition.html#interpretation. What it names takes the place of
what the base says; constraints and discriminators add up, since a profile cannot take them away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from fhirkit.schema import builders
from fhirkit.schema.growing import Growing
from fhirkit.schema.model import (
    Binding,
    Cardinality,
    ElementSchema,
    Slicing,
)

Definition = dict[str, Any]


def merge(node: Growing, definition: Definition) -> None:
    """Let a definition change an element."""
    changes: dict[str, Any] = {}
    for name, change in _CHANGES.items():
        value = change(node.element, definition)
        if value is not None:
            changes[name] = value
    if changes:
        node.say(replace(node.element, **changes))
    present = {constraint.key for constraint in node.constraints}
    for constraint in builders.constraints(definition):
        if constraint.key not in present:
            node.constraints.append(constraint)


def _cardinality(element: ElementSchema, definition: Definition) -> Cardinality | None:
    if "min" not in definition and "max" not in definition:
        return None
    own, base = builders.cardinality(definition), element.cardinality
    low = own.min if "min" in definition else base.min
    return Cardinality(low, own.max if "max" in definition else base.max)


def _binding(element: ElementSchema, definition: Definition) -> Binding | None:
    own, base = builders.binding(definition), element.binding
    if own is None or base is None:
        return own
    return Binding(
        own.strength, own.value_set or base.value_set, own.max_value_set or base.max_value_set
    )


def _slicing(element: ElementSchema, definition: Definition) -> Slicing | None:
    own, base = builders.slicing(definition), element.slicing
    if own is None or base is None:
        return own
    added = tuple(one for one in own.discriminators if one not in base.discriminators)
    ordered = own.ordered if "ordered" in definition["slicing"] else base.ordered
    rules = own.rules if "rules" in definition["slicing"] else base.rules
    return Slicing(rules, base.discriminators + added, ordered)


def _named(name: str, kind: type) -> Callable[[ElementSchema, Definition], Any]:
    """A change that takes over a property as it is."""

    def change(_: ElementSchema, definition: Definition) -> Any:
        value = definition.get(name)
        return value if isinstance(value, kind) else None

    return change


def _value(prefix: str) -> Callable[[ElementSchema, Definition], Any]:
    return lambda _, definition: builders.typed_value(definition, prefix)


#: Property of the schema → what the definition makes of it; None when it says nothing.
_CHANGES: dict[str, Callable[[ElementSchema, Definition], Any]] = {
    "cardinality": _cardinality,
    "types": lambda _, definition: builders.types(definition) or None,
    "content_reference": _named("contentReference", str),
    "binding": _binding,
    "fixed": _value("fixed"),
    "pattern": _value("pattern"),
    "min_value": _value("minValue"),
    "max_value": _value("maxValue"),
    "max_length": _named("maxLength", int),
    "min_length": lambda _, definition: builders.min_length(definition),
    "must_have_value": lambda _, definition: builders.must_have_value(definition) or None,
    "value_alternatives": lambda _, definition: builders.value_alternatives(definition) or None,
    "narrative_source": lambda _, definition: builders.narrative_source(definition),
    "narrative_languages": lambda _, definition: builders.narrative_languages(definition) or None,
    "slicing": _slicing,
    "modifier": _named("isModifier", bool),
    "must_support": _named("mustSupport", bool),
    "representations": lambda _, definition: tuple(definition.get("representation", ())) or None,
}
