"""One group of writes on its way: sent, answered or not, and looked at until its fate is known.

Whatever the answer (lost, late, cut, wrong, a refusal), the remote is read and the planner's table
decides anew for what has moved; a version that changed meanwhile so becomes a conflict and not an
overwriting. An answer that carries the stored resources is believed once the server has shown
that it tells the truth.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any

from fhirkit.core.errors import Blocked, Conflict, FhirkitError, RemoteError, Unreachable
from fhirkit.core.resource import ResourceKey, content_hash
from fhirkit.remote.client import Written
from fhirkit.remote.failures import Busy
from fhirkit.sync.answer import Rung, Said, interpret, transaction
from fhirkit.sync.doubt import Fate, fate, past_version, written_over
from fhirkit.sync.entry import Entry, version_id
from fhirkit.sync.ground import Ground
from fhirkit.sync.habits import Habits
from fhirkit.sync.journal import OpState
from fhirkit.sync.order import hanging
from fhirkit.sync.ownership import Unattributed, Whose, nothing_new, whose
from fhirkit.sync.plan import Action, Direction, Step, make_plan
from fhirkit.sync.results import Line, Result
from fhirkit.sync.tagging import unmarked
from fhirkit.sync.trouble import HOLLOW, doubtful, passing

IN_CONFLICT = "is in conflict, or waits for one"
MEANWHILE = "changed on the server meanwhile"


class Flight:
    """``todo`` is what is still open; ``trouble`` what the last answer said."""

    def __init__(self, ground: Ground, group: list[Action], rung: Rung) -> None:
        self.ground = ground
        self.rung = rung
        self.todo = {action.key: action for action in group}
        self.bodies = {action.key: ground.local[action.key] for action in group}
        self.hashes = {key: content_hash(body) for key, body in self.bodies.items()}
        self.ids: set[str] = set()
        self.trouble: FhirkitError = HOLLOW
        self._agreed: list[tuple[ResourceKey, dict[str, Any]]] = []
        self._conflicts: list[ResourceKey] = []
        self._foreign: list[ResourceKey] = []
        self._sent_at = 0.0
        self._doubted = False
        self._habits = Habits(ground.store)

    def look_first(self) -> None:
        """Before creating without a guard: what is there already is not created over."""
        creates = [key for key, action in self.todo.items() if action.step is Step.CREATE]
        states = self.ground.server.look_for(creates, exact=False) if creates else {}
        for key, now in states.items():
            if now is None:
                continue
            if content_hash(now) == self.hashes[key]:
                self._agreed.append((key, now))
                self.ground.report.add(Line(key, Result.UNCHANGED, version_id(now)))
                del self.todo[key]
            else:
                self._decide_again(self.todo[key], now)
        self._commit()

    def once(self, wait: float) -> bool:
        """Send what is open and settle what can be told; whether anything had moved.

        ``wait`` are the seconds to let pass after trouble that may be over in a moment.
        """
        ground = self.ground
        said = self._send()
        for key, remote_id in said.created.items():
            existed = said.confirmed[key].status == 200
            if existed and ground.server.is_marked(key, remote_id, ground.tag(key)) is False:
                raise unmarked()
            ground.server.learn(key, remote_id)
        ground.journal.named(said.created)
        self.trouble = said.trouble or HOLLOW
        if said.trouble is None and ground.truthful and self._by_answer(said):
            self._commit()
            return True
        if passing(said.trouble):
            asked = said.trouble.wait if isinstance(said.trouble, Busy) else None
            policy = ground.server.client.transport.policy
            ground.pause(policy.wait(1, asked) if asked else wait)
        moved = self._look(said)
        if self.todo and doubtful(said.trouble) and not self.rung.ours:
            self._wait_for_late_commit()
            moved = self._look(said) or moved
            if self.todo and said.unnamed:
                raise unmarked()
        if said.trouble is None and self._unseen(said):
            moved = self._look_longer(said) or moved
        if self.todo and said.foreign:
            raise Blocked(
                "the server gave a resource another id than it was sent with, so pushing "
                "again would make a second one",
                advice="allow client-assigned ids on the server",
            )
        return moved

    def _send(self) -> Said:
        ground, actions = self.ground, list(self.todo.values())
        request_id = secrets.token_hex(8)
        self.ids.add(request_id)
        tags = {one.key: ground.tag(one.key) for one in actions if one.step is Step.CREATE}
        bundle = transaction(actions, self.bodies, self.rung, server=ground.server, tags=tags)
        ground.journal.intend(actions, request_id, str(self.rung))
        self._sent_at = time.monotonic()
        try:
            answer = ground.exchange(bundle, request_id)
        except Unreachable as problem:
            self._doubted = self._doubted or problem.sent
            (ground.journal.doubt if problem.sent else ground.journal.unsent)(self.todo)
            return Said(trouble=problem)
        except (RemoteError, Conflict) as problem:
            return self._doubting(Said(trouble=problem))
        return self._doubting(interpret(answer, actions, self.rung, ground.server))

    def _doubting(self, said: Said) -> Said:
        """Note when the answer leaves open whether anything was written."""
        if doubtful(said.trouble):
            self._doubted = True
            self.ground.journal.doubt(self.todo)
        return said

    def _by_answer(self, said: Said) -> bool:
        """Take the answer's resources as what is stored; False when it does not carry them all."""
        bodies = {key: written.resource for key, written in said.confirmed.items()}
        if any(bodies.get(key) is None for key in self.todo):
            return False
        for key, action in list(self.todo.items()):
            written, body = said.confirmed[key], bodies[key]
            if action.step is Step.CREATE and written.status == 200:
                continue  # something was there: that has to be looked at
            assert body is not None  # noqa: S101  # told above; for the type checker
            self._done(action, self.ground.server.inward(body), written)
            del self.todo[key]
        return not self.todo

    def _wait_for_late_commit(self) -> None:
        """A server may commit long after it was given up; "not there" means nothing until then."""
        left = self.ground.quiet - (time.monotonic() - self._sent_at)
        if left > 0:
            self.ground.pause(left)

    def _look(self, said: Said) -> bool:
        """Read back, settle what is done or overtaken; whether anything had moved."""
        states = self._states(exact=said.trouble is not None)
        self._habits = Habits(self.ground.store)
        if said.trouble is None and self.ground.truthful is None:
            self.ground.truthful = self._compare(said, states)
        moved = False
        try:
            for key, action in list(self.todo.items()):
                now, written = states[key], said.confirmed.get(key)
                verdict = self._fate(action, now, written)
                if verdict is not Fate.APPLIED and said.trouble is None and self._named(action):
                    now = self.ground.server.read(key)  # a search may lag behind
                    verdict = self._fate(action, now, written)
                if verdict is Fate.OPEN:
                    continue
                moved = True
                if verdict is Fate.APPLIED and now is not None:
                    self._done(action, now, written)
                elif now is None or not self._overtaken(action, written):
                    self._decide_again(action, now)
                    continue
                del self.todo[key]
        finally:
            self._commit()
        return moved

    def _unseen(self, said: Said) -> bool:
        """Whether something is not shown that the server said to have written."""
        return any(key in said.confirmed for key in self.todo)

    def _look_longer(self, said: Said) -> bool:
        """Reads may lag behind writes: what was confirmed is not sent again before that is over.

        Then what is not shown was deleted by somebody, if its version is there; or never written.
        """
        policy, moved = self.ground.server.client.transport.policy, False
        for attempt in range(1, policy.tries):
            self.ground.pause(policy.wait(attempt))
            moved = self._look(said) or moved
            if not self._unseen(said):
                return moved
        if not self.rung.ours:
            self._wait_for_late_commit()
            moved = self._look(said) or moved
        for key in [one for one in self.todo if one in said.confirmed]:
            version, action = said.confirmed[key].version_id, self.todo[key]
            if version is None or action.step is not Step.CREATE:
                continue
            stored = self.ground.server.vread(key, version)
            if self._fate(action, stored, None) is Fate.APPLIED and stored is not None:
                self._was(action, stored, "deleted on the server since; fhirkit pull")
                del self.todo[key]
                moved = True
        self._commit()
        return moved

    def _named(self, action: Action) -> bool:
        """Whether the server can be asked for it by id: not before it gave one."""
        learned = self.ground.server.there(action.key) != action.key
        return action.step is not Step.CREATE or self.rung.ours or learned

    def _states(self, *, exact: bool) -> dict[ResourceKey, dict[str, Any] | None]:
        server = self.ground.server
        named = [key for key, action in self.todo.items() if self._named(action)]
        states = server.read_many(named, exact=exact)
        unnamed: dict[ResourceKey, dict[str, Any] | None] = {}
        for key in self.todo.keys() - states.keys():
            unnamed[key] = None
            if self.rung is Rung.TAG:
                unnamed[key] = server.created_by(key, self.ground.tag(key))
        # Only now are all ids known that their references need.
        for key, found in unnamed.items():
            states[key] = None if found is None else server.inward(found)
        return states

    def _compare(
        self, said: Said, states: Mapping[ResourceKey, dict[str, Any] | None]
    ) -> bool | None:
        """Whether every resource in the answer is what a read shows; None when none came."""
        pairs = [(said.confirmed[key].resource, states[key]) for key in self.todo]
        if all(body is None for body, _ in pairs):
            return False
        server = self.ground.server
        return all(
            body is not None
            and now is not None
            and content_hash(server.inward(body)) == content_hash(now)
            and version_id(body) == version_id(now)
            for body, now in pairs
        )

    def _fate(self, action: Action, now: dict[str, Any] | None, written: Written | None) -> Fate:
        sent_hash = self.hashes[action.key]
        found = fate(sent_hash, self.ids, seen=action.seen, now=now, written=written)
        existed = written is not None and written.status == 200 and action.step is Step.CREATE
        if found is Fate.APPLIED and existed and self.rung is Rung.TAG and now is not None:
            # An earlier attempt of ours made it, and it may have been changed since.
            return Fate.APPLIED if content_hash(now) == sent_hash else Fate.OVERTAKEN
        if found is Fate.OPEN and written is not None and now is not None:
            said = written.resource and self.ground.server.inward(written.resource)
            if nothing_new(self._habits, action.step, self.bodies[action.key], now, said):
                return Fate.APPLIED
        if found is Fate.FOREIGN and self._doubted and now is not None:
            owner = whose(self._habits, action.step, self.bodies[action.key], now)
            return Fate.APPLIED if owner is Whose.OURS else found
        return found

    def _done(self, action: Action, stored: dict[str, Any], written: Written | None) -> None:
        key = action.key
        self._agreed.append((key, stored))
        result = Result.CREATED if action.step is Step.CREATE else Result.UPDATED
        note = ""
        if content_hash(stored) != self.hashes[key]:
            note = "the server stored it in another form (fhirkit diff --remote shows it)"
        existed = written is not None and written.status == 200
        if action.step is Step.CREATE and existed and self.rung.ours:
            earlier = written_over(self.ground.server, key, self.hashes[key], self.ids)
            if earlier is not None:
                result = Result.CONFLICT
                note = (
                    f"somebody created it at the same moment; theirs is version {earlier}, "
                    "in the server's history"
                )
        self.ground.report.add(Line(key, result, version_id(stored), note))

    def _overtaken(self, action: Action, written: Written | None) -> bool:
        """Whether ours did arrive and was changed since; then that version is the base."""
        key, server = action.key, self.ground.server
        stored = None
        if written is not None and written.version_id is not None and self._named(action):
            stored = server.vread(key, written.version_id)
        if stored is None:
            stored = past_version(server, key, self.hashes[key], self.ids, seen=action.seen)
        if stored is None:
            return False
        self._was(action, stored, "changed on the server since; fhirkit pull brings it")
        return True

    def _was(self, action: Action, stored: dict[str, Any], note: str) -> None:
        """Ours arrived, and is not what is there now: its version is what is agreed on."""
        self._agreed.append((action.key, stored))
        result = Result.CREATED if action.step is Step.CREATE else Result.UPDATED
        self.ground.report.add(Line(action.key, result, version_id(stored), note))

    def _decide_again(self, action: Action, now: dict[str, Any] | None) -> None:
        """The remote's copy is not the one the plan was made on: ask the table once more."""
        key = action.key
        remote = {} if now is None else {key: Entry.of(now)}
        mine = {key: Entry(key, self.hashes[key])}
        plan = make_plan(Direction.PUSH, [key], mine, self.ground.base, remote)
        again = plan.of(Step.CREATE, Step.UPDATE)
        if again:
            self.todo[key] = again[0]
            return
        if self._doubted and now is not None:
            remote_id = self.ground.server.there(key).id
            found = Unattributed(action, self.bodies[key], now, remote_id)
            self.ground.unattributed.append(found)
            if not found.plausible:
                self._foreign.append(key)
            del self.todo[key]
            return
        reason = plan.conflicts.get(key, MEANWHILE)
        self.ground.report.add(Line(key, Result.CONFLICT, note=reason))
        self._conflicts.append(key)
        del self.todo[key]

    def _commit(self) -> None:
        """What is agreed on, the id map and the end of the operations, durable together."""
        ground = self.ground
        with ground.store.transaction():
            for key, stored in self._agreed:
                remote_id = ground.server.there(key).id
                ground.store.agree(
                    key, self.bodies[key], stored, sent=self.hashes[key], remote_id=remote_id
                )
                ground.journal.settle(key, OpState.APPLIED)
            for key in self._conflicts:
                ground.journal.settle(key, OpState.CONFLICT)
            if self._conflicts or self._foreign:
                self._hold_back([*self._conflicts, *self._foreign])
        self.arrived = bool(self._agreed)
        self._agreed.clear()
        self._conflicts.clear()
        self._foreign.clear()

    def _hold_back(self, conflicts: list[ResourceKey]) -> None:
        """What refers to a conflict waits with it: nobody knows yet what is meant to be there."""
        ground = self.ground
        ground.held.update(dict.fromkeys(conflicts, IN_CONFLICT))
        waiting = hanging(ground.edges, self.todo, conflicts)
        for key, target in waiting.items():
            ground.held[key] = IN_CONFLICT
            note = f"refers to {target}, which {IN_CONFLICT}"
            ground.report.add(Line(key, Result.WAITING, note=note))
            del self.todo[key]
        if not self._doubted:
            ground.journal.unsent(waiting)

    arrived = False
