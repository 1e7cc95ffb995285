"""Definitions that R4 core lacks and that fhirkit's own output needs, described by their facts.

HL7 published some standard extensions only after R4, in a package of their own. A record that
fhirkit made must be checkable without that package; so the shape of these few (url, place, parts
and types) is stated here and compiled with the rest. A package that holds the real definition
takes precedence. Invariants are those of the Extension type itself.
"""

from __future__ import annotations

from typing import Any

Definition = dict[str, Any]
_EXTENSION = [{"code": "Extension"}]
_URI = [{"code": "uri"}]


def added_structures(fhir_version: str) -> list[Definition]:
    """The StructureDefinitions to compile beside those of the core package."""
    return [
        _complex_extension(
            # https://hl7.org/fhir/extensions/StructureDefinition-derivation-reference.html
            "http://hl7.org/fhir/StructureDefinition/derivation-reference",
            fhir_version,
            contexts=("Resource", "Element"),
            parts={
                "reference": "Reference",
                "path": "string",
                "offset": "integer",
                "length": "integer",
            },
        )
    ]


def _complex_extension(
    url: str, fhir_version: str, *, contexts: tuple[str, ...], parts: dict[str, str]
) -> Definition:
    """An extension made of optional parts, each at most once, with one value of one type."""
    elements: list[Definition] = [
        _element("Extension", "Extension", maximum="*"),
        {
            **_element("Extension.extension", "Extension.extension", maximum="*", types=_EXTENSION),
            "slicing": {
                "discriminator": [{"type": "value", "path": "url"}],
                "ordered": False,
                "rules": "open",
            },
        },
    ]
    for name, type_code in parts.items():
        elements += _part(name, type_code)
    elements += [
        {**_element("Extension.url", "Extension.url", minimum=1, types=_URI), "fixedUri": url},
        _element("Extension.value[x]", "Extension.value[x]", maximum="0"),
    ]
    return {
        "resourceType": "StructureDefinition",
        "url": url,
        "name": url.rsplit("/", 1)[-1],
        "status": "active",
        "fhirVersion": fhir_version,
        "kind": "complex-type",
        "abstract": False,
        "context": [{"type": "element", "expression": context} for context in contexts],
        "type": "Extension",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Extension",
        "derivation": "constraint",
        "snapshot": {"element": elements},
    }


def _part(name: str, type_code: str) -> list[Definition]:
    stem, path = f"Extension.extension:{name}", "Extension.extension"
    return [
        {**_element(stem, path, types=_EXTENSION), "sliceName": name},
        _element(f"{stem}.extension", f"{path}.extension", maximum="0", types=_EXTENSION),
        {**_element(f"{stem}.url", f"{path}.url", minimum=1, types=_URI), "fixedUri": name},
        _element(f"{stem}.value[x]", f"{path}.value[x]", minimum=1, types=[{"code": type_code}]),
    ]


def _element(
    element_id: str,
    path: str,
    *,
    minimum: int = 0,
    maximum: str = "1",
    types: list[dict[str, str]] | None = None,
) -> Definition:
    repeats = path == "Extension" or path.endswith(".extension")
    element: Definition = {
        "id": element_id,
        "path": path,
        "min": minimum,
        "max": maximum,
        "base": {
            "path": "Extension" + path[path.rindex(".") :] if "." in path else path,
            "min": 0,
            "max": "*" if repeats else "1",
        },
    }
    if types is not None:
        element["type"] = types
    return element
