"""What a server does by itself to what it stores: learned from writes that are proven.

Every base entry whose two forms differ shows what became of a resource that certainly was ours.
What a server did there it will have done elsewhere; so a difference that is nothing but habit is
the server's, and any other one may be somebody's.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from fhirkit.core.jsonio import dumps
from fhirkit.core.resource import ResourceKey
from fhirkit.sync.base import BaseStore
from fhirkit.sync.compare import ABSENT, changes

#: Elements that every type has: what a server does there it does to all of them.
_SHARED = ("meta", "language", "implicitRules", "text", "contained", "extension")
_INDEX = re.compile(r"\[\d+\]")
#: So many proven resources of the type, and of all, are looked at.
_SAMPLE = 50


class Trait(NamedTuple):
    """One thing that differs between what was sent and what is stored.

    ``kind`` is ``added``, ``dropped``, ``moved`` (within its list), ``respelled`` (the same value
    in other signs), ``renewed`` (a generated narrative, by another) or ``replaced``; ``value`` is
    what was added or replaced, or the kind of spelling.
    """

    kind: str
    place: str
    value: str = ""


def traits(sent: dict[str, Any], stored: dict[str, Any]) -> frozenset[Trait]:
    """Everything in which the two differ; empty when they are equal in content."""
    found: set[Trait] = set()
    narrated = _generated(sent) and _generated(stored)
    for change in changes(sent, stored):
        place = _place(change.expression)
        if change.moved_from is not None:
            found.add(Trait("moved", place))
        elif change.before is ABSENT:
            item = change.expression.endswith("]")
            found.update(_added(place, change.after, item=item))
        elif change.after is ABSENT:
            found.add(Trait("dropped", place))
        else:
            spelling = _spelling(change.before, change.after)
            pair = f"{_text(change.before)} {_text(change.after)}"
            if spelling:
                found.add(Trait("respelled", "", spelling))
            elif narrated and place.partition(".")[0] == "text":
                found.add(Trait("renewed", "text"))
            else:
                found.add(Trait("replaced", place, pair))
    return frozenset(found)


def only_respelled(one: Any, other: Any) -> bool:
    """Whether two values are the same in other signs, at every place in which they differ."""
    differing = traits({"value": one}, {"value": other})
    return bool(differing) and all(trait.kind == "respelled" for trait in differing)


def only_added(differing: Collection[Trait]) -> bool:
    """Whether all that was sent is there, and something besides."""
    return bool(differing) and all(trait.kind == "added" for trait in differing)


class Habits:
    """What a server was seen to do until now. Make a new one when more may have been seen."""

    def __init__(self, store: BaseStore) -> None:
        self._store = store
        self._types: dict[str, frozenset[Trait]] = {}

    def of(self, key: ResourceKey) -> frozenset[Trait]:
        """To resources of this type above all, and to this very one before."""
        known = self._types.get(key.type)
        if known is None:
            pairs = self._store.respelled(key.type, _SAMPLE)
            known = self._types[key.type] = frozenset().union(*map(self._between, pairs))
        own = self._store.entries_of([key]).get(key)
        if own is None or own.version_id is None:
            return known
        return known | self._between((own.sent_hash, own.remote_hash))

    def _between(self, pair: tuple[str, str]) -> frozenset[Trait]:
        sent, stored = map(self._store.content, pair)
        return frozenset() if sent is None or stored is None else traits(sent, stored)


def _place(expression: str) -> str:
    """Without indexes, and without the type where the element is every type's."""
    plain = _INDEX.sub("", expression)
    name, _, inner = plain.partition(".")
    return inner if inner.partition(".")[0] in _SHARED else f"{name}.{inner}"


def _generated(resource: dict[str, Any]) -> bool:
    text = resource.get("text")
    return isinstance(text, dict) and text.get("status") == "generated"


def _added(place: str, value: Any, *, item: bool) -> Iterator[Trait]:
    """In pieces that are the same whether or not something stood around them before."""
    if isinstance(value, list):
        for one in value:
            yield from _added(place, one, item=True)
    elif isinstance(value, dict) and not item:
        for name, member in value.items():
            yield from _added(f"{place}.{name}", member, item=False)
    else:
        yield Trait("added", place, _text(value))


def _spelling(before: Any, after: Any) -> str:
    """How the same value is written in another way; empty when it is another value."""
    if _is_number(before) and _is_number(after):
        return "number" if Decimal(before) == Decimal(after) else ""
    if not (isinstance(before, str) and isinstance(after, str)):
        return ""
    if before.split() == after.split():
        return "space"
    try:
        old, new = datetime.fromisoformat(before), datetime.fromisoformat(after)
    except ValueError:
        return ""
    return "time" if old.tzinfo and new.tzinfo and old == new else ""


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool)


def _text(value: Any) -> str:
    return dumps(value, indent=False, sort_keys=True)
