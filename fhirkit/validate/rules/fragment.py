"""Canonicals that are only a #fragment: they name an element or resource of the same record.

https://hl7.org/fhir/R4/references.html#canonical: such a canonical refers to a contained resource.
"""

from __future__ import annotations

from typing import Any

from fhirkit.validate.rules.finding import Finding


def check(value: str, container: Any) -> Finding | None:
    """What is wrong with a canonical that begins with #, in a record of this outermost resource."""
    if _has(container, value[1:]):
        return None
    return Finding("canonical-fragment", "nothing in this resource has the id after the #")


def _has(container: Any, logical_id: str) -> bool:
    """Whether anything has this id. Without recursion: see too-deep."""
    stack, seen = [container], set()
    while stack:
        current = stack.pop()
        if id(current) in seen:
            continue  # a dict made in memory may hold itself
        if isinstance(current, dict):
            seen.add(id(current))
            if current.get("id") == logical_id:
                return True
            stack.extend(current.values())
        elif isinstance(current, list):
            seen.add(id(current))
            stack.extend(current)
    return False
