"""Known errors of the published definitions, corrected in one place, each with its reason."""

from __future__ import annotations

from typing import Any

Definition = dict[str, Any]


def corrected(definition: Definition) -> Definition:
    """The ElementDefinition as it should have been published."""
    base = definition.get("base", {}).get("path", definition.get("path"))
    types = _TYPES.get(base)
    return definition if types is None else {**definition, "type": types}


#: Base path → the types it should have.
_TYPES: dict[str, list[dict[str, str]]] = {
    # The R4 package says string; a resource's logical id is of type id
    # (https://hl7.org/fhir/R4/resource.html#id). Corrected by HL7 in later versions.
    "Resource.id": [{"code": "id"}],
}
