"""Carry out a pull: bring files up to what was fetched without losing an edit."""

from __future__ import annotations

from collections.abc import Iterable

from fhirkit.core.errors import Conflict, FhirkitError, InvalidInput
from fhirkit.core.resource import ResourceKey
from fhirkit.sync.base import BaseStore
from fhirkit.sync.conflicts import Judgement, Sides, drop, keep, stored_form, weigh
from fhirkit.sync.entry import Entry, tree_form
from fhirkit.sync.fetch import Fetched
from fhirkit.sync.plan import Action, Plan, Status, Step
from fhirkit.sync.results import Line, Report, Result
from fhirkit.sync.worktree import Scan, WorkingTree

_BATCH = 100


def apply_pull(
    tree: WorkingTree,
    store: BaseStore,
    scan: Scan,
    plan: Plan,
    fetched: Fetched,
    judgement: Judgement | None = None,
) -> Report:
    """Write and discard files as planned, and record each agreement after its file is safe.

    With ``judgement`` what changed on both sides is merged where that is safe.
    """
    report = Report(notes=list(fetched.notes), incomplete=fetched.incomplete)
    report.issues.extend(scan.issues)
    for key in plan.keys(Status.CLEAN, Status.CONVERGED):
        if key in scan.entries:
            report.add(Line(key, Result.UNCHANGED))
    tracked = store.tracked()
    for key in sorted(scan.held):
        if fetched.covers(key) and key in tracked:
            report.add(Line(key, Result.KEPT, note="its file cannot be read, so it was left alone"))
    try:
        for key, reason in plan.conflicts.items():
            _conflict(tree, store, scan, key, reason, report, judgement)
        for batch in _batches(plan.actions):
            _carry_out(tree, store, scan, batch, report)
    except FhirkitError as problem:
        report.trouble = problem
        for action in plan.of(Step.WRITE, Step.DISCARD):
            if action.key not in report.lines:
                report.add(Line(action.key, Result.UNKNOWN, note="the run ended before"))
    return report


def note_written(tree: WorkingTree, store: BaseStore) -> None:
    """Agree on what a pull had brought to its file when it was killed before that was noted.

    Later it would look like an edit: the server's next change would clash with it, and what is
    deleted there would be created again.
    """
    with store.transaction():
        for key, seen in store.tracked().items():
            if seen is None:
                continue
            try:
                mine = tree.current(key)
            except Conflict:
                continue  # the scan tells what is wrong with the file
            if mine is not None and mine.hash == seen.hash:
                theirs = stored_form(store, seen)
                store.agree(key, tree_form(theirs), theirs)


def _carry_out(
    tree: WorkingTree,
    store: BaseStore,
    scan: Scan,
    batch: tuple[Action, ...],
    report: Report,
) -> None:
    """A batch in one commit. What went well before a disk failed is noted, too: a file that was
    brought up to date would else look like an edit when the server has changed again.
    """
    trouble: FhirkitError | None = None
    with store.transaction():
        for action in batch:
            try:
                _one(tree, store, scan, action, report)
            except FhirkitError as problem:
                trouble = problem
                break
    if trouble is not None:
        raise trouble


def _conflict(
    tree: WorkingTree,
    store: BaseStore,
    scan: Scan,
    key: ResourceKey,
    reason: str,
    report: Report,
    judgement: Judgement | None,
) -> None:
    """Merge what both sides changed, or keep it as a conflict that waits."""
    sides = sides_of(store, scan, key)
    weighed = weigh(sides, store, judgement)
    if weighed.safe is None or sides.theirs is None:
        keep(tree, store, sides, weighed.merged)
        note = f"{weighed.told(reason)} (fhirkit resolve settles it)"
        report.add(Line(key, Result.CONFLICT, note=note))
        return
    try:
        tree.write(weighed.safe, expected=scan.entries[key])
    except Conflict as problem:
        report.add(Line(key, Result.CONFLICT, note=problem.message))
        return
    store.agree(key, tree_form(sides.theirs), sides.theirs)
    drop(tree, key)
    note = "both sides' changes are in the file; ours as it was is in .fhirkit/trash"
    if weighed.merged is not None and weighed.merged.stale:
        note += "; the narrative told of one side and was dropped"
    report.add(Line(key, Result.MERGED, note=note))


def sides_of(store: BaseStore, scan: Scan, key: ResourceKey) -> Sides:
    """A resource here and, as far as a fetch knows, there."""
    base, tracked = store.entries_of([key]).get(key), store.tracked()
    seen = tracked.get(key)
    if key not in tracked and base is not None and base.remote_hash:
        seen = Entry(key, base.remote_hash, base.version_id)
    theirs = stored_form(store, seen) if seen is not None else None
    ours = scan.resources[key] if key in scan.entries else None
    return Sides(key, base, ours, theirs)


def _batches(actions: tuple[Action, ...]) -> Iterable[tuple[Action, ...]]:
    return (actions[start : start + _BATCH] for start in range(0, len(actions), _BATCH))


def _one(tree: WorkingTree, store: BaseStore, scan: Scan, action: Action, report: Report) -> None:
    key, step = action.key, action.step
    mine, seen = scan.entries.get(key), action.seen
    try:
        if step is Step.WRITE and seen is not None:
            theirs = stored_form(store, seen)
            store.agree(key, tree.write(theirs, expected=mine), theirs)
            report.add(Line(key, Result.WRITTEN))
        elif step is Step.DISCARD:
            tree.discard(key, expected=mine)
            store.forget(key)
            report.add(Line(key, Result.DISCARDED, note="moved to .fhirkit/trash"))
        elif step is Step.RECORD and seen is not None:
            store.agree(key, scan.resources[key], stored_form(store, seen))
        elif step is Step.FORGET:
            store.forget(key)
    except Conflict as problem:
        report.add(Line(key, Result.CONFLICT, note=problem.message))
    except InvalidInput as problem:
        report.add(Line(key, Result.REFUSED, note=problem.message))
