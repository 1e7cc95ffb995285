"""Convert clinical cases to FHIR R4, validate records offline, and sync them with FHIR servers.

The public names load on first use, so that ``import fhirkit`` costs almost nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fhirkit.convert import convert
    from fhirkit.core.errors import FhirkitError, InvalidInput
    from fhirkit.core.issues import Issue, Outcome, Severity
    from fhirkit.core.jsonio import dumps, loads
    from fhirkit.validate import Validator

__version__ = "0.1.0"

_HOME = {
    "FhirkitError": "fhirkit.core.errors",
    "InvalidInput": "fhirkit.core.errors",
    "Issue": "fhirkit.core.issues",
    "Outcome": "fhirkit.core.issues",
    "Severity": "fhirkit.core.issues",
    "Validator": "fhirkit.validate",
    "convert": "fhirkit.convert",
    "dumps": "fhirkit.core.jsonio",
    "loads": "fhirkit.core.jsonio",
}

__all__ = [
    "FhirkitError",
    "InvalidInput",
    "Issue",
    "Outcome",
    "Severity",
    "Validator",
    "__version__",
    "convert",
    "dumps",
    "loads",
]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'fhirkit' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
