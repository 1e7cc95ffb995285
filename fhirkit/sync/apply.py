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
    BadAnswer,
    Blocked,
    Conflict,
    FhirkitError,
    Refused,
    Unreachable,
)
from fhirkit.core.resource import ResourceKey
from fhirkit.remote.capability import Capability
from fhirkit.remote.failures import Busy, Stale, outcome_texts
from fhirkit.sync.answer import Rung, interpret, transaction
from fhirkit.sync.entry import Entry, version_id
from fhirkit.sync.flight import Flight, Ground, final, hopeless
from fhirkit.sync.journal import OpState
from fhirkit.sync.order import Component, Graph, Schedule
from fhirkit.sync.pace import TOO_LARGE, Pace
from fhirkit.sync.plan import Action, Plan, Status, Step
from fhirkit.sync.results import Line, Report, Result

#: Statuses that say something about what was sent; others say something about the server.
_ABOUT_CONTENT = (400, 409, 412, 413, 422)
#: After so many single resources refused in a row for a reason of the server's, the run ends.
_ENOUGH = 3

_Remote = Mapping[ResourceKey, dict[str, Any] | None]


class Push:
    """One push over some ground. ``capability`` is what the server says of creating."""

    def __init__(
        self,
        ground: Ground,
        graph: Graph,
        *,
        capability: Capability | None = None,
        pace: Pace | None = None,
        at_least_once: bool = False,
    ) -> None:
        self.ground = ground
        self.graph = graph
        self.pace = pace or Pace()
        self.report: Report = ground.report
        self.at_least_once = at_least_once
        self._capability = capability
        self._failed: set[ResourceKey] = set()
        self._barren = 0

    def run(self, plan: Plan, remote: _Remote) -> Report:
        """Carry out the plan as far as it goes; trouble that ended it is in the report."""
        local = self.ground.local
        for key in plan.keys(Status.CLEAN, Status.CONVERGED):
            if key in local or plan.statuses[key] is Status.CLEAN:
                version = version_id(remote.get(key) or {})
                self.report.add(Line(key, Result.UNCHANGED, version))
        for key, reason in plan.conflicts.items():
            self.report.add(Line(key, Result.CONFLICT, note=reason))
        actions = {action.key: action for action in plan.of(Step.CREATE, Step.UPDATE)}
        deletions = list(plan.of(Step.DELETE))
        try:
            self._bookkeeping(plan, remote)
            self._send_all(actions)
            self._delete(deletions)
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
            self.ground.stopping.set()
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
        return schedule.take(self.pace.limits)

    def _without_waiting(self, group: list[Component], schedule: Schedule) -> list[Component]:
        """The group without what refers to something that could not be created."""
        ready: list[Component] = []
        for part in group:
            missing = {to for key in part for to in self.graph.edges[key]} & self._failed
            if not missing - set(part):
                ready.append(part)
                continue
            self._failed.update(part)
            note = f"refers to {min(missing)}, which is not on the server"
            for key in part:
                self.report.add(Line(key, Result.WAITING, note=note))
            schedule.done(part)
        return ready

    def _attempt(
        self, parts: list[Component], actions: Mapping[ResourceKey, Action]
    ) -> list[list[Component]]:
        """Bring a group to the server; what is returned is to be tried as separate groups."""
        group = [actions[key] for part in parts for key in part]
        ladder = self._ladder(group, alone=len(parts) == 1)
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
            attempt += 1
            if self.ground.stopping.is_set():
                raise Unreachable("the push was interrupted", sent=False)
            moved = flight.once(policy.wait(attempt))
            if flight.arrived:
                self._barren = 0
                self._prove(flight, group)
            if not flight.todo:
                self.pace.went_well(len(group))
                return []
            trouble = flight.trouble
            if isinstance(trouble, Stale) and not moved and flight.rung is Rung.ABSENT:
                # It refuses that guard where nothing is, too: so it is none.
                flight.rung = self.ground.rung = Rung.ID
                self.ground.store.set_rung(str(Rung.ID))
            self.pace.met(trouble, len(group))
            if hopeless(trouble):
                raise trouble
            if final(trouble) and not moved:
                judged = getattr(trouble, "status", 0) != TOO_LARGE
                if (
                    judged
                    and ladder
                    and any(one.step is Step.CREATE for one in flight.todo.values())
                ):
                    # Perhaps the server does not know this way of creating.
                    flight.rung = ladder.pop(0)
                    attempt -= 1
                    continue
                return self._split(flight, parts, trouble)
        if isinstance(trouble, Stale) or (isinstance(trouble, Refused) and trouble.status == 500):
            return self._split(flight, parts, trouble)
        raise trouble

    def _ladder(self, group: list[Action], *, alone: bool) -> list[Rung]:
        """The ways of creating to try, best first; only one once the server's is known."""
        ground = self.ground
        if ground.proven:
            return [ground.rung]
        said = self._capability
        kinds = {one.key.type for one in group if one.step is Step.CREATE}
        ours = [said.update_create.get(kind) if said else None for kind in kinds]
        ladder = [Rung.GUARDED, Rung.ID]
        if False in ours:
            ladder = []
        if (not ladder or alone) and True not in ours:
            if not said or all(said.conditional_create.get(kind, True) for kind in kinds):
                ladder.append(Rung.TAG)
            if self.at_least_once:
                ladder.append(Rung.POST)
        if not ladder:
            raise Blocked(
                "the server gives ids itself and knows no conditional create, so a push that is "
                "interrupted could make a resource twice",
                advice="--at-least-once accepts that",
            )
        return ladder

    def _prove(self, flight: Flight, group: list[Action]) -> None:
        """After a first creation: remember the way, and whether the server keeps its guard.

        Tried on a resource that was created a moment ago, with the very same content.
        """
        ground = self.ground
        made = [one for one in group if one.step is Step.CREATE and one.key not in flight.todo]
        if ground.proven or not made or ground.report.lines[made[0].key].result != Result.CREATED:
            return
        rung = flight.rung
        if rung.ours:
            kept = (one for one in (Rung.GUARDED, Rung.ABSENT) if self._keeps(one, flight, made[0]))
            try:
                rung = next(kept, Rung.ID)
            except FhirkitError:
                return  # no answer, so nothing is known: the next group tries again
        ground.rung, ground.proven = rung, True
        ground.store.set_rung(str(rung))

    def _keeps(self, rung: Rung, flight: Flight, made: Action) -> bool:
        """Whether the server refuses to create over something on this rung."""
        ground = self.ground
        bundle = transaction([made], flight.bodies, rung, server=ground.server, tags={})
        try:
            answer = ground.server.client.transaction(bundle)
        except (Refused, Conflict) as problem:
            if isinstance(problem, Busy):
                raise
            return True
        said = interpret(answer, [made], rung, ground.server)
        written = said.confirmed.get(made.key)
        if said.trouble is not None or written is None:
            return isinstance(said.trouble, (Refused, Conflict))
        if written.version_id is not None:
            ground.store.version_moved(made.key, written.version_id)
        return False

    def _split(
        self, flight: Flight, parts: list[Component], trouble: FhirkitError
    ) -> list[list[Component]]:
        left = [part for part in parts if any(key in flight.todo for key in part)]
        if len(left) > 1 and getattr(trouble, "status", 0) == TOO_LARGE:
            return [left]  # and it will be cut to what is left of the limits
        if len(left) > 1:
            middle = len(left) // 2
            return [left[:middle], left[middle:]]
        self._barren += 1
        if getattr(trouble, "status", 0) not in _ABOUT_CONTENT and self._barren >= _ENOUGH:
            raise trouble
        result = Result.CONFLICT if isinstance(trouble, Conflict) else Result.REFUSED
        said = tuple(outcome_texts(getattr(trouble, "outcome", None)))
        with self.ground.store.transaction():
            for key, action in flight.todo.items():
                self.report.add(Line(key, result, note=trouble.message, said=said))
                state = OpState.CONFLICT if result is Result.CONFLICT else OpState.REJECTED
                self.ground.journal.settle(key, state, trouble.message)
                if action.step is Step.CREATE:
                    self._failed.add(key)
        return []

    # -- deletes ----------------------------------------------------------------------------

    def _delete(self, actions: list[Action]) -> None:
        """Delete one by one, again while it helps: a referrer must go before its target."""
        while actions:
            left = [action for action in actions if not self._delete_one(action)]
            if len(left) == len(actions):
                return
            actions = left

    def _delete_one(self, action: Action) -> bool:
        """Read, compare, delete, read: some servers ignore If-Match on DELETE."""
        key, ground = action.key, self.ground
        server, journal = ground.server, ground.journal
        now = server.read(key)
        if now is not None and (action.seen is None or Entry.of(now).hash != action.seen.hash):
            note = "deleted here, changed on the server"
            self.report.add(Line(key, Result.CONFLICT, note=note))
            journal.settle(key, OpState.CONFLICT, note)
            return True
        if now is not None:
            journal.intend([action], "", "delete")
            try:
                server.delete(key, if_match=version_id(now))
            except (Unreachable, BadAnswer, Busy) as problem:
                journal.doubt([key])
                if server.read(key) is not None:
                    raise problem from None
            except (Refused, Conflict) as problem:
                said = tuple(outcome_texts(getattr(problem, "outcome", None)))
                self._not_deleted(key, problem.message, said)
                return False
            if server.read(key) is not None:
                self._not_deleted(key, "the server said that it deleted it, and still has it")
                return False
        with ground.store.transaction():
            ground.store.forget(key, version=version_id(now) if now else action.if_match)
            journal.settle(key, OpState.APPLIED)
        self.report.add(Line(key, Result.DELETED))
        return True

    def _not_deleted(self, key: ResourceKey, note: str, said: tuple[str, ...] = ()) -> None:
        self.report.add(Line(key, Result.REFUSED, note=note, said=said))
        self.ground.journal.settle(key, OpState.REJECTED, note)
