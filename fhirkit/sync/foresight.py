"""What a pull would do, found out without touching a file, and what a push would find then."""

from __future__ import annotations

from collections import ChainMap
from dataclasses import dataclass, field
from typing import Any

from fhirkit.core.resource import ResourceKey
from fhirkit.sync.base import BaseStore
from fhirkit.sync.conflicts import Judgement, Sides, stored_form, weigh
from fhirkit.sync.entry import Entry, tree_form
from fhirkit.sync.plan import Plan, Step
from fhirkit.sync.pull import sides_of
from fhirkit.sync.worktree import Scan


@dataclass(slots=True)
class Foreseen:
    """What becomes of what was changed on both sides: merged, or a conflict with its reason."""

    merged: dict[ResourceKey, dict[str, Any]] = field(default_factory=dict)
    sides: dict[ResourceKey, Sides] = field(default_factory=dict)
    conflicts: dict[ResourceKey, str] = field(default_factory=dict)


def foresee(store: BaseStore, scan: Scan, plan: Plan, judgement: Judgement | None) -> Foreseen:
    """Merge as a pull would; without ``judgement`` nothing is merged."""
    found = Foreseen()
    for key, reason in plan.conflicts.items():
        sides = sides_of(store, scan, key)
        weighed = weigh(sides, store, judgement)
        if weighed.safe is None:
            found.conflicts[key] = weighed.told(reason)
        else:
            found.merged[key], found.sides[key] = weighed.safe, sides
    return found


def scan_after(store: BaseStore, scan: Scan, plan: Plan, foreseen: Foreseen) -> Scan:
    """The files as the pull would leave them. The base is changed accordingly, so call it in a
    rehearsal.
    """
    written: dict[ResourceKey, dict[str, Any]] = {}
    entries = dict(scan.entries)
    for action in plan.actions:
        key, seen = action.key, action.seen
        if action.step is Step.WRITE and seen is not None:
            theirs = stored_form(store, seen)
            written[key] = tree_form(theirs)
            store.agree(key, written[key], theirs)
        elif action.step is Step.RECORD and seen is not None:
            store.agree(key, scan.resources[key], stored_form(store, seen))
        elif action.step in (Step.DISCARD, Step.FORGET):
            if action.step is Step.DISCARD:
                entries.pop(key, None)
            store.forget(key)
    for key, merged in foreseen.merged.items():
        other = foreseen.sides[key].theirs
        assert other is not None  # noqa: S101  # else nothing was merged
        written[key] = merged
        store.agree(key, tree_form(other), other)
    entries.update((key, Entry.of(one)) for key, one in written.items())
    # What is written shadows what the files hold now.
    return Scan(ChainMap(written, scan.resources), entries, scan.held, scan.issues)  # type: ignore[arg-type]  # only read
