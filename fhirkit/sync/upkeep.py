"""A session's rarer work: finish or give up, prove, settle conflicts, adopt what is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

from fhirkit.core.errors import UsageError
from fhirkit.core.resource import ResourceKey
from fhirkit.remote.client import Client
from fhirkit.remote.export import Job
from fhirkit.sync.conflicts import Judgement, Sides, settle, stored_form
from fhirkit.sync.doubt import settle_open
from fhirkit.sync.entry import Base, Entry
from fhirkit.sync.merge import Side
from fhirkit.sync.offline import offline_plan
from fhirkit.sync.plan import Status, Step, classify
from fhirkit.sync.prepared import Options
from fhirkit.sync.pull import sides_of
from fhirkit.sync.results import Line, Report, Result
from fhirkit.sync.session import Session, opened_as
from fhirkit.sync.worktree import Scan, WorkingTree

#: Said of what the server holds as agreed on, and as something else than it was sent.
OTHER_FORM = "stored in another form"
#: So many resources are read and compared at a time.
_VERIFIED = 1000


class Upkeep(Session):
    """A session that can also put things in order."""

    def resume(self) -> Report:
        """Finish what an interrupted push had planned: what became of it, then the rest."""
        self.meet()
        # What is in doubt and had not arrived is the interrupted push's to send, too.
        left = self.journal.unfinished()
        arrived = settle_open(self.server, self.store, self.journal, quiet=self.quiet)
        planned = {one.key for one in left}
        deletes = [one for one in left if one.step is Step.DELETE]
        ready = self.prepare_push(only=planned)
        report = self.push(ready, Options(delete=bool(deletes), max_delete=len(deletes)))
        report.notes.insert(0, f"{arrived} write(s) of an earlier run had arrived")
        return report

    def abort(self) -> tuple[int, int, int]:
        """Give up what was interrupted: how many writes had arrived, how many are dropped, and
        how many bulk exports were ended at the server.
        """
        self.meet()
        exports = self.store.exports()
        for selection, status, _ in exports:
            Job(self.client, status).cancel()
            self.store.drop_export(selection)
        arrived = settle_open(self.server, self.store, self.journal, quiet=self.quiet)
        return arrived, self.journal.drop_planned("given up by abort"), len(exports)

    def verify(self) -> Report:
        """Read everything agreed on from the server again, and compare it with the tree."""
        self.meet()
        settle_open(self.server, self.store, self.journal, quiet=self.quiet)
        scan, base = self.scan(), self.store.entries()
        report = Report(issues=list(scan.issues))
        keys = sorted((scan.entries.keys() | base.keys()) - scan.held)
        for start in range(0, len(keys), _VERIFIED):
            part = keys[start : start + _VERIFIED]
            states = self.server.read_many(part)
            # A search may lag behind: what it shows otherwise is read before that is said.
            unlike = [key for key in part if _told(scan, base, states, key)[0] is not Status.CLEAN]
            states |= self.server.read_many(unlike, exact=True)
            for key in part:
                status, reason = _told(scan, base, states, key)
                if status is Status.CLEAN:
                    known = base.get(key)
                    other = known is not None and known.sent_hash != known.remote_hash
                    line = Line(key, Result.UNCHANGED, note=OTHER_FORM if other else "")
                else:
                    line = Line(key, Result.DIFFERS, note=reason or str(status))
                report.add(line)
        return report

    def conflicts(self) -> dict[ResourceKey, Sides]:
        """What changed on both sides, as far as a fetch knows."""
        scan, base = self.scan(), self.store.entries()
        plan = offline_plan(scan, base, self.store.tracked())
        return {key: sides_of(self.store, scan, key) for key in plan.conflicts}

    def resolve(
        self,
        key: ResourceKey,
        *,
        side: Side | None = None,
        choices: Mapping[str, Side] | None = None,
        edited: dict[str, Any] | None = None,
        judgement: Judgement | None = None,
        dry_run: bool = False,
    ) -> str:
        """Settle one conflict; what was, or with ``dry_run`` would be done, in words."""
        sides = self.conflicts().get(key)
        if sides is None:
            raise UsageError(f"{key}: is no conflict with {self.store.remote}")
        mine = self.tree.current(key)
        return settle(
            self.tree, self.store, sides, mine,
            side=side, choices=choices, edited=edited, judgement=judgement, dry_run=dry_run,
        )  # fmt: skip

    def adoptable(self) -> list[tuple[ResourceKey, ResourceKey]]:
        """Resources that are new on both sides and share a business identifier: here, there."""
        scan, base, tracked = self.scan(), self.store.entries(), self.store.tracked()
        here: dict[tuple[str, str, str], ResourceKey] = {}
        for key in sorted(scan.entries.keys() - base.keys()):
            for name in _identifiers(scan.resources[key]):
                here[key.type, *name] = key
        found = []
        for key, entry in tracked.items():
            if entry is None or key in base or key in scan.entries:
                continue
            for name in _identifiers(stored_form(self.store, entry)):
                if (key.type, *name) in here:
                    found.append((here[key.type, *name], key))
                    break
        return found

    def adopt(self, key: ResourceKey, there: ResourceKey) -> None:
        """The resource here is the server's resource ``there``: link them, and change neither.

        What differs is then a conflict, which the next pull merges or keeps.
        """
        self.meet()
        if self.tree.current(key) is None:
            raise UsageError(f"{key}: is not in the tree")
        if key.type != there.type or self.store.entries_of([key]):
            raise UsageError(f"{key}: is of another type, or known to the server already")
        taken = self.server.here(there)
        if self.tree.current(taken) is not None or self.store.entries_of([taken]):
            # Two files of one resource would overwrite each other in turn.
            raise UsageError(
                f"{there}: is in the tree as well, as {taken}",
                advice=f"bring what differs into one of both files; fhirkit rm {taken} or {key}",
            )
        theirs = self.client.read(there)
        if theirs is None:
            raise UsageError(f"{there}: is not on the server")
        self.server.learn(key, there.id)
        with self.store.transaction():
            self.store.untrack(there)
            self.store.link(key, there.id)
            self.store.track(key, self.server.inward(theirs))


def _told(
    scan: Scan, base: Base, states: Mapping[ResourceKey, dict[str, Any] | None], key: ResourceKey
) -> tuple[Status, str]:
    state = states[key]
    remote = None if state is None else Entry.of(state)
    return classify(scan.entries.get(key), base.get(key), remote)


def _identifiers(resource: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Business identifiers with a system, which are meant to name one thing."""
    found = resource.get("identifier")
    for one in found if isinstance(found, list) else [found]:
        if isinstance(one, dict):
            system, value = one.get("system"), one.get("value")
            if isinstance(system, str) and isinstance(value, str):
                yield system, value


def opened_for_upkeep(
    tree: WorkingTree, name: str, client: Client
) -> AbstractContextManager[Upkeep]:
    """A session for upkeep, under the tree's lock."""
    return opened_as(Upkeep, tree, name, client)


def opened_offline(tree: WorkingTree, name: str) -> AbstractContextManager[Upkeep]:
    """A session under the tree's lock that never asks the server."""
    return opened_as(Upkeep, tree, name, Client("http://127.0.0.1:9/fhir"))
