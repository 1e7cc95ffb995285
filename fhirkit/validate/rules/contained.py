"""Contained resources: each is referred to from its container, or refers to it (dom-3).

https://hl7.org/fhir/R4/references.html#contained. The published expression collects every
descendant once for each contained resource; one pass over the container says the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fhirkit.validate.rules import link
from fhirkit.validate.rules.finding import Finding

_CONTAINER = "#"


def check(container: dict[str, Any]) -> Iterator[Finding]:
    """A finding for each contained resource that nothing connects to its container."""
    contained = container.get("contained")
    if not isinstance(contained, list):
        return
    inner = [set(_fragments(resource)) for resource in contained]
    outer = {
        fragment
        for key, value in container.items()
        if key != "contained"
        for fragment in _fragments(value)
    }
    everywhere = outer.union(*inner)
    for index, resource in enumerate(contained):
        if not isinstance(resource, dict) or "resourceType" not in resource:
            continue
        if not isinstance(resource.get("id"), str):
            continue
        if f"#{resource['id']}" not in everywhere and _CONTAINER not in inner[index]:
            message = "dom-3: nothing in the container refers to this contained resource, nor the "
            message += "other way round; refer to it by #id or take it out"
            yield Finding("contained-orphan", message, ("contained", index))


def _fragments(value: Any) -> Iterator[str]:
    """Every text below a value that points into the document. Without recursion: see too-deep."""
    stack = [value]
    seen: set[int] = set()
    while stack:
        current = stack.pop()
        if isinstance(current, str):
            if current.startswith("#"):
                yield current
            elif current.startswith("<"):
                # A picture or a link of the narrative refers, too.
                yield from (f"#{name}" for _, name in link.fragments(current))
            continue
        if not isinstance(current, dict | list) or id(current) in seen:
            continue  # a dict made in memory may hold itself
        seen.add(id(current))
        stack.extend(current.values() if isinstance(current, dict) else current)
