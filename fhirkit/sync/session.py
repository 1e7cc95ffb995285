"""A working tree and one of its remotes, open for work: scan, ask, plan, guard, carry out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from itertools import islice
from typing import Any, TypeVar

from fhirkit.core.errors import Blocked, FhirkitError, Refused, UsageError
from fhirkit.core.resource import ResourceKey
from fhirkit.remote.capability import Capability
from fhirkit.remote.client import Client
from fhirkit.remote.failures import Busy
from fhirkit.sync.base import BaseStore
from fhirkit.sync.config import late_commit
from fhirkit.sync.conflicts import Judgement
from fhirkit.sync.counterpart import Counterpart
from fhirkit.sync.doubt import settle_open
from fhirkit.sync.entry import Base, Listing
from fhirkit.sync.exported import fetch_by
from fhirkit.sync.fetch import OVERLAP, Fetch, Fetched
from fhirkit.sync.journal import Journal
from fhirkit.sync.lock import locked
from fhirkit.sync.meeting import Met, meet
from fhirkit.sync.offline import last_seen, scanned
from fhirkit.sync.plan import Direction, Plan, Status, Step, emptied, make_plan, receded
from fhirkit.sync.prepared import MAX_DELETE, Options, Prepared, Remote, entries_of, start_push
from fhirkit.sync.pull import apply_pull, note_written
from fhirkit.sync.results import Line, Report, Result
from fhirkit.sync.selection import select_patient
from fhirkit.sync.source import Pick
from fhirkit.sync.state import State
from fhirkit.sync.worktree import Scan, WorkingTree

#: So many known resources are read, until one is there, to know that the server is the same.
_SENTINELS = 6
#: Asked for when none of those is there, before the server is taken for an empty one.
_MORE_SENTINELS = 200


class Session:
    """Push to and pull from one remote. Make it with ``opened``, which holds the lock."""

    def __init__(self, tree: WorkingTree, state: State, name: str, client: Client) -> None:
        self.tree = tree
        self.state = state
        self.store = BaseStore(state, name)
        self.journal = Journal(state, name)
        self.client = client
        self.server = Counterpart(client, self.store.remote_ids())
        quiet = Options().quiet
        self.quiet = late_commit(tree.config, name) if quiet is None else quiet
        self._met: Met | None = None

    def prepare_push(
        self,
        *,
        ours: Collection[ResourceKey] = (),
        only: Collection[ResourceKey] | None = None,
        every: bool = False,
        look: bool = False,
        scan: Scan | None = None,
    ) -> Prepared:
        """Ask the server about every resource that changed here, and plan.

        ``only`` limits the push to these keys; ``every`` asks about what did not change as well.
        What is new here is taken for new there, since a push finds out by itself; ``look`` asks.
        ``scan`` are other files than those in the tree.
        """
        self.meet()
        settle_open(self.server, self.store, self.journal, quiet=self.quiet)
        scan, base = scan or self.scan(), self.store.entries()
        keys = (scan.entries.keys() | base.keys()) - scan.held
        _must_be_known(ours, keys)
        if only is not None:
            keys &= set(only)
        tracked = self.store.tracked()
        touched = {
            key for key in keys if every or key in tracked or _dirty(scan.entries, base, key)
        }
        new = {key for key in touched if key not in base}
        states = self.server.read_many(touched - new)
        if every or look or ours:
            states.update(self.server.look_for(new, exact=False))
        self._read_again(base, states)
        self._recognise(base, states)
        entries = entries_of(states)
        for key in keys - touched:
            entries[key] = base[key].stored()
        plan = make_plan(Direction.PUSH, keys, scan.entries, base, entries, take=ours)
        known = self.store.rung() is not None
        return Prepared(plan, scan, base, states, known=known, alone=self._alone())

    def push(self, ready: Prepared, options: Options | None = None) -> Report:
        """Carry out a prepared push; deletions only when asked for."""
        options = options or Options()
        plan = ready.plan
        deletions = plan.of(Step.DELETE)
        report = Report(issues=list(ready.scan.issues))
        if options.delete:
            _guard_deletions(len(deletions), len(ready.base), options.max_delete)
        else:
            kept = tuple(action for action in plan.actions if action.step is not Step.DELETE)
            plan = Plan(plan.statuses, kept, plan.conflicts)
            for action in deletions:
                note = "deleted here, kept on the server (push --delete deletes it)"
                report.add(Line(action.key, Result.KEPT, note=note))
        newer = len(plan.keys(Status.BEHIND, Status.GONE))
        if newer:
            report.notes.append(f"{newer} resource(s) changed on the server; fhirkit pull")
        capability = self._capability
        self.journal.begin("push")
        if options.quiet is None:
            options = replace(options, quiet=self.quiet)
        run = start_push(
            self.server, self.store, self.journal, plan, ready, options, capability, report
        )
        report = run.run(plan, ready.remote)
        self.journal.end(report.summary)
        return report

    def fetch(
        self,
        *,
        patient: str | None = None,
        types: Iterable[str] | None = None,
        pick: Pick | None = None,
    ) -> Fetched:
        """Learn what the server holds; no file is touched."""
        pick = pick or Pick()
        met = self.meet()
        settle_open(self.server, self.store, self.journal, quiet=self.quiet)
        note_written(self.tree, self.store)
        base = self.store.entries()
        # Never less than usual: to read a row twice costs little, to miss it may cost a record.
        overlap = max(late_commit(self.tree.config, self.store.remote), OVERLAP)
        fetch = Fetch(
            self.server, self.store, base, lambda: self._recognise_for_reading(base), overlap
        )
        if patient is None:
            return self._types(fetch, met, None if types is None else list(types), pick)
        self._recognise_for_reading(base)
        there = self.server.there(ResourceKey("Patient", patient)).id
        known = self.scan().resources
        theirs = {self.server.there(key): key for key in base}
        selection = select_patient(
            self.client,
            met.capability,
            there,
            {name: self.server.outward(known[key]) for name, key in theirs.items() if key in known},
            theirs,
        )
        fetched = fetch.given(selection.resources, map(self.server.here, selection.absent))
        fetched.notes.extend(selection.notes)
        fetched.incomplete |= selection.incomplete
        return fetched

    def _types(self, fetch: Fetch, met: Met, types: list[str] | None, pick: Pick) -> Fetched:
        """Fetch types. What is refused, though the server said that it offers it, is looked up
        again: what was remembered of its statement may be out of date.
        """
        trouble: FhirkitError | None = None
        try:
            fetched = fetch_by(fetch, met.capability, types, pick)
        except Busy:
            raise
        except (Refused, UsageError, Blocked) as problem:
            trouble, fetched = problem, fetch.result
        if met.from_memory and (trouble is not None or fetched.incomplete):
            now = self.meet(afresh=True).capability
            if now != met.capability:
                return fetch_by(fetch.again(), now, types, pick)
        if trouble is not None:
            raise trouble
        return fetched

    def prepare_pull(
        self,
        *,
        patient: str | None = None,
        types: Iterable[str] | None = None,
        theirs: Collection[ResourceKey] = (),
        max_delete: int | None = None,
        pick: Pick | None = None,
    ) -> Prepared:
        """Fetch what is selected and plan; ``Blocked`` when suspiciously much would go away."""
        fetched = self.fetch(patient=patient, types=types, pick=pick)
        scan, base, tracked = self.scan(), self.store.entries(), self.store.tracked()
        keys = {
            key
            for key in (scan.entries.keys() | base.keys() | tracked.keys()) - scan.held
            if fetched.covers(key)
        }
        _must_be_known(theirs, keys)
        plan = make_plan(
            Direction.PULL, keys, scan.entries, base, last_seen(base, tracked), take=theirs
        )
        going = len(plan.of(Step.DISCARD))
        if going > (MAX_DELETE if max_delete is None else max_delete) or 1 < going == len(base):
            right = f"fhirkit pull --max-delete {going}"
            if going == len(base):
                right = f"fhirkit remote reset {self.store.remote}"
            raise Blocked(
                f"{going} of {len(base)} resources are gone on the server; no file was changed",
                advice=f"if that is right: {right}",
            )
        return Prepared(plan, scan, base, fetched=fetched)

    def pull(self, ready: Prepared, judgement: Judgement | None = None) -> Report:
        """Carry out a prepared pull; with ``judgement`` both sides' changes are merged."""
        self.journal.begin("pull")
        report = apply_pull(self.tree, self.store, ready.scan, ready.plan, ready.fetched, judgement)
        self.journal.end(report.summary)
        return report

    def scan(self) -> Scan:
        """What the files hold now."""
        return scanned(self.tree, self.state)

    def _recognise_for_reading(self, base: Base) -> None:
        # An emptied server has an empty history as well, which looks like no change at all.
        with suppress(Refused):  # what may not be read is told by the fetch itself
            self._recognise(base, {})

    def _recognise(self, base: Base, states: Remote) -> None:
        """Make sure that what was agreed on is there: else it is another server, or an empty one.

        A push asks about little; so one that nobody touched is asked for besides, or a few.
        """
        known = {key: one for key, one in states.items() if key in base}
        for key in self.store.sample(_SENTINELS):
            if any(one is not None for one in known.values()):
                return  # one is enough: it is neither empty nor another
            if key not in known:
                known[key] = self.server.read(key)
        if emptied(base, entries_of(known), known) and len(base) > 1:
            # A few may have been deleted by somebody; so more are asked for before that is said.
            more = islice((key for key in base if key not in known), _MORE_SENTINELS)
            known |= self.server.read_many(more, exact=True)
        if emptied(base, entries_of(known), known) and len(base) > 1:
            raise Blocked(
                f"nothing that was pushed to {self.store.remote} is there any more: "
                "it was emptied, or another server stands at its address",
                advice=f"fhirkit remote reset {self.store.remote} begins anew with it",
            )

    def _read_again(self, base: Base, remote: Remote) -> None:
        """Read what looks unlike what was agreed on: searches may lag. ``Blocked`` if older."""
        shown = entries_of(remote)
        unlike = {k for k, one in shown.items() if k in base and one.hash != base[k].remote_hash}
        fresh = self.server.read_many(unlike.union(receded(base, shown)), exact=True)
        if receded(base, entries_of(fresh)):
            raise Blocked(
                f"{self.store.remote} holds older versions than were agreed on: "
                "was it restored from a backup?",
                advice=f"fhirkit remote reset {self.store.remote} begins anew with it",
            )
        remote.update(fresh)

    @property
    def _capability(self) -> Capability | None:
        return self._met.capability if self._met is not None else None

    def _alone(self) -> bool:
        """Whether nothing can be written but one resource at a time."""
        said = self._capability
        return self.store.goes_alone() or (said is not None and not said.has_transaction)

    def meet(self, *, afresh: bool = False) -> Met:
        """Make sure that the server is the one it was before, and can do what is wanted."""
        self._met = meet(self.client, self.store, afresh=afresh)
        return self._met


