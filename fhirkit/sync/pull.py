"""Carry out a pull: bring files up to what was fetched without losing an edit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fhirkit.core.errors import Conflict, FhirkitError, InvalidInput
from fhirkit.sync.base import BaseStore
from fhirkit.sync.entry import Entry
from fhirkit.sync.fetch import Fetched
from fhirkit.sync.plan import Action, Plan, Status, Step
from fhirkit.sync.results import Line, Report, Result
from fhirkit.sync.worktree import Scan, WorkingTree

_BATCH = 100


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


def apply_pull(
    tree: WorkingTree,
    store: BaseStore,
    scan: Scan,
    plan: Plan,
    fetched: Fetched,
) -> Report:
    """Write and discard files as planned, and record each agreement after its file is safe."""
    report = Report(notes=list(fetched.notes), incomplete=fetched.incomplete)
    report.issues.extend(scan.issues)
    for key, reason in plan.conflicts.items():
        report.add(Line(key, Result.CONFLICT, note=reason))
    for key in plan.keys(Status.CLEAN, Status.CONVERGED):
        if key in scan.entries:
            report.add(Line(key, Result.UNCHANGED))
    tracked = store.tracked()
    for key in sorted(scan.held):
        if fetched.covers(key) and key in tracked:
            report.add(Line(key, Result.KEPT, note="its file cannot be read, so it was left alone"))
    try:
        for batch in _batches(plan.actions):
            with store.transaction():
                for action in batch:
                    _one(tree, store, scan, action, report)
    except FhirkitError as problem:
        report.trouble = problem
        for action in plan.of(Step.WRITE, Step.DISCARD):
            if action.key not in report.lines:
                report.add(Line(action.key, Result.UNKNOWN, note="the run ended before"))
    return report


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
