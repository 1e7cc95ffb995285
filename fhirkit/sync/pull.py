"""Carry out a pull: choose what to fetch, then bring files up to it without losing an edit."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fhirkit.core.errors import (
    BadAnswer,
    Conflict,
    FhirkitError,
    Incomplete,
    InvalidInput,
    Refused,
    UsageError,
)
from fhirkit.core.resource import ResourceKey, references
from fhirkit.remote.capability import Capability
from fhirkit.remote.client import Client
from fhirkit.remote.listing import all_of_type, read_many
from fhirkit.remote.record import patient_record
from fhirkit.sync.base import BaseStore
from fhirkit.sync.plan import Plan, Status, Step
from fhirkit.sync.results import Line, Report, Result
from fhirkit.sync.worktree import Scan, WorkingTree

_BATCH = 100
#: When everything is asked for, a type refused so is left out, and the pull is not complete.
_NOT_FOR_US = (400, 403, 404, 405, 501)


@dataclass(slots=True)
class Selection:
    """What was fetched, and ``absent``: known keys in its scope that the server has no more."""

    resources: dict[ResourceKey, dict[str, Any]] = field(default_factory=dict)
    absent: set[ResourceKey] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    incomplete: bool = False

    @property
    def keys(self) -> set[ResourceKey]:
        """Everything that the selection says something about."""
        return self.absent | self.resources.keys()


def select_patient(
    client: Client,
    patient_id: str,
    known: Mapping[ResourceKey, dict[str, Any]],
    agreed: Collection[ResourceKey],
) -> Selection:
    """One patient's record. ``known`` are our resources, ``agreed`` the keys in the base."""
    record = patient_record(client, patient_id)
    selection = Selection(record.resources)
    if record.dangling:
        count = len(record.dangling)
        selection.notes.append(f"{count} reference(s) lead to nothing on the server")
    subject = f"Patient/{patient_id}"
    theirs = (key for key in agreed if _refers(known.get(key), subject))
    _look_for_missing(client, selection, theirs)
    return selection


def select_types(
    client: Client, types: Iterable[str] | None, agreed: Collection[ResourceKey]
) -> Selection:
    """Every resource of the given types, or of all types that the server can search."""
    capability = Capability.of(client.capabilities())
    wanted = sorted(capability.searchable if types is None else set(types))
    unknown = [kind for kind in wanted if capability.types and kind not in capability.types]
    if unknown:
        raise UsageError(f"the server does not offer {', '.join(unknown)}")
    if not wanted:
        raise Incomplete(
            "the server's CapabilityStatement names no type that can be searched",
            advice="name what you want with --type or --patient",
        )
    selection = Selection()
    fetched: set[str] = set()
    for kind in wanted:
        try:
            found = all_of_type(client, kind)
        except Refused as problem:
            if types is not None or problem.status not in _NOT_FOR_US:
                raise
            selection.incomplete = True
            selection.notes.append(f"{kind}: {problem.message}")
            continue
        strange = {key for key in found.matches if key.type != kind}
        if strange:
            raise BadAnswer(f"search of {kind}: the server answered with other types")
        fetched.add(kind)
        selection.resources.update((key, found.resources[key]) for key in found.matches)
    _look_for_missing(client, selection, (key for key in agreed if key.type in fetched))
    return selection


def _look_for_missing(
    client: Client, selection: Selection, expected: Iterable[ResourceKey]
) -> None:
    """A search that lacks a resource does not prove that it is deleted; a read does."""
    missing = [key for key in expected if key not in selection.resources]
    for key, resource in read_many(client, missing, exact=True).items():
        if resource is None:
            selection.absent.add(key)
        else:
            selection.resources[key] = resource


def _refers(resource: dict[str, Any] | None, subject: str) -> bool:
    if resource is None:
        return False
    if f"{resource.get('resourceType')}/{resource.get('id')}" == subject:
        return True
    return any(element["reference"] == subject for element in references(resource))


def apply_pull(
    tree: WorkingTree, store: BaseStore, scan: Scan, plan: Plan, selection: Selection
) -> Report:
    """Write and discard files as planned, and record each agreement after its file is safe."""
    report = Report(notes=list(selection.notes), incomplete=selection.incomplete)
    report.issues.extend(scan.issues)
    for key, reason in plan.conflicts.items():
        report.add(Line(key, Result.CONFLICT, note=reason))
    for key in plan.keys(Status.CLEAN, Status.CONVERGED):
        if key in scan.entries:
            report.add(Line(key, Result.UNCHANGED))
    for key in scan.held & selection.keys:
        report.add(Line(key, Result.KEPT, note="its file cannot be read, so it was left alone"))
    try:
        for start in range(0, len(plan.actions), _BATCH):
            with store.transaction():
                for action in plan.actions[start : start + _BATCH]:
                    _one(tree, store, scan, action.step, action.key, selection, report)
    except FhirkitError as problem:
        report.trouble = problem
        for action in plan.of(Step.WRITE, Step.DISCARD):
            if action.key not in report.lines:
                report.add(Line(action.key, Result.UNKNOWN, note="the run ended before"))
    return report


def _one(
    tree: WorkingTree,
    store: BaseStore,
    scan: Scan,
    step: Step,
    key: ResourceKey,
    selection: Selection,
    report: Report,
) -> None:
    mine, theirs = scan.entries.get(key), selection.resources.get(key)
    try:
        if step is Step.WRITE and theirs is not None:
            store.agree(key, tree.write(theirs, expected=mine), theirs)
            report.add(Line(key, Result.WRITTEN))
        elif step is Step.DISCARD:
            tree.discard(key, expected=mine)
            store.forget(key)
            report.add(Line(key, Result.DISCARDED, note="moved to .fhirkit/trash"))
        elif step is Step.RECORD and theirs is not None:
            store.agree(key, scan.resources[key], theirs)
        elif step is Step.FORGET:
            store.forget(key)
    except Conflict as problem:
        report.add(Line(key, Result.CONFLICT, note=problem.message))
    except InvalidInput as problem:
        report.add(Line(key, Result.REFUSED, note=problem.message))
