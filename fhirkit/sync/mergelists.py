"""Lists in a merge: which item of one side is which of the other, and in what order they end.

By ``id``, or by what identifies an item of its type; an index identifies nothing. Where there is
no safe key, the lists are merged as sequences, and only if the sides changed different stretches.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Any

from fhirkit.core.jsonio import dumps

#: What tells items of a type apart.
_KEYS: dict[str, tuple[str, ...]] = {
    "Identifier": ("system", "value"),
    "Coding": ("system", "version", "code"),
    "ContactPoint": ("system", "value", "use"),
    "Reference": ("reference",),
}
#: What tells backbone elements apart, the first that all of them have.
_OWN = ("id", "linkId", "sequence", "number")

Keyed = dict[str, Any]


def paired(kind: str | None, *lists: list[Any]) -> tuple[Keyed, Keyed, Keyed, Keyed] | None:
    """The four lists by key; None when no key is safe: absent somewhere, or there twice."""
    items = [item for one in lists for item in one]
    if all(isinstance(item, str) for item in items):
        found = [_unique([(item, item) for item in one]) for one in lists]
        return _all(found)
    if not all(isinstance(item, dict) for item in items):
        return None
    if kind == "Extension":
        return _all([_extensions(one) for one in lists])
    for name in _OWN:
        if items and all(isinstance(item.get(name), (str, int)) for item in items):
            return _all([_unique([(str(item[name]), item) for item in one]) for one in lists])
    members = _KEYS.get(kind or "")
    if members and all(any(item.get(name) for name in members) for item in items):
        return _all(
            [
                _unique([(_text([item.get(name) for name in members]), item) for item in one])
                for one in lists
            ]
        )
    return None


def merged_order(sent: Keyed, stored: Keyed, ours: Keyed, theirs: Keyed) -> list[str] | None:
    """All keys of both sides in one order; None when both sides moved items differently."""
    common = [key for key in ours if key in theirs]
    other = [key for key in theirs if key in ours]
    lead, follow = list(ours), list(theirs)
    if common != other:
        before = [key for key in sent if key in ours and key in theirs]
        earlier = [key for key in stored if key in ours and key in theirs]
        moved = [key for key in common if key in sent] != before
        moved_there = [key for key in other if key in stored] != earlier
        if moved and moved_there:
            return None
        if moved_there:
            lead, follow = follow, lead
    order = list(lead)
    for number, key in enumerate(follow):
        if key not in order:
            # After the neighbour it has on its own side.
            place = order.index(follow[number - 1]) + 1 if number else 0
            order.insert(place, key)
    return order


def sequence_merge(
    sent: list[Any], stored: list[Any], ours: list[Any], theirs: list[Any]
) -> list[Any] | None:
    """Both sides' changes of different stretches; None when they meet or touch."""
    base = [_text(item) for item in sent]
    if base != [_text(item) for item in stored]:
        return None
    mine = _edits(base, ours)
    other = _edits(base, theirs)
    for start, end, _ in mine:
        for begin, stop, _ in other:
            if start <= stop and begin <= end:
                return None
    result = list(sent)
    for start, end, items in sorted([*mine, *other], key=lambda edit: edit[0], reverse=True):
        result[start:end] = items
    return result


def _edits(base: list[str], side: list[Any]) -> list[tuple[int, int, list[Any]]]:
    matcher = SequenceMatcher(None, base, [_text(item) for item in side], autojunk=False)
    return [
        (start, end, side[begin:stop])
        for tag, start, end, begin, stop in matcher.get_opcodes()
        if tag != "equal"
    ]


def _extensions(items: list[Any]) -> Keyed | None:
    """By url, and where one comes several times by how often it came before."""
    seen: dict[str, int] = {}
    found: Keyed = {}
    for item in items:
        url = item.get("url")
        if not isinstance(url, str):
            return None
        seen[url] = seen.get(url, 0) + 1
        found[f"{url}#{seen[url]}"] = item
    return found


def _unique(pairs: list[tuple[str, Any]]) -> Keyed | None:
    found = dict(pairs)
    return found if len(found) == len(pairs) else None


def _all(found: list[Keyed | None]) -> tuple[Keyed, Keyed, Keyed, Keyed] | None:
    sent, stored, ours, theirs = found
    if sent is None or stored is None or ours is None or theirs is None:
        return None
    return sent, stored, ours, theirs


def _text(value: Any) -> str:
    return dumps(value, indent=False, sort_keys=True)
