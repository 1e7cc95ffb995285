"""Canonicals that are only a #fragment: they name an element or resource of the same record.

https://hl7.org/fhir/R4/references.html#canonical: such a canonical refers to a contained resource.
"""

from __future__ import annotations

from typing import Any

from fhirkit.validate.rules.finding import Finding
from fhirkit.validate.rules.objects import objects


def check(value: str, container: Any) -> Finding | None:
    """What is wrong with a canonical that begins with #, in a record of this outermost resource."""
    if any(each.get("id") == value[1:] for each in objects(container)):
        return None
    return Finding("canonical-fragment", "nothing in this resource has the id after the #")
