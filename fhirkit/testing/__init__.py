"""Records in tests: an assertion for any test, and a plugin that makes files tests of pytest.

``assert_valid_fhir`` loads on first use, since pytest imports this package at every start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fhirkit.testing.assertion import assert_valid_fhir

__all__ = ["assert_valid_fhir"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'fhirkit.testing' has no attribute {name!r}")
    from fhirkit.testing import assertion

    return getattr(assertion, name)
