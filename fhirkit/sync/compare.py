"""The difference of two resources, place by place, as FHIRPath says the places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fhirkit.core.resource import comparable
from fhirkit.sync.comparelists import pairs, written

#: So many characters of a value are shown; of longer ones the stretch that differs.
_SHOWN = 240
#: So many of them before the first that differs.
_LEAD = 40


class _Absent:
    """Nothing is there, which is not the same as JSON's null."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = _Absent()


@dataclass(frozen=True, slots=True)
class Change:
    """One place whose content differs; ``ABSENT`` on the side that has nothing there.

    The index in ``expression`` counts in the side that has something, the later one if both do.
    An item of a list that only stands elsewhere now has neither side, but ``moved_from``, the
    index that it had.
    """

    expression: str
    before: Any
    after: Any
    moved_from: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON form; an absent side has no member."""
        if self.moved_from is not None:
            return {"expression": self.expression, "moved_from": self.moved_from}
        sides = {"before": self.before, "after": self.after}
        return {
            "expression": self.expression,
            **{name: value for name, value in sides.items() if value is not ABSENT},
        }

    def __str__(self) -> str:
        if self.moved_from is not None:
            return f"{self.expression}: moved, was [{self.moved_from}]"
        before, after = self.shown()
        return f"{self.expression}: {before} → {after}"

    def shown(self) -> tuple[str, str]:
        """Both sides as a line of text, of long ones the stretch that differs."""
        before, after = _shown(self.before), _shown(self.after)
        start = 0
        if len(before) > _SHOWN and len(after) > _SHOWN:
            start = max(_first_difference(before, after) - _LEAD, 0)
        return _excerpt(before, start), _excerpt(after, start)


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
    for old, new, moved in pairs(before, after):
        where = f"{place}[{old if new is None else new}]"
        if moved:
            yield Change(where, ABSENT, ABSENT, moved_from=old)
        yield from _compare(
            where,
            ABSENT if old is None else before[old],
            ABSENT if new is None else after[new],
        )


def _written(value: Any) -> str:
    return "" if value is ABSENT else written(value)


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    return repr(value) if value is ABSENT else written(value)


def _first_difference(one: str, other: str) -> int:
    length = min(len(one), len(other))
    return next((at for at in range(length) if one[at] != other[at]), length)


def _excerpt(text: str, start: int) -> str:
    """At most ``_SHOWN`` characters of a text, and how many there are if that is not all."""
    if len(text) <= _SHOWN:
        return text
    head, tail = "…" if start else "", "…" if start + _SHOWN < len(text) else ""
    return f"{head}{text[start : start + _SHOWN]}{tail} ({len(text)} characters)"
