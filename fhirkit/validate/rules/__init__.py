"""One module a kind of rule: functions from a value to the findings in it.

``TYPE_RULES`` says which rule looks at which type; read it to see what is checked beyond shape.
Rules over several resources (``bundle``, ``reference``) are called by the validator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from fhirkit.validate.rules import attachment, extension, identifier, narrative
from fhirkit.validate.rules.finding import Finding

#: From an object of a type to the findings in it. Must not raise, whatever stands in the object.
TypeRule = Callable[[dict[str, Any]], Iterable[Finding]]

#: Type name → its rule.
TYPE_RULES: dict[str, TypeRule] = {
    "Attachment": attachment.check,
    "Extension": extension.check,
    "Identifier": identifier.check,
    "Narrative": narrative.check,
}
