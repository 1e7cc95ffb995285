"""A StructureDefinition as it comes, with a snapshot or without one, to its schema."""

from __future__ import annotations

from typing import Any

from fhirkit.core.errors import InvalidInput
from fhirkit.schema.compiler import Resolver, compile_structure
from fhirkit.schema.model import StructureSchema
from fhirkit.schema.snapshot import compile_differential


def compile_definition(definition: dict[str, Any], resolve: Resolver) -> StructureSchema:
    """The schema of a StructureDefinition; ``InvalidInput`` tells why there can be none."""
    snapshot = definition.get("snapshot")
    has_snapshot = isinstance(snapshot, dict) and bool(snapshot.get("element"))
    make = compile_structure if has_snapshot else compile_differential
    try:
        return make(definition, resolve)
    except (AttributeError, KeyError, TypeError, ValueError) as problem:
        # Definitions come from anywhere; a part of the wrong shape shows itself as one of these.
        what = f"{type(problem).__name__}: {problem}"
        message = f"{definition.get('url')}: the StructureDefinition is malformed ({what})"
        raise InvalidInput(message) from problem
