"""A push without a working tree: a Bundle to a server, and what it learns ends with the process."""

from __future__ import annotations

from fhirkit.core.resource import ResourceKey
from fhirkit.remote.capability import Capability
from fhirkit.remote.client import Client
from fhirkit.sync.base import BaseStore
from fhirkit.sync.counterpart import Counterpart
from fhirkit.sync.entry import BaseEntry
from fhirkit.sync.intake import Intake
from fhirkit.sync.journal import Journal
from fhirkit.sync.meeting import require_r4
from fhirkit.sync.plan import Direction, make_plan
from fhirkit.sync.prepared import Options, Prepared, entries_of, start_push
from fhirkit.sync.results import Report
from fhirkit.sync.state import State
from fhirkit.sync.worktree import Scan


def prepare_bundle(client: Client, intake: Intake, *, overwrite: bool = False) -> Prepared:
    """Plan to bring resources to a server without a tree.

    What is there with other content is a conflict, unless the resource names the server's
    current version (``meta.versionId`` or ``ifMatch``), or ``overwrite`` is asked for.
    """
    capability = Capability.of(client.capabilities())
    require_r4(capability, client)
    scan = Scan.of(intake.resources)
    remote = Counterpart(client).look_for(intake.resources, exact=True)
    entries = entries_of(remote)
    base: dict[ResourceKey, BaseEntry] = {}
    for key, entry in entries.items():
        stated = intake.versions.get(key)
        if overwrite or (stated is not None and stated == entry.version_id):
            base[key] = BaseEntry(key, "", entry.hash, entry.version_id)
    plan = make_plan(Direction.PUSH, scan.entries, scan.entries, base, entries)
    alone = not capability.has_transaction
    return Prepared(plan, scan, base, remote, known=True, alone=alone)


def push_bundle(client: Client, ready: Prepared) -> Report:
    """Carry out what ``prepare_bundle`` planned; what it learns is not kept."""
    capability = Capability.of(client.capabilities())
    with State() as state:
        store, journal = BaseStore(state, "bundle"), Journal(state, "bundle")
        store.identify("")
        run = start_push(
            Counterpart(client), store, journal, ready.plan, ready, Options(), capability, Report()
        )
        return run.run(ready.plan, ready.remote)
