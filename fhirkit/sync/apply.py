"""Carry out a push: write in order, read back, record only what is proven.

A group of writes is one transaction. Whatever the answer (lost, late, cut, wrong, a refusal), the
remote is read again and the planner's table decides anew for what has moved; a version that
changed meanwhile so becomes a conflict and not an overwriting. A refused group is halved along
its components until the culprit stands alone, and the others go on.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fhirkit.core.errors import (
    BadAnswer,
    Blocked,
    Conflict,
    FhirkitError,
    Refused,
    RemoteError,
    Unreachable,
)
from fhirkit.core.resource import ResourceKey, content_hash
from fhirkit.remote.client import Client, Written
from fhirkit.remote.failures import Busy, Stale, outcome_texts
from fhirkit.remote.listing import read_many
from fhirkit.sync.answer import Said, interpret, transaction
from fhirkit.sync.doubt import Fate, fate, past_version
from fhirkit.sync.entry import Base, Entry, trace_of, version_id
from fhirkit.sync.ledger import Ledger
from fhirkit.sync.order import Limits, components, pack, targets
from fhirkit.sync.plan import Action, Direction, Plan, Status, Step, make_plan
from fhirkit.sync.results import Line, Report, Result

#: Statuses that say something about what was sent; others say something about the server.
_ABOUT_CONTENT = (400, 409, 412, 413, 422)
#: After so many single resources refused in a row for a reason of the server's, the run ends.
_ENOUGH = 3
_HOLLOW = BadAnswer("transaction: the server said yes, and what was sent is not there")


def transactions(
    plan: Plan, local: Mapping[ResourceKey, dict[str, Any]], limits: Limits | None = None
) -> list[list[Action]]:
    """The creates and updates of a plan as groups in the order they are sent."""
    actions = {action.key: action for action in plan.of(Step.CREATE, Step.UPDATE)}
    groups = pack(local, components(local, actions), limits)
    return [[actions[key] for component in group for key in component] for group in groups]


@dataclass
class Push:
    """One push: ``local`` resources, the ``base`` and the remote they are brought to."""

    client: Client
    ledger: Ledger
    local: Mapping[ResourceKey, dict[str, Any]]
    base: Base
    limits: Limits = field(default_factory=Limits)
    report: Report = field(default_factory=Report)
    only_new: bool = True
    _failed: set[ResourceKey] = field(default_factory=set)
    _agreed: list[tuple[ResourceKey, dict[str, Any]]] = field(default_factory=list)
    _barren: int = 0

    def run(self, plan: Plan, remote: Mapping[ResourceKey, dict[str, Any] | None]) -> Report:
        """Carry out the plan as far as it goes; trouble that ended it is in the report."""
        for key in plan.keys(Status.CLEAN, Status.CONVERGED):
            if key in self.local:
                version = version_id(remote.get(key) or {})
                self.report.add(Line(key, Result.UNCHANGED, version))
        for key, reason in plan.conflicts.items():
            self.report.add(Line(key, Result.CONFLICT, note=reason))
        waiting = deque(transactions(plan, self.local, self.limits))
        try:
            self._bookkeeping(plan, remote)
            while waiting:
                group = self._without_waiting(waiting[0])
                halves = self._attempt(group) if group else []
                waiting.popleft()
                waiting.extendleft(reversed(halves))
            self._delete(list(plan.of(Step.DELETE)))
        except FhirkitError as problem:
            self.report.trouble = problem
            for action in [*(one for group in waiting for one in group), *plan.of(Step.DELETE)]:
                if action.key not in self.report.lines:
                    self.report.add(Line(action.key, Result.UNKNOWN, note="the run ended before"))
        return self.report

    def _bookkeeping(self, plan: Plan, remote: Mapping[ResourceKey, dict[str, Any] | None]) -> None:
        with self.ledger.transaction():
            for action in plan.of(Step.RECORD, Step.FORGET):
                theirs = remote.get(action.key)
                if action.step is Step.FORGET or theirs is None:
                    self.ledger.forget(action.key)
                else:
                    self.ledger.agree(action.key, self.local[action.key], theirs)

    def _without_waiting(self, group: list[Action]) -> list[Action]:
        """The group without what refers to something that could not be created."""
        ready: list[Action] = []
        for action in group:
            missing = targets(self.local[action.key]) & self._failed
            if missing - {action.key}:
                if action.step is Step.CREATE:
                    self._failed.add(action.key)
                note = f"refers to {min(missing)}, which is not on the server"
                self.report.add(Line(action.key, Result.WAITING, note=note))
            else:
                ready.append(action)
        return ready

    def _attempt(self, group: list[Action]) -> list[list[Action]]:
        """Bring a group to the server; what is returned is to be tried as separate groups."""
        todo = {action.key: action for action in group}
        request_ids: set[str] = set()
        policy = self.client.transport.policy
        trouble: FhirkitError = _HOLLOW
        # After a first failure the parts of a group are tried for shorter.
        tries = 2 if self._barren else policy.tries
        for attempt in range(1, tries + 1):
            request_id = secrets.token_hex(8)
            request_ids.add(request_id)
            said = self._send(list(todo.values()), request_id)
            if _passing(said.trouble):
                asked = said.trouble.wait if isinstance(said.trouble, Busy) else None
                self.client.transport.sleep(policy.wait(attempt, asked))
            moved = self._look(todo, said, request_ids)
            if not todo:
                return []
            if said.foreign:
                raise Blocked(
                    "the server gave a resource another id than it was sent with, so pushing "
                    "again would make a second one",
                    advice="allow client-assigned ids on the server",
                )
            trouble = said.trouble or _HOLLOW
            if _hopeless(trouble):
                raise trouble
            if _final(trouble) and not moved:
                if self.only_new and any(one.step is Step.CREATE for one in todo.values()):
                    # Perhaps the server does not know If-None-Match on a PUT.
                    self.only_new = False
                    continue
                return self._split(todo, trouble)
        if isinstance(trouble, Stale) or (isinstance(trouble, Refused) and trouble.status == 500):
            return self._split(todo, trouble)
        raise trouble

    def _send(self, actions: list[Action], request_id: str) -> Said:
        bundle = transaction(actions, self.local, only_new=self.only_new)
        self.ledger.intend(((one.key, self.local[one.key]) for one in actions), request_id)
        try:
            return interpret(self.client.transaction(bundle, request_id=request_id), actions)
        except (RemoteError, Conflict) as problem:
            return Said(trouble=problem)

    def _look(self, todo: dict[ResourceKey, Action], said: Said, ids: set[str]) -> bool:
        """Read back, settle what is done or overtaken; whether anything had moved."""
        states = read_many(self.client, todo, exact=said.trouble is not None)
        moved = False
        try:
            for key, action in list(todo.items()):
                now, written = states[key], said.confirmed.get(key)
                verdict = self._fate(action, now, written, ids)
                if verdict is not Fate.APPLIED and said.trouble is None:
                    now = self.client.read(key)  # a search may lag behind
                    verdict = self._fate(action, now, written, ids)
                if verdict is Fate.OPEN:
                    continue
                moved = True
                if verdict is Fate.APPLIED and now is not None:
                    self._done(action, now, written, ids)
                elif not self._overtaken(action, now, written, ids):
                    self._decide_again(todo, action, now)
                    continue
                del todo[key]
        finally:
            with self.ledger.transaction():
                for key, stored in self._agreed:
                    self.ledger.agree(key, self.local[key], stored)
            self._barren = 0 if self._agreed else self._barren
            self._agreed.clear()
        return moved

    def _fate(
        self, action: Action, now: dict[str, Any] | None, written: Written | None, ids: set[str]
    ) -> Fate:
        sent_hash = content_hash(self.local[action.key])
        return fate(sent_hash, ids, seen=action.seen, now=now, written=written)

    def _done(
        self, action: Action, stored: dict[str, Any], written: Written | None, ids: set[str]
    ) -> None:
        key, sent = action.key, self.local[action.key]
        self._agreed.append((key, stored))
        result = Result.CREATED if action.step is Step.CREATE else Result.UPDATED
        note = ""
        if content_hash(stored) != content_hash(sent):
            note = "the server stored it in another form (fhirkit diff --remote shows it)"
        if action.step is Step.CREATE and written is not None and written.status == 200:
            earlier = self._written_over(key, ids)
            if earlier is not None:
                result = Result.CONFLICT
                note = (
                    f"somebody created it at the same moment; theirs is version {earlier}, "
                    "in the server's history"
                )
        self.report.add(Line(key, result, version_id(stored), note))

    def _written_over(self, key: ResourceKey, ids: set[str]) -> str | None:
        """The version of somebody else that a create replaced, on a server without a guard."""
        sent_hash = content_hash(self.local[key])
        for version in self.client.history(key):
            if content_hash(version) != sent_hash and trace_of(version) not in ids:
                return version_id(version) or "before"
        return None

    def _overtaken(
        self,
        action: Action,
        now: dict[str, Any] | None,
        written: Written | None,
        ids: set[str],
    ) -> bool:
        """Whether ours did arrive and was changed since; then that version is the base."""
        if now is None:
            return False
        key, sent = action.key, self.local[action.key]
        stored = None
        if written is not None and written.version_id is not None:
            stored = self.client.vread(key, written.version_id)
        if stored is None:
            stored = past_version(self.client, key, content_hash(sent), ids, seen=action.seen)
        if stored is None:
            return False
        self._agreed.append((key, stored))
        result = Result.CREATED if action.step is Step.CREATE else Result.UPDATED
        note = "changed on the server since; fhirkit pull brings it"
        self.report.add(Line(key, result, version_id(stored), note))
        return True

    def _decide_again(
        self, todo: dict[ResourceKey, Action], action: Action, now: dict[str, Any] | None
    ) -> None:
        """The remote's copy is not the one the plan was made on: ask the table once more."""
        key = action.key
        remote = {} if now is None else {key: Entry.of(now)}
        plan = make_plan(Direction.PUSH, [key], {key: Entry.of(self.local[key])}, self.base, remote)
        again = plan.of(Step.CREATE, Step.UPDATE)
        if again:
            todo[key] = again[0]
            return
        reason = plan.conflicts.get(key, "changed on the server meanwhile")
        self.report.add(Line(key, Result.CONFLICT, note=reason))
        self.ledger.settle(key)
        del todo[key]

    def _split(self, todo: dict[ResourceKey, Action], trouble: FhirkitError) -> list[list[Action]]:
        parts = components(self.local, todo)
        if len(parts) > 1:
            middle = len(parts) // 2
            halves = (parts[:middle], parts[middle:])
            return [[todo[key] for part in half for key in part] for half in halves]
        self._barren += 1
        if getattr(trouble, "status", 0) not in _ABOUT_CONTENT and self._barren >= _ENOUGH:
            raise trouble
        result = Result.CONFLICT if isinstance(trouble, Conflict) else Result.REFUSED
        said = tuple(outcome_texts(getattr(trouble, "outcome", None)))
        for key, action in todo.items():
            self.report.add(Line(key, result, note=trouble.message, said=said))
            self.ledger.settle(key)
            if action.step is Step.CREATE:
                self._failed.add(key)
        return []

    def _delete(self, actions: list[Action]) -> None:
        """Delete one by one, again while it helps: a referrer must go before its target."""
        while actions:
            left = [action for action in actions if not self._delete_one(action)]
            if len(left) == len(actions):
                return
            actions = left

    def _delete_one(self, action: Action) -> bool:
        """Read, compare, delete, read: some servers ignore If-Match on DELETE."""
        key = action.key
        now = self.client.read(key)
        if now is not None and (action.seen is None or Entry.of(now).hash != action.seen.hash):
            self.report.add(Line(key, Result.CONFLICT, note="deleted here, changed on the server"))
            return True
        if now is not None:
            try:
                self.client.delete(key, if_match=version_id(now))
            except (Unreachable, BadAnswer, Busy) as problem:
                if self.client.read(key) is not None:
                    raise problem from None
            except (Refused, Conflict) as problem:
                said = tuple(outcome_texts(getattr(problem, "outcome", None)))
                note = problem.message
                self.report.add(Line(key, Result.REFUSED, note=note, said=said))
                return False
            if self.client.read(key) is not None:
                note = "the server said that it deleted it, and still has it"
                self.report.add(Line(key, Result.REFUSED, note=note))
                return False
        self.ledger.forget(key)
        self.report.add(Line(key, Result.DELETED))
        return True


def _passing(trouble: FhirkitError | None) -> bool:
    """Trouble that may be over in a moment."""
    return isinstance(trouble, (Busy, Unreachable, BadAnswer, Stale))


def _hopeless(trouble: FhirkitError) -> bool:
    """Nobody listens (the transport has tried often enough), or we may not speak."""
    if isinstance(trouble, Unreachable):
        return not trouble.sent
    return isinstance(trouble, Refused) and trouble.status == 401


def _final(trouble: FhirkitError) -> bool:
    return isinstance(trouble, Refused) and not isinstance(trouble, Busy)
