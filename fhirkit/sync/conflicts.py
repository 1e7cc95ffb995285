"""Conflicts: merged where that is safe, else kept as files until a person settles them.

A conflict lies in ``.fhirkit/conflicts/Type/id.json`` with base, both sides and the places that
clash. It waits for nobody else: the rest of the tree is pushed and pulled meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fhirkit.core.errors import FhirkitError, InvalidInput, UsageError
from fhirkit.core.files import write_atomic
from fhirkit.core.jsonio import dump_bytes
from fhirkit.core.resource import ResourceKey
from fhirkit.sync.base import BaseStore
from fhirkit.sync.entry import BaseEntry, Entry, tree_form
from fhirkit.sync.merge import Knowledge, Merged, Side, merge
from fhirkit.sync.worktree import WorkingTree

#: The errors of a resource, each as a text; the same error in two resources has the same text.
Errors = Callable[[dict[str, Any]], frozenset[str]]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a merge rests on: the definitions, and the validator's verdict."""

    knowledge: Knowledge | None = None
    errors: Errors | None = None

    def worse(self, merged: dict[str, Any], *parents: dict[str, Any]) -> frozenset[str]:
        """The errors that a merge has and neither parent had."""
        if self.errors is None:
            return frozenset()
        known: frozenset[str] = frozenset().union(*map(self.errors, parents))
        return self.errors(merged) - known


def stored_form(store: BaseStore, entry: Entry) -> dict[str, Any]:
    """What a fetch kept of the server's copy, with the version that it had."""
    body = store.content(entry.hash)
    if body is None:
        raise FhirkitError(
            f"{entry.key}: its fetched content is no longer in the state",
            advice="run fhirkit fetch again",
        )
    meta = body.get("meta")
    kept = dict(meta) if isinstance(meta, dict) else {}
    if entry.version_id is not None:
        kept["versionId"] = entry.version_id
    return {**body, "meta": kept} if kept else body


@dataclass(frozen=True, slots=True)
class Sides:
    """One resource as it is here and there; None where it was deleted."""

    key: ResourceKey
    base: BaseEntry | None
    ours: dict[str, Any] | None
    theirs: dict[str, Any] | None

    def merged(
        self,
        store: BaseStore,
        judgement: Judgement,
        choices: Mapping[str, Side] | None = None,
    ) -> Merged | None:
        """Both sides as one; None when one of them has nothing left to merge."""
        if self.ours is None or self.theirs is None:
            return None
        base = self.base
        return merge(
            self.ours,
            self.theirs,
            sent=store.content(base.sent_hash) if base else None,
            stored=store.content(base.remote_hash) if base else None,
            knowledge=judgement.knowledge,
            choices=choices,
        )


@dataclass(frozen=True, slots=True)
class Weighed:
    """Two sides, merged if that is possible, and the errors that neither of them has."""

    merged: Merged | None = None
    worse: frozenset[str] = frozenset()

    @property
    def safe(self) -> dict[str, Any] | None:
        """The merged resource; None where a person has to settle it."""
        if self.merged is None or self.merged.clashes or self.worse:
            return None
        return self.merged.resource

    def told(self, reason: str) -> str:
        """The reason, and what stands in the way of a merge."""
        if self.merged is not None and self.merged.clashes:
            places = [clash.expression for clash in self.merged.clashes]
            more = f" and {len(places) - 5} more" if len(places) > 5 else ""
            return f"{reason}: {', '.join(places[:5])}{more}"
        if self.worse:
            return (
                f"{reason}: merged, it would have {len(self.worse)} error(s) that neither side has"
            )
        return reason


def weigh(sides: Sides, store: BaseStore, judgement: Judgement | None) -> Weighed:
    """Try to merge; without ``judgement`` nothing is."""
    merged = sides.merged(store, judgement) if judgement is not None else None
    if judgement is None or merged is None or merged.clashes:
        return Weighed(merged)
    parents = [one for one in (sides.ours, sides.theirs) if one is not None]
    return Weighed(merged, judgement.worse(merged.resource, *parents))


def folder(tree: WorkingTree) -> Path:
    """Where conflicts wait."""
    return tree.state / "conflicts"


def keep(tree: WorkingTree, store: BaseStore, sides: Sides, merged: Merged | None) -> None:
    """Write the conflict's file, or write it anew."""
    base = store.content(sides.base.remote_hash) if sides.base else None
    record = {
        "resource": str(sides.key),
        "remote": store.remote,
        "clashes": [clash.to_dict() for clash in merged.clashes] if merged else [],
        "base": base,
        "ours": sides.ours,
        "theirs": sides.theirs,
    }
    write_atomic(_path(tree, sides.key), dump_bytes(record))


def drop(tree: WorkingTree, key: ResourceKey) -> None:
    """The conflict is settled."""
    _path(tree, key).unlink(missing_ok=True)


def settle(
    tree: WorkingTree,
    store: BaseStore,
    sides: Sides,
    mine: Entry | None,
    *,
    side: Side | None = None,
    choices: Mapping[str, Side] | None = None,
    edited: dict[str, Any] | None = None,
    judgement: Judgement | None = None,
    dry_run: bool = False,
) -> str:
    """Settle one conflict; what was done, in words. The next push brings it to the server.

    ``mine`` is the file as it was seen. Every way makes the server's copy the new base, so that
    what is then in the file is an edit of it.
    """
    key, theirs = sides.key, sides.theirs
    if choices is not None and side is None and edited is None:
        edited = _merged_by(choices, sides, store, judgement or Judgement())
    if dry_run:
        return "would be settled"
    if edited is not None:
        if (edited.get("resourceType"), edited.get("id")) != tuple(key):
            raise InvalidInput(f"{key}: the edited resource has another type or id")
        tree.write(edited, expected=mine)
        _rebase(store, key, theirs)
        done = "the merged resource is in the tree, ours in .fhirkit/trash"
    elif side == "theirs" and theirs is not None:
        store.agree(key, tree.write(theirs, expected=mine), theirs)
        done = "theirs is in the tree, ours in .fhirkit/trash"
    elif side == "theirs":
        tree.discard(key, expected=mine)
        store.forget(key)
        done = "it is deleted here too, ours is in .fhirkit/trash"
    else:
        _rebase(store, key, theirs)
        done = "ours stands" if sides.ours is not None else "its deletion stands"
    drop(tree, key)
    return done


def _merged_by(
    choices: Mapping[str, Side], sides: Sides, store: BaseStore, judgement: Judgement
) -> dict[str, Any]:
    """The merge in which every clash is settled by a choice; ``UsageError`` if it is not."""
    key, merged = sides.key, sides.merged(store, judgement, choices)
    if merged is None:
        raise UsageError(f"{key}: one side deleted it", advice="choose --ours or --theirs")
    if merged.idle:
        raise UsageError(
            f"{key}: nothing clashes at {', '.join(merged.idle)}",
            advice=f"fhirkit resolve {key} shows what does",
        )
    if merged.clashes:
        left = ", ".join(clash.expression for clash in merged.clashes)
        raise UsageError(f"{key}: still open: {left}", advice="settle each by PATH=ours|theirs")
    return merged.resource


def _rebase(store: BaseStore, key: ResourceKey, theirs: dict[str, Any] | None) -> None:
    if theirs is None:
        store.forget(key)
    else:
        store.agree(key, tree_form(theirs), theirs)


def _path(tree: WorkingTree, key: ResourceKey) -> Path:
    return folder(tree) / key.type / f"{key.id}.json"
