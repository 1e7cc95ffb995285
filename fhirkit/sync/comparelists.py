"""Lists in a comparison: which item of one form is which of the other, and which have moved.

A comparison only shows, so a pairing that is likely will do; a merge wants a safe one
(``mergelists``).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from fhirkit.core.jsonio import dumps

#: Lists longer than this are compared place by place, without looking for moved items.
_ALIGNED = 2000
#: What tells items apart, the surest first; a pair has to be the only one with its key.
_KEYS: tuple[tuple[str, ...], ...] = (
    ("id",),
    ("linkId",),
    ("fullUrl",),
    ("url",),
    ("system", "value"),
    ("system", "code"),
    ("reference",),
    ("sequence",),
    ("code",),
    ("type",),
    ("use",),
    ("system",),
)


class Pair(NamedTuple):
    """The indexes of an item before and after; None on the side where it is not."""

    before: int | None
    after: int | None
    moved: bool = False


def pairs(before: list[Any], after: list[Any]) -> list[Pair]:
    """Every item of both lists once, in the order of their indexes."""
    old, new = [written(item) for item in before], [written(item) for item in after]
    if old == new:
        return [Pair(index, index) for index in range(len(old))]
    if max(len(old), len(new)) > _ALIGNED:
        partner = {index: index for index in range(min(len(old), len(new)))}
    else:
        partner = _partners(before, after, old, new)
    return _in_order(partner, len(old), len(new))


def written(value: Any) -> str:
    """A value's content: decimals by their digits, objects whatever their order."""
    return dumps(value, indent=False, sort_keys=True)


def _partners(
    before: list[Any], after: list[Any], old: list[str], new: list[str]
) -> dict[int, int]:
    """By index after, the index before of the same item."""
    found: dict[int, int] = {}
    gaps: list[tuple[range, range]] = []
    for tag, start, end, begin, stop in SequenceMatcher(
        None, old, new, autojunk=False
    ).get_opcodes():
        if tag == "equal":
            found.update(zip(range(begin, stop), range(start, end), strict=True))
        else:
            gaps.append((range(start, end), range(begin, stop)))
    left = [index for gap, _ in gaps for index in gap]
    right = [index for _, gap in gaps for index in gap]
    # The same content in another place, as often as it is on both sides.
    _match(found, left, right, old, new, once=False)
    for names in _KEYS:
        keys = [[_key(item, names) for item in side] for side in (before, after)]
        _match(found, left, right, *keys, once=True)
    taken = set(found.values())
    for gap, other in gaps:
        # What stands between the same neighbours, in its order.
        rest = (index for index in gap if index not in taken)
        found.update(zip((index for index in other if index not in found), rest, strict=False))
    return found


def _match(
    found: dict[int, int],
    left: list[int],
    right: list[int],
    old: list[str],
    new: list[str],
    *,
    once: bool,
) -> None:
    """Pair what has the same key and no partner yet; with ``once``, only where it is unique."""
    taken = set(found.values())
    sides: dict[str, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for index in left:
        if index not in taken and old[index]:
            sides[old[index]][0].append(index)
    for index in right:
        if index not in found and new[index]:
            sides[new[index]][1].append(index)
    for here, there in sides.values():
        if not once or len(here) == len(there) == 1:
            found.update(zip(there, here, strict=False))


def _key(item: Any, names: tuple[str, ...]) -> str:
    """The members that tell an item apart, as text; empty when it lacks one."""
    if not isinstance(item, dict) or not all(name in item for name in names):
        return ""
    return " ".join(written(item[name]) for name in names)


def _in_order(partner: dict[int, int], length: int, later: int) -> list[Pair]:
    """The pairs, and what has no partner; moved is what an order of most pairs leaves out."""
    steady = _rising([partner[index] for index in sorted(partner)])
    stays = set(partner.values())
    found = [Pair(index, None) for index in range(length) if index not in stays]
    for index in range(later):
        place = partner.get(index)
        found.append(Pair(place, index, moved=place is not None and place not in steady))
    # What went comes before what stands in its place now.
    return sorted(found, key=_place)


def _place(pair: Pair) -> tuple[int, bool]:
    return (pair.before or 0, False) if pair.after is None else (pair.after, True)


def _rising(numbers: list[int]) -> set[int]:
    """The members of a longest rising subsequence."""
    tails: list[int] = []
    chain: dict[int, int | None] = {}
    for number in numbers:
        at = bisect_left(tails, number)
        chain[number] = tails[at - 1] if at else None
        tails[at : at + 1] = [number]
    found: set[int] = set()
    step = tails[-1] if tails else None
    while step is not None:
        found.add(step)
        step = chain[step]
    return found
