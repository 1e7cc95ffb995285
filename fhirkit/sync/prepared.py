"""A push that is planned but not begun: what it was made from, how to go about it, its start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fhirkit.core.resource import ResourceKey
from fhirkit.remote.capability import Capability
from fhirkit.sync.answer import Rung
from fhirkit.sync.apply import Push
from fhirkit.sync.base import BaseStore
from fhirkit.sync.config import LATE_COMMIT
from fhirkit.sync.counterpart import Counterpart
from fhirkit.sync.entry import Base, Entry
from fhirkit.sync.fetch import Fetched
from fhirkit.sync.ground import Ground
from fhirkit.sync.journal import Journal
from fhirkit.sync.order import graph_of
from fhirkit.sync.plan import Plan, Step
from fhirkit.sync.results import Report
from fhirkit.sync.worktree import Contents, Scan

Remote = dict[ResourceKey, dict[str, Any] | None]

#: So many deletions are carried out without asking for their number.
MAX_DELETE = 10


@dataclass(slots=True)
class Prepared:
    """A plan with everything it was made from, ready to be shown or carried out.

    ``known``: how this server creates was found out before, or would not be remembered.
    ``alone``: it takes no transactions, as far as is known, so each write is a request of its own.
    """

    plan: Plan
    scan: Scan
    base: Base
    remote: Remote = field(default_factory=dict)
    fetched: Fetched = field(default_factory=Fetched)
    known: bool = False
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """How a push goes about it.

    ``max_delete``: more deletions than this are not carried out; nor is that of everything, unless
    this is its very number (None: 10, and not of everything). ``quiet``: seconds after which
    the server no longer commits what it was sent; by default what the remote's settings say.
    ``at_least_once``: on a server that knows neither our ids nor conditional creates, making a
    resource twice is accepted.
    """

    delete: bool = False
    max_delete: int | None = None
    quiet: float | None = None
    at_least_once: bool = False


def start_push(
    server: Counterpart,
    store: BaseStore,
    journal: Journal,
    plan: Plan,
    ready: Prepared,
    options: Options,
    capability: Capability | None,
    report: Report,
) -> Push:
    """The push of a plan, its bodies and operations noted in one commit."""
    writes = plan.of(Step.CREATE, Step.UPDATE)
    hashes = {action.key: ready.scan.entries[action.key].hash for action in writes}
    state, unusable = store.state, ready.scan.held - ready.base.keys()
    with state.transaction():
        graph = graph_of(
            ready.scan.resources,
            hashes,
            besides=plan.conflicts.keys() | unusable,
            each=lambda key, resource: _note(state.keep(resource, hashes[key])),
        )
        journal.plan([*writes, *plan.of(Step.DELETE)], hashes)
    planned = hashes.keys()

    def load(key: ResourceKey) -> dict[str, Any]:
        body = state.content(hashes[key]) if key in planned else None
        return body if body is not None else ready.scan.resources[key]

    rung = store.rung()
    ground = Ground(
        server, store, journal, Contents(ready.scan.entries, load), ready.base, report,
        rung=Rung(rung) if rung else Rung.GUARDED, proven=rung is not None,
        alone=ready.alone,
        quiet=LATE_COMMIT if options.quiet is None else options.quiet,
        held=dict.fromkeys(unusable, "has a file that cannot be used"),
    )  # fmt: skip
    return Push(
        ground, graph, capability=capability, at_least_once=options.at_least_once,
        known=ready.known,
    )  # fmt: skip


def _note(_: str) -> None:
    """A body is kept for its effect."""


def entries_of(remote: Mapping[ResourceKey, dict[str, Any] | None]) -> dict[ResourceKey, Entry]:
    """The entries of what is there."""
    return {key: Entry.of(resource) for key, resource in remote.items() if resource is not None}
