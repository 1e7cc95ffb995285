"""A working tree and one of its remotes, open for work: scan, ask, plan, guard, carry out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from fhirkit.core.errors import Blocked
from fhirkit.core.resource import ResourceKey
from fhirkit.remote.capability import Capability
from fhirkit.remote.client import Client
from fhirkit.remote.listing import read_many
from fhirkit.sync.apply import Push
from fhirkit.sync.base import BaseStore
from fhirkit.sync.doubt import settle_intents
from fhirkit.sync.entry import Base, BaseEntry, Entry
from fhirkit.sync.intake import Intake
from fhirkit.sync.ledger import NoLedger
from fhirkit.sync.lock import locked
from fhirkit.sync.plan import Direction, Plan, Status, Step, emptied, make_plan, receded
from fhirkit.sync.pull import Selection, apply_pull, select_patient, select_types
from fhirkit.sync.results import Line, Report, Result
from fhirkit.sync.worktree import Scan, WorkingTree

Remote = dict[ResourceKey, dict[str, Any] | None]


@dataclass(slots=True)
class Prepared:
    """A plan with everything it was made from, ready to be shown or carried out."""

    plan: Plan
    scan: Scan
    base: Base
    remote: Remote = field(default_factory=dict)
    selection: Selection = field(default_factory=Selection)


class Session:
    """Push to and pull from one remote. Make it with ``opened``, which holds the lock."""

    def __init__(self, tree: WorkingTree, store: BaseStore, client: Client) -> None:
        self.tree = tree
        self.store = store
        self.client = client

    def prepare_push(self, *, ours: Collection[ResourceKey] = ()) -> Prepared:
        """Ask the server about every resource known here, and plan."""
        self._meet(writing=True)
        settle_intents(self.client, self.store)
        scan, base = self.tree.scan(), self.store.entries()
        keys = (scan.entries.keys() | base.keys()) - scan.held
        remote = read_many(self.client, keys)
        self._read_again(base, remote)
        entries = _entries(remote)
        if emptied(base, entries, keys):
            raise Blocked(
                f"nothing that was pushed to {self.store.remote} is there any more: "
                "it was emptied, or another server stands at its address",
                advice=f"fhirkit remote reset {self.store.remote} begins anew with it",
            )
        plan = make_plan(Direction.PUSH, keys, scan.entries, base, entries, take=ours)
        return Prepared(plan, scan, base, remote)

    def push(self, ready: Prepared, *, delete: bool = False) -> Report:
        """Carry out a prepared push; deletions only when asked for."""
        plan = ready.plan
        deletions = plan.of(Step.DELETE)
        if not delete:
            kept = tuple(action for action in plan.actions if action.step is not Step.DELETE)
            plan = Plan(plan.statuses, kept, plan.conflicts)
        run = Push(self.client, self.store, ready.scan.resources, ready.base)
        run.report.issues.extend(ready.scan.issues)
        if not delete:
            for action in deletions:
                note = "deleted here, kept on the server (push --delete deletes it)"
                run.report.add(Line(action.key, Result.KEPT, note=note))
        newer = len(plan.keys(Status.BEHIND, Status.GONE))
        if newer:
            run.report.notes.append(f"{newer} resource(s) changed on the server; fhirkit pull")
        return run.run(plan, ready.remote)

    def prepare_pull(
        self,
        *,
        patient: str | None = None,
        types: Iterable[str] | None = None,
        theirs: Collection[ResourceKey] = (),
        max_delete: int = 10,
    ) -> Prepared:
        """Fetch what is selected and plan; ``Blocked`` when suspiciously much would go away."""
        self._meet(writing=False)
        settle_intents(self.client, self.store)
        scan, base = self.tree.scan(), self.store.entries()
        if patient is not None:
            selection = select_patient(self.client, patient, scan.resources, base.keys())
        else:
            selection = select_types(self.client, types, base.keys())
        self._read_again(base, selection.resources)
        keys = selection.keys - scan.held
        entries = {key: Entry.of(resource) for key, resource in selection.resources.items()}
        plan = make_plan(Direction.PULL, keys, scan.entries, base, entries, take=theirs)
        going = len(plan.of(Step.DISCARD))
        if going > max_delete or (going > 1 and going == len(base)):
            right = f"fhirkit pull --max-delete {going}"
            if going == len(base):
                right = f"fhirkit remote reset {self.store.remote}"
            raise Blocked(
                f"{going} of {len(base)} resources are gone on the server; no file was changed",
                advice=f"if that is right: {right}",
            )
        return Prepared(plan, scan, base, dict(selection.resources), selection)

    def pull(self, ready: Prepared) -> Report:
        """Carry out a prepared pull."""
        return apply_pull(self.tree, self.store, ready.scan, ready.plan, ready.selection)

    def _read_again(self, base: Base, remote: Any) -> None:
        """Replace answers older than what was agreed by fresh ones; ``Blocked`` if they stay so."""
        held = {key: resource for key, resource in remote.items() if resource is not None}
        for key in receded(base, _entries(held)):
            fresh = self.client.read(key)
            if fresh is not None and receded(base, {key: Entry.of(fresh)}):
                raise Blocked(
                    f"{self.store.remote} holds older versions than were agreed on: "
                    "was it restored from a backup?",
                    advice=f"fhirkit remote reset {self.store.remote} begins anew with it",
                )
            if fresh is not None:
                remote[key] = fresh

    def _meet(self, *, writing: bool) -> None:
        """Make sure that this is a FHIR R4 server that can do it, and the one it was before."""
        capability = Capability.of(self.client.capabilities())
        require_r4(capability, self.client, writing=writing)
        identity = f"{capability.software} {capability.fhir_version}".strip()
        known = self.store.identity()
        if known is None:
            self.store.identify(identity)
        elif known != identity and self.store.entries():
            raise Blocked(
                f"{self.store.remote} was {known} and is now {identity}: another server?",
                advice=f"fhirkit remote reset {self.store.remote} begins anew with it",
            )


def require_r4(capability: Capability, client: Client, *, writing: bool) -> None:
    """``Blocked`` unless the server speaks FHIR 4.0 and, for writing, offers transactions."""
    version = capability.fhir_version
    if version and not version.startswith("4.0"):
        raise Blocked(f"{client.host} speaks FHIR {version[:20]}, and fhirkit R4 (4.0.1)")
    if writing and not capability.has_transaction:
        raise Blocked(f"{client.host} offers no transactions, without which a push is not safe")


@contextmanager
def opened(tree: WorkingTree, name: str, client: Client) -> Iterator[Session]:
    """A session under the tree's lock."""
    with locked(tree.state), BaseStore(tree.database, name) as store:
        try:
            yield Session(tree, store, client)
            store.tidy()
        finally:
            client.close()


