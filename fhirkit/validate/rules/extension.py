"""Extensions: a url, and either a value or extensions, never both (ext-1).

https://hl7.org/fhir/R4/extensibility.html#Extension
"""

from __future__ import annotations

from typing import Any

from fhirkit.validate.rules.finding import Finding


def check(extension: dict[str, Any]) -> tuple[Finding, ...]:
    """The shape of one extension. That ``url`` is there is a matter of cardinality."""
    has_value = False
    for key in extension:
        if isinstance(key, str) and key.startswith(("value", "_value")):
            has_value = True
            break
    has_children = "extension" in extension
    if has_value == has_children:
        what = "both a value and extensions" if has_value else "neither a value nor extensions"
        return (Finding("extension-content", f"the extension has {what}; expected one of them"),)
    return ()
