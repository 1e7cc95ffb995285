"""The JSON Schema of case files, made from the table of kinds: for editors, not for the checks."""

from __future__ import annotations

from typing import Any

from fhirkit.convert.facts import schema_of
from fhirkit.convert.header import FORMAT, HEADER, top_schema
from fhirkit.convert.kinds import KINDS, PATIENT


def case_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a case/1 file."""
    properties = top_schema()
    properties["patient"] = schema_of(PATIENT)
    for kind in KINDS.values():
        fact = schema_of(kind)
        relaxed = {
            name: member for name, member in fact.items() if name not in ("required", "allOf")
        }
        if kind.short is not None:
            fact = {"anyOf": [kind.keys[kind.short].type.schema(), fact]}
        properties[kind.name] = {
            "type": "object",
            "description": kind.help,
            "properties": {"defaults": relaxed}
            | {key.name: {"anyOf": [key.type.schema(), fact]} for key in kind.keys.values()},
            "additionalProperties": fact,
        }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"fhirkit case file, {FORMAT}",
        "type": "object",
        "required": [*(key.name for key in HEADER if key.required), "patient"],
        "additionalProperties": False,
        "properties": properties,
    }
