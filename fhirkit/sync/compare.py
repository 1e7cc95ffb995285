"""The difference of two resources, place by place, as FHIRPath says the places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from fhirkit.core.jsonio import dumps
from fhirkit.core.resource import comparable

#: Lists longer than this are compared place by place, without looking for moved items.
_ALIGNED = 2000


class _Absent:
    """Nothing is there, which is not the same as JSON's null."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = _Absent()


@dataclass(frozen=True, slots=True)
class Change:
    """One place whose content differs; ``ABSENT`` on the side that has nothing there.

    The index in ``expression`` counts in the side that has something, the later one if both do.
    """

    expression: str
    before: Any
    after: Any

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON form; an absent side has no member."""
        sides = {"before": self.before, "after": self.after}
        return {
            "expression": self.expression,
            **{name: value for name, value in sides.items() if value is not ABSENT},
        }

    def __str__(self) -> str:
        return f"{self.expression}: {_shown(self.before)} → {_shown(self.after)}"


def changes(before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[Change]:
    """What changed from one form of a resource to another, without what the server owns."""
    if before is None or after is None:
        name = str((before or after or {}).get("resourceType", "Resource"))
        old = ABSENT if before is None else comparable(before)
        new = ABSENT if after is None else comparable(after)
        return [Change(name, old, new)] if old is not new else []
    name = str(after.get("resourceType", "Resource"))
    return list(_compare(name, comparable(before), comparable(after)))


def _compare(place: str, before: Any, after: Any) -> Iterator[Change]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *(name for name in after if name not in before)]:
            yield from _compare(
                f"{place}.{name}", before.get(name, ABSENT), after.get(name, ABSENT)
            )
    elif isinstance(before, list) and isinstance(after, list):
        yield from _compare_lists(place, before, after)
    elif _written(before) != _written(after):
        yield Change(place, before, after)


def _compare_lists(place: str, before: list[Any], after: list[Any]) -> Iterator[Change]:
    old, new = [_written(item) for item in before], [_written(item) for item in after]
    if old == new:
        return
    if len(old) == len(new) or max(len(old), len(new)) > _ALIGNED:
        blocks = [("replace", 0, len(old), 0, len(new))]
    else:
        blocks = list(SequenceMatcher(None, old, new, autojunk=False).get_opcodes())
    for tag, start, end, new_start, new_end in blocks:
        if tag == "equal":
            continue
        for step in range(max(end - start, new_end - new_start)):
            here, there = start + step, new_start + step
            left = before[here] if here < end else ABSENT
            right = after[there] if there < new_end else ABSENT
            index = here if right is ABSENT else there
            yield from _compare(f"{place}[{index}]", left, right)


def _written(value: Any) -> str:
    """Comparable by content: decimals by their digits, objects whatever their order."""
    return "" if value is ABSENT else dumps(value, indent=False, sort_keys=True)


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    return repr(value) if value is ABSENT else _written(value)