_S = TypeVar("_S", bound=Session)


@contextmanager
def opened_as(kind: type[_S], tree: WorkingTree, name: str, client: Client) -> Iterator[_S]:
    """A session of a kind, under the tree's lock."""
    with locked(tree.state), State(tree.database) as state:
        try:
            yield kind(tree, state, name, client)
            state.tidy()
        finally:
            client.close()


def opened(tree: WorkingTree, name: str, client: Client) -> AbstractContextManager[Session]:
    """A session under the tree's lock."""
    return opened_as(Session, tree, name, client)


def agreed(tree: WorkingTree, name: str) -> Mapping[ResourceKey, dict[str, Any]]:
    """Our side of everything that was last agreed with a remote; empty before a first time."""
    if not tree.database.exists():
        return {}
    with State(tree.database) as state:
        store = BaseStore(state, name)
        contents = {key: store.content(entry.sent_hash) for key, entry in store.entries().items()}
    return {key: content for key, content in contents.items() if content is not None}


def counterpart_of(tree: WorkingTree, name: str, client: Client) -> Counterpart:
    """A remote as the tree sees it, under the ids that its resources have here."""
    if not tree.database.exists():
        return Counterpart(client)
    with State(tree.database) as state:
        return Counterpart(client, BaseStore(state, name).remote_ids())


def _must_be_known(named: Collection[ResourceKey], keys: Collection[ResourceKey]) -> None:
    for key in sorted(named):
        if key not in keys:
            raise UsageError(f"{key}: is nothing that this would push or pull")


def _guard_deletions(going: int, known: int, most: int | None) -> None:
    # An emptied folder is no order to delete everything, its number is one.
    if going > (MAX_DELETE if most is None else most) or (1 < going == known and going != most):
        raise Blocked(
            f"{going} of {known} resources would be deleted on the server; nothing was sent",
            advice=f"if that is right: fhirkit push --delete --max-delete {going}",
        )


def _dirty(local: Listing, base: Base, key: ResourceKey) -> bool:
    mine, known = local.get(key), base.get(key)
    if mine is None or known is None:
        return mine is not None or known is not None
    return mine.hash != known.sent_hash
