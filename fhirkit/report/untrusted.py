"""Members of an element, read without trust in their shape: a page must stand any input.

What isn't of the expected kind counts as absent; the validator says that it is wrong.
"""

from __future__ import annotations

from typing import Any


def text(element: Any, name: str) -> str:
    """The member as a string, or ""."""
    found = element.get(name) if isinstance(element, dict) else None
    return found if isinstance(found, str) else ""


def listed(value: Any) -> list[Any]:
    """The value if it is a list, or an empty one."""
    return value if isinstance(value, list) else []


def dicts(element: Any, name: str) -> list[dict[str, Any]]:
    """The member's items that are objects; a single object counts as one item."""
    found = element.get(name) if isinstance(element, dict) else None
    items = found if isinstance(found, list) else [found]
    return [item for item in items if isinstance(item, dict)]


def first_code(concept: Any) -> str:
    """The first code of a CodeableConcept's codings, or ""."""
    return next((text(coding, "code") for coding in dicts(concept, "coding")), "")