def offline_plan(scan: Scan, base: Base) -> Plan:
    """Tree against base, as if the remote were still as it was agreed."""
    remote = {
        key: Entry(key, agreed.remote_hash, agreed.version_id) for key, agreed in base.items()
    }
    keys = (scan.entries.keys() | base.keys()) - scan.held
    return make_plan(Direction.PUSH, keys, scan.entries, base, remote)


def agreed(tree: WorkingTree, name: str) -> dict[ResourceKey, dict[str, Any]]:
    """Our side of everything that was last agreed with a remote; empty before a first time."""
    if not tree.database.exists():
        return {}
    with BaseStore(tree.database, name) as store:
        contents = {key: store.content(entry.sent_hash) for key, entry in store.entries().items()}
    return {key: content for key, content in contents.items() if content is not None}


def prepare_bundle(client: Client, intake: Intake, *, overwrite: bool = False) -> Prepared:
    """Plan to bring resources to a server without a tree.

    What is there with other content is a conflict, unless the resource names the server's
    current version (``meta.versionId`` or ``ifMatch``), or ``overwrite`` is asked for.
    """
    require_r4(Capability.of(client.capabilities()), client, writing=True)
    scan = Scan()
    for key, resource in intake.resources.items():
        scan.take(key, resource)
    remote = read_many(client, intake.resources)
    entries = _entries(remote)
    base: dict[ResourceKey, BaseEntry] = {}
    for key, entry in entries.items():
        stated = intake.versions.get(key)
        if overwrite or (stated is not None and stated == entry.version_id):
            base[key] = BaseEntry(key, "", entry.hash, entry.version_id)
    plan = make_plan(Direction.PUSH, scan.entries, scan.entries, base, entries)
    return Prepared(plan, scan, base, remote)


def push_bundle(client: Client, ready: Prepared) -> Report:
    """Carry out what ``prepare_bundle`` planned."""
    return Push(client, NoLedger(), ready.scan.resources, ready.base).run(ready.plan, ready.remote)


def _entries(remote: Remote) -> dict[ResourceKey, Entry]:
    return {key: Entry.of(resource) for key, resource in remote.items() if resource is not None}
