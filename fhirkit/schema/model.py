"""The compiled schema: frozen data, one structure a StructureDefinition, one element a node.

A schema is a tree where the published snapshot is a flat list
(https://hl7.org/fhir/R4/profiling.html#snapshot). It says what was published and does nothing:
checks are functions elsewhere. Absent parts take no room in the stored form (JSON).
"""

from __future__ import annotations

from typing import Literal

import msgspec

Strength = Literal["required", "extensible", "preferred", "example"]
#: How a primitive is written in JSON (https://hl7.org/fhir/R4/json.html#primitive).
JsonKind = Literal["string", "boolean", "integer", "decimal"]


class _Data(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Base of all: immutable, small, and never part of a cycle."""


class Cardinality(_Data, frozen=True):
    """How often an element occurs; ``max`` None is ``*``."""

    min: int = 0
    max: int | None = None


class TypeReference(_Data, frozen=True):
    """One allowed type of an element, with the profiles it or its target must follow."""

    code: str
    profiles: tuple[str, ...] = ()
    target_profiles: tuple[str, ...] = ()
    aggregation: tuple[str, ...] = ()
    versioning: str | None = None


class Binding(_Data, frozen=True):
    """The value set an element's codes come from. ``max_value_set`` bounds weaker bindings."""

    strength: Strength
    value_set: str | None = None
    max_value_set: str | None = None


class Constraint(_Data, frozen=True):
    """An invariant: a FHIRPath expression that must be true, or for good practice should be."""

    key: str
    severity: str
    human: str = ""
    expression: str | None = None
    source: str | None = None
    best_practice: bool = False


class TypedValue(_Data, frozen=True):
    """A fixed[x], pattern[x], minValue[x] or maxValue[x]: its type and its exact JSON text."""

    type: str
    json: str


class Discriminator(_Data, frozen=True):
    """What tells the slices of an element apart."""

    type: str
    path: str


class Slicing(_Data, frozen=True):
    """How an element is sliced; ``rules`` is open, closed or openAtEnd."""

    rules: str
    discriminators: tuple[Discriminator, ...] = ()
    ordered: bool = False


class ElementSchema(_Data, frozen=True):
    """One element: everything its ElementDefinition says that a validator needs.

    ``name`` is the last part of the path without ``[x]``; ``array`` tells whether JSON writes a
    list, which follows from the base definition, not from a profile's narrower maximum.
    A primitive may have to have a value, or else one of the extensions ``value_alternatives``.
    A narrative may have to say of each part where it is from (``narrative_source`` is how severe
    it is not to), and which languages it is in.
    ``constraints`` are keys into the structure's table. ``slices`` are elements in their own
    right, with the slice's name.
    """

    path: str
    name: str
    cardinality: Cardinality = Cardinality()
    types: tuple[TypeReference, ...] = ()
    array: bool = False
    choice: bool = False
    content_reference: str | None = None
    binding: Binding | None = None
    fixed: TypedValue | None = None
    pattern: TypedValue | None = None
    min_value: TypedValue | None = None
    max_value: TypedValue | None = None
    max_length: int | None = None
    min_length: int | None = None
    must_have_value: bool = False
    value_alternatives: tuple[str, ...] = ()
    narrative_source: str | None = None
    narrative_languages: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    slice_name: str | None = None
    slicing: Slicing | None = None
    slices: tuple[ElementSchema, ...] = ()
    children: tuple[ElementSchema, ...] = ()
    modifier: bool = False
    must_support: bool = False
    representations: tuple[str, ...] = ()


class PrimitiveSchema(_Data, frozen=True):
    """The lexical rules of a primitive type, those of its base included."""

    json: JsonKind = "string"
    regexes: tuple[str, ...] = ()
    min: int | None = None
    max: int | None = None
    max_length: int | None = None


class ExtensionContext(_Data, frozen=True):
    """Where an extension may stand (StructureDefinition.context)."""

    type: str
    expression: str


class StructureSchema(_Data, frozen=True):
    """A compiled StructureDefinition: of a resource, a data type, a primitive or a profile.

    ``gaps`` tells what of the definition could not be followed, so that it is not checked.
    """

    url: str
    type: str
    name: str
    kind: str
    root: ElementSchema
    version: str | None = None
    fhir_version: str | None = None
    derivation: str | None = None
    base: str | None = None
    abstract: bool = False
    primitive: PrimitiveSchema | None = None
    constraints: dict[str, Constraint] = {}
    contexts: tuple[ExtensionContext, ...] = ()
    context_invariants: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()


class ValueSetSchema(_Data, frozen=True):
    """The codes of a value set, by system; or why they cannot be listed offline.

    ``whole`` are systems of which every code belongs to the value set. ``missing`` names what
    would be needed to know the rest; when it is empty the value set is known completely.
    ``missing_systems`` are the only systems that the rest can hold codes of, None when it can hold
    any. ``circular`` is a value set that includes itself, by way of others.
    ``any_case`` are the systems whose codes count in upper and lower case; ``versions`` the
    versions that are meant of those systems that are never named without one.
    """

    url: str
    version: str | None = None
    codes: dict[str, tuple[str, ...]] = {}
    whole: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    missing_systems: tuple[str, ...] | None = None
    circular: str | None = None
    any_case: tuple[str, ...] = ()
    versions: dict[str, tuple[str, ...]] = {}


_ENCODER = msgspec.json.Encoder()
_STRUCTURE = msgspec.json.Decoder(StructureSchema)
_VALUE_SET = msgspec.json.Decoder(ValueSetSchema)


def encode(schema: StructureSchema | ValueSetSchema) -> bytes:
    """The stored form: compact JSON, the same bytes for the same schema."""
    return _ENCODER.encode(schema)


def decode_structure(data: bytes) -> StructureSchema:
    """A structure from its stored form."""
    return _STRUCTURE.decode(data)


def decode_value_set(data: bytes) -> ValueSetSchema:
    """A value set from its stored form."""
    return _VALUE_SET.decode(data)
