"""The function library, one module a chapter of the specification."""

from __future__ import annotations

from fhirkit.fhirpath.functions import (
    boundaries,
    conversion,
    existence,
    fhir,
    filtering,
    math,
    strings,
    tree,
)
from fhirkit.fhirpath.functions.registry import FUNCTIONS, Function

__all__ = [
    "FUNCTIONS",
    "Function",
    "boundaries",
    "conversion",
    "existence",
    "fhir",
    "filtering",
    "math",
    "strings",
    "tree",
]
