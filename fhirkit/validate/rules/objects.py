"""Every JSON object below a value, for rules that look for something anywhere in a resource."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Each object, once; a dict made in memory may hold itself. Without recursion: see too-deep."""
    pending = [value]
    seen: set[int] = set()
    while pending:
        current = pending.pop()
        if not isinstance(current, dict | list) or id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, dict):
            yield current
            pending.extend(current.values())
        else:
            pending.extend(current)
