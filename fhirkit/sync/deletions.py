"""The deletions of a push: one by one, or a circle at once, each looked at before and after."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fhirkit.core.errors import BadAnswer, Conflict, Refused, Unreachable
from fhirkit.core.resource import ResourceKey
from fhirkit.remote.failures import Busy, outcome_texts
from fhirkit.sync.entry import Entry, version_id
from fhirkit.sync.ground import Ground
from fhirkit.sync.journal import OpState
from fhirkit.sync.order import components, targets
from fhirkit.sync.plan import Action
from fhirkit.sync.results import Line, Result

#: Why a resource was not deleted, and what the server said.
Refusals = dict[ResourceKey, tuple[str, tuple[str, ...]]]


def delete_all(ground: Ground, actions: list[Action]) -> None:
    """Delete one by one, again while it helps: a referrer must go before its target.

    What then refers to each other in a circle goes in one transaction: none can be the first.
    """
    refused: Refusals = {}
    while actions:
        left = [one for action in actions for one in _delete(ground, [action], refused)]
        if len(left) == len(actions) and not ground.alone:
            for circle in _circles(ground, left):
                if len(_delete(ground, circle, refused)) < len(circle):
                    left = [one for one in left if one.key not in ground.report.lines]
        if len(left) == len(actions):
            break
        actions = left
    for action in actions:
        note, said = refused[action.key]
        ground.report.add(Line(action.key, Result.REFUSED, note=note, said=said))
        ground.journal.settle(action.key, OpState.REJECTED, note)


def _delete(ground: Ground, group: list[Action], refused: Refusals) -> list[Action]:
    """Read, compare, delete, read: some servers ignore If-Match on DELETE. What is left of it."""
    server, journal = ground.server, ground.journal
    there: dict[ResourceKey, str | None] = {}
    for action in group:
        now = server.read(action.key)
        if now is None:
            _gone(ground, action, action.if_match)
        elif action.seen is None or Entry.of(now).hash != action.seen.hash:
            note = "deleted here, changed on the server"
            ground.report.add(Line(action.key, Result.CONFLICT, note=note))
            journal.settle(action.key, OpState.CONFLICT, note)
        else:
            there[action.key] = version_id(now)
    todo = [action for action in group if action.key in there]
    if not todo:
        return []
    journal.intend(todo, "", "delete")
    try:
        _send(ground, there)
    except (Unreachable, BadAnswer, Busy) as problem:
        journal.doubt(there)
        if any(server.read(key) is not None for key in there):
            raise problem from None
    except (Refused, Conflict) as problem:
        said = tuple(outcome_texts(getattr(problem, "outcome", None)))
        refused.update(dict.fromkeys(there, (problem.message, said)))
        return todo
    left: list[Action] = []
    for action in todo:
        if server.read(action.key) is None:
            _gone(ground, action, there[action.key])
        else:
            refused[action.key] = ("the server said that it deleted it, and still has it", ())
            left.append(action)
    return left


def _send(ground: Ground, there: dict[ResourceKey, str | None]) -> None:
    server = ground.server
    if len(there) == 1:
        ((key, version),) = there.items()
        server.delete(key, if_match=version)
        return
    requests: list[dict[str, Any]] = []
    for key, version in there.items():
        request = {"method": "DELETE", "url": str(server.there(key))}
        if version is not None:
            request["ifMatch"] = f'W/"{version}"'
        requests.append(request)
    entries = [{"request": one} for one in requests]
    ground.exchange({"resourceType": "Bundle", "type": "transaction", "entry": entries})


def _gone(ground: Ground, action: Action, version: str | None) -> None:
    with ground.store.transaction():
        ground.store.forget(action.key, version=version)
        ground.journal.settle(action.key, OpState.APPLIED)
    ground.report.add(Line(action.key, Result.DELETED))


def _circles(ground: Ground, actions: list[Action]) -> Iterator[list[Action]]:
    """Those that refer to each other, by what was last agreed on, referrers first."""
    known = {action.key: action for action in actions}
    edges: dict[ResourceKey, list[ResourceKey]] = {}
    for key in known:
        agreed = ground.base.get(key)
        resource = ground.store.content(agreed.remote_hash) if agreed is not None else None
        edges[key] = sorted(targets(resource) & known.keys()) if resource is not None else []
    for component in reversed(components(edges, known)):
        if len(component) > 1:
            yield [known[key] for key in component]
