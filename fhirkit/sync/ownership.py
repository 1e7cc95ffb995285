"""Whose is what was found after a lost answer, where it is not the very thing that was sent.

A server may add to what it stores, and somebody else may have created the same id in the same
moment. Nothing is guessed: what differs only by this server's proven habits is ours. What holds
all that was sent and more besides is agreed on as it was *sent*; the rest counts as a change on the
server, which a pull brings and no push overwrites. So it does not matter whose that rest is.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Any, NamedTuple

from fhirkit.core.resource import ResourceKey, content_hash
from fhirkit.sync.base import BaseStore
from fhirkit.sync.conflicts import stored_form
from fhirkit.sync.entry import tree_form
from fhirkit.sync.habits import Habits, only_added, traits
from fhirkit.sync.plan import Action, Step


class Whose(Enum):
    """Ours; ours with something more that may be anybody's; not known to be ours."""

    OURS = auto()
    GROWN = auto()
    UNKNOWN = auto()


class Unattributed(NamedTuple):
    """What a server holds after a write whose answer was lost, and what that write had sent."""

    action: Action
    sent: dict[str, Any]
    found: dict[str, Any]
    remote_id: str

    @property
    def plausible(self) -> bool:
        """Whether a server may have made the one of the other."""
        return plausible(self.sent, self.found)


def plausible(sent: dict[str, Any], found: dict[str, Any]) -> bool:
    """Whether a server may have made ``found`` of ``sent``: no value stands for another."""
    return all(trait.kind != "replaced" for trait in traits(sent, found))


def whose(habits: Habits, step: Step, sent: dict[str, Any], found: dict[str, Any]) -> Whose:
    """Whose ``found`` is; to be asked only where a write of ``sent`` may have arrived.

    An update may also have taken something away, which "more than was sent" could be again; so
    only a create can have grown.
    """
    differing = traits(sent, found)
    if differing <= habits.of(ResourceKey.of(sent)):
        return Whose.OURS
    if step is Step.CREATE and only_added(differing):
        return Whose.GROWN
    return Whose.UNKNOWN


def nothing_new(
    habits: Habits,
    step: Step,
    sent: dict[str, Any],
    now: dict[str, Any],
    said: dict[str, Any] | None,
) -> bool:
    """Whether a confirmed write made no new version because all that it changed is what this
    server leaves out or spells in its own way: it ``said`` so itself, or did so to others.
    """
    if said is None or content_hash(said) != content_hash(now):
        return whose(habits, step, sent, now) is Whose.OURS
    return plausible(sent, now)


def agree_on_sent(
    store: BaseStore, key: ResourceKey, sent: dict[str, Any], found: dict[str, Any], remote_id: str
) -> None:
    """Agree on what was sent; what the server has beyond it is a change that a pull brings."""
    with store.transaction():
        store.agree(key, sent, tree_form(sent), remote_id=remote_id)
        store.track(key, found)


def recognise(store: BaseStore) -> int:
    """Look again at what had grown, now that more of the server's habits is known; how many are
    ours after all.
    """
    habits = Habits(store)
    recognised = 0
    with store.transaction():
        for known, now in store.grown():
            sent, found = store.content(known.sent_hash), stored_form(store, now)
            if sent is not None and traits(sent, found) <= habits.of(known.key):
                store.agree(known.key, sent, found, sent=known.sent_hash)
                recognised += 1
    return recognised
