"""Carry out a push: groups in the order of their references, several at once, halved on refusal.

A group is one transaction (``flight``). A refused one is halved along its components until the
culprit stands alone; what refers to something that could not be created waits, the others go on.
Only requests are made in workers; what they learn goes into one database under one lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from fhirkit.core.errors import (
    Conflict,
    FhirkitError,
    Refused,
    Unreachable,
)
from fhirkit.core.resource import ResourceKey
from fhirkit.remote.alone import not_taken
from fhirkit.remote.capability import Capability
from fhirkit.remote.failures import Stale, outcome_texts
from fhirkit.sync.answer import Rung
from fhirkit.sync.deletions import delete_all
from fhirkit.sync.entry import Entry, version_id
from fhirkit.sync.flight import IN_CONFLICT, MEANWHILE, Flight
from fhirkit.sync.ground import Ground
from fhirkit.sync.habits import Habits
from fhirkit.sync.journal import OpState
from fhirkit.sync.ladder import ladder_for, prove
from fhirkit.sync.order import FIRST, Component, Graph, Schedule
from fhirkit.sync.ownership import Whose, agree_on_sent, recognise, whose
from fhirkit.sync.pace import Pace, too_large
from fhirkit.sync.plan import Action, Plan, Status, Step, classify
from fhirkit.sync.results import Line, Report, Result
from fhirkit.sync.trouble import final, hopeless

#: Statuses that say something about what was sent; others say something about the server.
_ABOUT_CONTENT = (400, 409, 412, 413, 422)
#: After so many single resources refused in a row for a reason of the server's, the run ends.
_ENOUGH = 3

#: So many members of a circle are named in a message.
_NAMED = 20
_RESPELLED = "the answer was lost; what is there is ours, as this server stores it"
_GROWN = (
    "the answer was lost, and the server holds more than was sent: its own or somebody's; "
    "fhirkit pull brings it"
)

_Remote = Mapping[ResourceKey, dict[str, Any] | None]


class Push:
    """One push over some ground. ``capability`` is what the server says of creating; ``known``:
    the first group need not be a small one.
    """

    def __init__(
        self,
        ground: Ground,
        graph: Graph,
        *,
        capability: Capability | None = None,
        pace: Pace | None = None,
        at_least_once: bool = False,
        known: bool = False,
    ) -> None:
        self.ground = ground
        self.graph = graph
        self.pace = pace or Pace()
        self.report: Report = ground.report
        self.at_least_once = at_least_once
        self._capability = capability
        self._barren = 0
        self._begun = known
        if ground.alone:
            self.pace.only_one()
        ground.edges = graph.edges

    def run(self, plan: Plan, remote: _Remote) -> Report:
        """Carry out the plan as far as it goes; trouble that ended it is in the report."""
        local = self.ground.local
        for key in plan.keys(Status.CLEAN, Status.CONVERGED):
            if key in local or plan.statuses[key] is Status.CLEAN:
                version = version_id(remote.get(key) or {})
                self.report.add(Line(key, Result.UNCHANGED, version))
        for key, reason in plan.conflicts.items():
            self.report.add(Line(key, Result.CONFLICT, note=reason))
            self.ground.held[key] = IN_CONFLICT
        actions = {action.key: action for action in plan.of(Step.CREATE, Step.UPDATE)}
        deletions = list(plan.of(Step.DELETE))
        try:
            self._bookkeeping(plan, remote)
            try:
                self._send_all(actions)
            finally:
                self._attribute()
            delete_all(self.ground, deletions)
        except FhirkitError as problem:
            self.report.trouble = problem
            for action in [*actions.values(), *deletions]:
                if action.key not in self.report.lines:
                    self.report.add(Line(action.key, Result.UNKNOWN, note="the run ended before"))
        return self.report

    def _bookkeeping(self, plan: Plan, remote: _Remote) -> None:
        store = self.ground.store
        with store.transaction():
            for action in plan.of(Step.RECORD, Step.FORGET):
                theirs = remote.get(action.key)
                if action.step is Step.FORGET or theirs is None:
                    store.forget(action.key)
                else:
                    store.agree(action.key, self.ground.local[action.key], theirs)

    def _attribute(self) -> None:
        """Say whose it is what was found after lost answers, with all that the run has shown."""
        store = self.ground.store
        habits = Habits(store)
        for action, sent, found, remote_id in self.ground.unattributed:
            key, done = action.key, Result.UPDATED
            if action.step is Step.CREATE:
                done = Result.CREATED
            with store.transaction():
                owner = whose(habits, action.step, sent, found)
                if owner is Whose.UNKNOWN:
                    mine, base = Entry.of(sent), self.ground.base.get(key)
                    reason = classify(mine, base, Entry.of(found))[1] or MEANWHILE
                    line = Line(key, Result.CONFLICT, note=reason)
                elif owner is Whose.OURS:
                    store.agree(key, sent, found, remote_id=remote_id)
                    line = Line(key, done, version_id(found), _RESPELLED)
                else:
                    agree_on_sent(store, key, sent, found, remote_id)
                    line = Line(key, done, version_id(found), _GROWN)
                conflict = owner is Whose.UNKNOWN
                state = OpState.CONFLICT if conflict else OpState.APPLIED
                self.ground.journal.settle(key, state, line.note)
            self.report.add(line)
        self.ground.unattributed.clear()
        recognise(store)

    # -- creates and updates ----------------------------------------------------------------

    def _send_all(self, actions: dict[ResourceKey, Action]) -> None:
        schedule = Schedule(self.graph, actions)
        again: deque[list[Component]] = deque()
        running: dict[Future[list[list[Component]]], list[Component]] = {}
        trouble: FhirkitError | None = None
        pool = ThreadPoolExecutor(max_workers=self.pace.most, thread_name_prefix="push")
        try:
            while True:
                while trouble is None and len(running) < self.pace.width:
                    group = self._next(again, schedule)
                    if not group:
                        break
                    ready = self._without_waiting(group, schedule)
                    if ready:
                        running[pool.submit(self._attempt, ready, actions)] = ready
                if not running:
                    break
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    group = running.pop(future)
                    try:
                        halves = future.result()
                    except FhirkitError as problem:
                        trouble = trouble or problem
                        continue
                    again.extendleft(reversed(halves))
                    open_parts = {part for half in halves for part in half}
                    for part in group:
                        if part not in open_parts:
                            schedule.done(part)
        except BaseException:
            self.ground.stop()
            raise
        finally:
            pool.shutdown(cancel_futures=True)
        if trouble is not None:
            raise trouble

    def _next(self, again: deque[list[Component]], schedule: Schedule) -> list[Component]:
        """The next group to send: first what is to be tried again, as far as it may go yet."""
        for number, group in enumerate(again):
            first, *rest = self.pace.cut(group)
            if schedule.may_go(first):
                del again[number]
                for part in reversed(rest):
                    again.insert(number, part)
                return first
        limits = self.pace.limits
        if not self._begun:
            # What this server does is learned from one part; the others need not be in doubt.
            self._begun, limits = True, FIRST
        return schedule.take(limits)

    def _without_waiting(self, group: list[Component], schedule: Schedule) -> list[Component]:
        """The group without what refers to a conflict, or to what could not be created."""
        ready: list[Component] = []
        held = self.ground.held
        for part in group:
            missing = {to for key in part for to in self.graph.edges[key] if to in held}
            if not missing - set(part):
                ready.append(part)
                continue
            reason = held[min(missing - set(part))]
            held.update(dict.fromkeys(part, reason))
            note = f"refers to {min(missing - set(part))}, which {reason}"
            for key in part:
                self.report.add(Line(key, Result.WAITING, note=note))
            schedule.done(part)
        return ready

    def _attempt(
        self, parts: list[Component], actions: Mapping[ResourceKey, Action]
    ) -> list[list[Component]]:
        """Bring a group to the server; what is returned is to be tried as separate groups."""
        group = [actions[key] for part in parts for key in part]
        ladder = ladder_for(
            self.ground, group, self._capability, alone=len(parts) == 1,
            at_least_once=self.at_least_once,
        )  # fmt: skip
        flight = Flight(self.ground, group, ladder.pop(0))
        policy = self.ground.server.client.transport.policy
        # After a first failure the parts of a group are tried for shorter.
        tries = 2 if self._barren else policy.tries
        if not (self.ground.proven and flight.rung.overwrites_nothing):
            flight.look_first()
            if not flight.todo:
                return []
        attempt = 0
        while attempt < tries:
            if self.ground.alone and self._needs_a_transaction(flight):
                return self._blocked(list(flight.todo.values()))
            if self.ground.stopping.is_set():
                raise Unreachable("the push was interrupted", sent=False)
            rung = flight.rung
            moved = flight.once(policy.wait(attempt + 1))
            if flight.arrived:
                self._barren = 0
                prove(self.ground, flight, group, at_least_once=self.at_least_once)
            if not flight.todo:
                self.pace.went_well(len(group))
                return []
            self.pace.met(flight.trouble, len(group))
            parted = self._parted(flight, parts, ladder, moved=moved)
            if parted is not None:
                return parted
            attempt += flight.rung is rung
        trouble = flight.trouble
        if isinstance(trouble, Stale) or (isinstance(trouble, Refused) and trouble.status == 500):
            return self._split(flight, parts, trouble)
        raise trouble

    def _parted(
        self, flight: Flight, parts: list[Component], ladder: list[Rung], *, moved: bool
    ) -> list[list[Component]] | None:
        """What to try as separate groups after trouble; None to try the same group again."""
        trouble, ground = flight.trouble, self.ground
        if hopeless(trouble):
            raise trouble
        unsaid = self._capability is None or self._capability.interactions is None
        no_bundles = not_taken(trouble) and not (moved or ground.alone or ground.proven)
        if unsaid and no_bundles:
            return self._by_themselves(parts)
        # Where nothing is, a guard that finds something in the way is none.
        useless = isinstance(trouble, Stale) and flight.rung.overwrites_nothing
        if moved or not (final(trouble) or useless):
            return None
        creating = any(one.step is Step.CREATE for one in flight.todo.values())
        if ladder and creating and not too_large(trouble):
            # Perhaps the server does not know this way of creating.
            flight.rung = ladder.pop(0)
            return None
        if no_bundles:
            return self._by_themselves(parts)  # whatever its CapabilityStatement says
        return self._split(flight, parts, trouble) if final(trouble) else None

    def _by_themselves(self, parts: list[Component]) -> list[list[Component]]:
        """It takes no transactions, or not there: each resource goes alone from now on."""
        self.ground.alone = True
        self.pace.only_one()
        return [parts]

    def _split(
        self, flight: Flight, parts: list[Component], trouble: FhirkitError
    ) -> list[list[Component]]:
        left = [part for part in parts if any(key in flight.todo for key in part)]
        if len(left) > 1 and too_large(trouble):
            return [left]  # and it will be cut to what is left of the limits
        if len(left) > 1:
            middle = len(left) // 2
            return [left[:middle], left[middle:]]
        self._barren += 1
        status = getattr(trouble, "status", 0)
        if status not in _ABOUT_CONTENT and not too_large(trouble) and self._barren >= _ENOUGH:
            raise trouble
        said = tuple(outcome_texts(getattr(trouble, "outcome", None)))
        result, state, reason = Result.REFUSED, OpState.REJECTED, "is not on the server"
        note = trouble.message
        if isinstance(trouble, Conflict):
            result, state, reason = Result.CONFLICT, OpState.CONFLICT, IN_CONFLICT
        elif too_large(trouble):
            result, note = Result.BLOCKED, self._too_large(list(flight.todo))
        with self.ground.store.transaction():
            for key, action in flight.todo.items():
                self.report.add(Line(key, result, note=note, said=said))
                self.ground.journal.settle(key, state, note)
                if action.step is Step.CREATE or result is Result.CONFLICT:
                    self.ground.held[key] = reason
        return []

    def _needs_a_transaction(self, flight: Flight) -> bool:
        """Whether it is a circle, or refers to itself by an id that the server has yet to give."""
        (first, *others) = flight.todo.values()
        new = first.step is Step.CREATE and not flight.rung.ours
        return bool(others) or (new and first.key in self.graph.edges[first.key])

    def _blocked(self, circle: list[Action]) -> list[list[Component]]:
        """A circle that cannot be sent, since the server takes one resource at a time."""
        note = "refers to itself, and the server gives the id and offers no transactions"
        if len(circle) > 1:
            self._tell_circle([one.key for one in circle], "the server offers no transactions")
            note = f"one of {len(circle)} in a circle, and the server offers no transactions"
        with self.ground.store.transaction():
            for action in circle:
                self.report.add(Line(action.key, Result.BLOCKED, note=note))
                self.ground.journal.settle(action.key, OpState.REJECTED, note)
                if action.step is Step.CREATE:
                    self.ground.held[action.key] = "is not on the server"
        return []

    def _too_large(self, keys: list[ResourceKey]) -> str:
        """Why these, which cannot be sent in smaller groups, are not on the server."""
        if len(keys) == 1:
            size = self.graph.sizes[keys[0]]
            return f"{size:,} bytes are more than the server takes; nothing of it was stored"
        self._tell_circle(keys, "that is more than the server takes at once (raise its limit)")
        return f"one of {len(keys)} in a circle, more than the server takes at once"

    def _tell_circle(self, keys: list[ResourceKey], why: str) -> None:
        circle = ", ".join(map(str, keys[:_NAMED])) + (", …" if len(keys) > _NAMED else "")
        self.report.notes.append(
            f"{len(keys)} resources refer to each other in a circle and can only be sent together, "
            f"but {why}: {circle}; leave one of the references out. Nothing of them was stored"
        )
