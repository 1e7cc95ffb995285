"""From one ElementDefinition to the parts of an element's schema: one function a constraint.

Each takes the ElementDefinition as published (https://hl7.org/fhir/R4/elementdefinition.html) and
returns the part's data, or None (or an empty tuple) where the definition says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fhirkit.core.jsonio import dumps
from fhirkit.schema.corrections import corrected_strength
from fhirkit.schema.model import (
    Binding,
    Cardinality,
    Constraint,
    Discriminator,
    Slicing,
    TypedValue,
    TypeReference,
)

_EXTENSIONS = "http://hl7.org/fhir/StructureDefinition/"
_FHIR_TYPE = _EXTENSIONS + "structuredefinition-fhir-type"
_REGEX = _EXTENSIONS + "regex"
_BEST_PRACTICE = _EXTENSIONS + "elementdefinition-bestpractice"
_MAX_VALUE_SET = _EXTENSIONS + "elementdefinition-maxValueSet"
_MIN_LENGTH = _EXTENSIONS + "minLength"
_PROFILE_ELEMENT = _EXTENSIONS + "elementdefinition-profile-element"
_NARRATIVE = "http://hl7.org/fhir/StructureDefinition/narrative-"
_OF_R5 = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ElementDefinition."
_SYSTEM = "http://hl7.org/fhirpath/System."
_SYSTEM_TYPES = {
    "String": "string",
    "Boolean": "boolean",
    "Integer": "integer",
    "Decimal": "decimal",
    "Date": "date",
    "DateTime": "dateTime",
    "Time": "time",
}

Definition = dict[str, Any]


def cardinality(definition: Definition) -> Cardinality:
    """``min`` and ``max``; ``*`` becomes None."""
    return Cardinality(int(definition.get("min", 0)), _upper(definition.get("max", "*")))


def is_array(definition: Definition) -> bool:
    """Whether JSON writes a list: the base definition's maximum decides, not the profile's."""
    base = definition.get("base", {}).get("max", definition.get("max", "*"))
    return _upper(base) not in (0, 1)


def types(definition: Definition) -> tuple[TypeReference, ...]:
    """The allowed types. FHIRPath system types are replaced by the FHIR type they stand for."""
    return tuple(
        TypeReference(
            code=_type_code(entry),
            profiles=tuple(_profiles(entry)),
            target_profiles=tuple(entry.get("targetProfile", ())),
            aggregation=tuple(entry.get("aggregation", ())),
            versioning=entry.get("versioning"),
        )
        for entry in definition.get("type", ())
        if "code" in entry
    )


def system_type(definition: Definition) -> str | None:
    """The FHIRPath system type of a primitive's value: ``String``, ``Boolean`` and so on."""
    for entry in definition.get("type", ()):
        code = str(entry.get("code", ""))
        if code.startswith(_SYSTEM):
            return code.removeprefix(_SYSTEM)
    return None


def regexes(definition: Definition) -> tuple[str, ...]:
    """The regular expressions of a primitive's value."""
    return tuple(
        str(extension["valueString"])
        for entry in definition.get("type", ())
        for extension in entry.get("extension", ())
        if extension.get("url") == _REGEX and "valueString" in extension
    )


def binding(definition: Definition) -> Binding | None:
    """The binding, with the maximum value set that some weaker bindings carry."""
    published = definition.get("binding")
    if published is None:
        return None
    maximum = None
    for extension in published.get("extension", ()):
        if extension.get("url") == _MAX_VALUE_SET:
            maximum = _text(extension.get("valueCanonical")) or _text(extension.get("valueUri"))
    value_set = _text(published.get("valueSet"))
    strength = corrected_strength(definition.get("path"), value_set, published["strength"])
    return Binding(strength, value_set, maximum)


def _text(value: Any) -> str | None:
    """A text; anything else in its place, in a definition that is wrong itself, is none."""
    return value if isinstance(value, str) else None


def typed_value(definition: Definition, prefix: str) -> TypedValue | None:
    """The value of ``fixed[x]``, ``pattern[x]``, ``minValue[x]`` or ``maxValue[x]``."""
    for name, value in definition.items():
        if name.startswith(prefix) and name[len(prefix) : len(prefix) + 1].isupper():
            return TypedValue(name[len(prefix) :], dumps(value, indent=False))
    return None


def min_length(definition: Definition) -> int | None:
    """The least length of a text, which R4 says by an extension."""
    found = next(_extended(definition, _MIN_LENGTH), None)
    return found if isinstance(found, int) else None


def must_have_value(definition: Definition) -> bool:
    """Whether a primitive must have a value (an element of R5, said by an extension in R4)."""
    return True in _extended(definition, f"{_OF_R5}mustHaveValue")


def value_alternatives(definition: Definition) -> tuple[str, ...]:
    """The extensions of which one must be there where a primitive has no value."""
    return tuple(map(str, _extended(definition, f"{_OF_R5}valueAlternatives")))


def narrative_source(definition: Definition) -> str | None:
    """How severe it is that a part of a narrative does not say where it is from."""
    found = next(_extended(definition, f"{_NARRATIVE}source-control"), None)
    return found if isinstance(found, str) else None


def narrative_languages(definition: Definition) -> tuple[str, ...]:
    """The languages a narrative must have parts in, or ``_no``, ``_yes`` and ``_resource``."""
    return tuple(map(str, _extended(definition, f"{_NARRATIVE}language-control")))


def _profiles(entry: Definition) -> Iterator[str]:
    """The profiles of a type; ``canonical#element-id`` where only one element of it is meant."""
    beside = entry.get("_profile") or ()
    for index, canonical in enumerate(entry.get("profile", ())):
        extra = beside[index] if index < len(beside) and beside[index] else {}
        part = next(_extended(extra, _PROFILE_ELEMENT), None)
        yield canonical if part is None else f"{canonical}#{part}"


def _extended(definition: Definition, url: str) -> Iterator[Any]:
    """The values of an element's extensions of this url."""
    for extension in definition.get("extension", ()):
        if extension.get("url") == url:
            yield from (value for key, value in extension.items() if key.startswith("value"))


def constraints(definition: Definition) -> tuple[Constraint, ...]:
    """The invariants of an element."""
    return tuple(
        Constraint(
            key=entry["key"],
            severity=entry.get("severity", "error"),
            human=entry.get("human", ""),
            expression=entry.get("expression"),
            source=entry.get("source"),
            best_practice=any(
                extension.get("url") == _BEST_PRACTICE and extension.get("valueBoolean") is True
                for extension in entry.get("extension", ())
            ),
        )
        for entry in definition.get("constraint", ())
    )


def slicing(definition: Definition) -> Slicing | None:
    """How the element is sliced."""
    published = definition.get("slicing")
    if published is None:
        return None
    discriminators = tuple(
        Discriminator(entry["type"], entry["path"]) for entry in published.get("discriminator", ())
    )
    return Slicing(published.get("rules", "open"), discriminators, bool(published.get("ordered")))


def _upper(value: object) -> int | None:
    return None if value == "*" else int(str(value))


def _type_code(entry: Definition) -> str:
    code = str(entry["code"])
    if not code.startswith(_SYSTEM):
        return code
    for extension in entry.get("extension", ()):
        if extension.get("url") == _FHIR_TYPE:
            return str(extension.get("valueUrl") or extension.get("valueUri"))
    return _SYSTEM_TYPES.get(code.removeprefix(_SYSTEM), "string")
