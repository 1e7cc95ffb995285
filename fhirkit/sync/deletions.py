"""The deletions of a push: one by one, each looked at before and after."""

from __future__ import annotations

from fhirkit.core.errors import BadAnswer, Conflict, Refused, Unreachable
from fhirkit.core.resource import ResourceKey
from fhirkit.remote.failures import Busy, outcome_texts
from fhirkit.sync.entry import Entry, version_id
from fhirkit.sync.ground import Ground
from fhirkit.sync.journal import OpState
from fhirkit.sync.plan import Action
from fhirkit.sync.results import Line, Result


def delete_all(ground: Ground, actions: list[Action]) -> None:
    """Delete one by one, again while it helps: a referrer must go before its target."""
    while actions:
        left = [action for action in actions if not _delete_one(ground, action)]
        if len(left) == len(actions):
            return
        actions = left


def _delete_one(ground: Ground, action: Action) -> bool:
    """Read, compare, delete, read: some servers ignore If-Match on DELETE."""
    key, report = action.key, ground.report
    server, journal = ground.server, ground.journal
    now = server.read(key)
    if now is not None and (action.seen is None or Entry.of(now).hash != action.seen.hash):
        note = "deleted here, changed on the server"
        report.add(Line(key, Result.CONFLICT, note=note))
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
            _not_deleted(ground, key, problem.message, said)
            return False
        if server.read(key) is not None:
            _not_deleted(ground, key, "the server said that it deleted it, and still has it")
            return False
    with ground.store.transaction():
        ground.store.forget(key, version=version_id(now) if now else action.if_match)
        journal.settle(key, OpState.APPLIED)
    report.add(Line(key, Result.DELETED))
    return True


def _not_deleted(ground: Ground, key: ResourceKey, note: str, said: tuple[str, ...] = ()) -> None:
    ground.report.add(Line(key, Result.REFUSED, note=note, said=said))
    ground.journal.settle(key, OpState.REJECTED, note)
