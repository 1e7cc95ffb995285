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
_POINTING = ("#", "<")


def check(container: dict[str, Any]) -> Iterator[Finding]:
    """A finding for each contained resource that nothing connects to its container."""
    contained = container.get("contained")
    if not isinstance(contained, list):
        return
    if _all_referred(container, contained):
        return
    inner = [_fragments(resource) for resource in contained]
    outer = [_fragments(value) for key, value in container.items() if key != "contained"]
    everywhere = set().union(*outer, *inner)
    for index, resource in enumerate(contained):
        if not isinstance(resource, dict) or "resourceType" not in resource:
            continue
        if not isinstance(resource.get("id"), str):
            continue
        if f"#{resource['id']}" not in everywhere and _CONTAINER not in inner[index]:
            message = "dom-3: nothing in the container refers to this contained resource, nor the "
            message += "other way round; refer to it by #id or take it out"
            yield Finding("contained-orphan", message, ("contained", index))


def _all_referred(container: dict[str, Any], contained: list[Any]) -> bool:
    """Whether the container's own References name every contained resource, by a short look."""
    wanted = set()
    for resource in contained:
        if not isinstance(resource, dict) or not isinstance(resource.get("id"), str):
            return False
        wanted.add(f"#{resource['id']}")
    for key, value in container.items():
        if key != "contained":
            for one in value if value.__class__ is list else (value,):
                if one.__class__ is dict and one.get("reference").__class__ is str:
                    wanted.discard(one["reference"])
    return not wanted


def _fragments(value: Any) -> set[str]:
    """What below a value points into the document. Without recursion: see too-deep."""
    found: set[str] = set()
    pending = [value]
    seen: set[int] = set()
    while pending:
        current = pending.pop()
        if isinstance(current, str):
            if current.startswith("#"):
                found.add(current)
            elif current.startswith("<"):
                # A picture or a link of the narrative refers, too.
                found.update(f"#{name}" for _, name in link.fragments(current))
        elif isinstance(current, dict | list) and id(current) not in seen:
            seen.add(id(current))  # a dict made in memory may hold itself
            # Most texts neither point anywhere nor hold something that does.
            pending.extend(
                part
                for part in (current.values() if isinstance(current, dict) else current)
                if part.__class__ is not str or part[:1] in _POINTING
            )
    return found
