"""The creation ladder: which ways of creating a server takes, and whether it keeps its guard.

A way is tried on the first resource that is created, and what was found is remembered.
"""

from __future__ import annotations

from fhirkit.core.errors import Conflict, FhirkitError, Refused
from fhirkit.remote.capability import Capability
from fhirkit.remote.failures import Busy
from fhirkit.sync.answer import Rung, interpret, transaction
from fhirkit.sync.flight import Flight
from fhirkit.sync.ground import Ground
from fhirkit.sync.plan import Action, Step
from fhirkit.sync.results import Result
from fhirkit.sync.tagging import unmarked, unsafe


def ladder_for(
    ground: Ground,
    group: list[Action],
    said: Capability | None,
    *,
    alone: bool,
    at_least_once: bool,
) -> list[Rung]:
    """The ways of creating to try, best first; only one once the server's is known.

    ``said`` is what the server says of creating; ``alone``: no part can be left for later.
    ``Blocked`` where an interrupted push could make a second one, unless ``at_least_once``.
    """
    if ground.proven and ground.rung is Rung.POST and not at_least_once:
        raise unsafe()
    if ground.proven:
        # That guard was seen to refuse where something is; not yet to create where nothing is.
        return [ground.rung, *([Rung.ID] if ground.rung is Rung.ABSENT else [])]
    kinds = {one.key.type for one in group if one.step is Step.CREATE}
    ours = [said.update_create.get(kind) if said else None for kind in kinds]
    ladder = [Rung.GUARDED, Rung.ID]
    if False in ours:
        ladder = []
    if (not ladder or alone) and True not in ours:
        if not said or all(said.conditional_create.get(kind, True) for kind in kinds):
            ladder.append(Rung.TAG)
        if at_least_once:
            ladder.append(Rung.POST)
    if not ladder:
        raise unsafe()
    return ladder


def prove(ground: Ground, flight: Flight, group: list[Action], *, at_least_once: bool) -> None:
    """After a first creation: remember the way, and whether the server keeps its guard.

    Tried on a resource that was created a moment ago, with the very same content.
    """
    lines = ground.report.lines
    made = [
        one for one in group
        if one.step is Step.CREATE and one.key not in flight.todo
        and one.key in lines and lines[one.key].result is Result.CREATED
    ]  # fmt: skip
    unfit = ground.rung is Rung.ABSENT and flight.rung is Rung.ID
    if not made or (ground.proven and not unfit):
        return
    rung = flight.rung
    if rung is Rung.TAG:
        key = made[0].key
        kept = ground.server.is_marked(key, ground.server.there(key).id, ground.tag(key))
        if kept is None:
            return  # not shown yet: the next group tries again
        if not kept and at_least_once:
            rung = Rung.POST
        elif not kept:
            ground.store.set_rung(str(Rung.POST), alone=ground.alone)
            raise unmarked()
    if rung.ours and not unfit:
        # What was refused where nothing was is no guard, whatever it is answered with now.
        guards = [Rung.GUARDED, Rung.ABSENT] if rung.overwrites_nothing else [Rung.ABSENT]
        heeded = (one for one in guards if _keeps(ground, one, flight, made[0]))
        try:
            rung = next(heeded, Rung.ID)
        except FhirkitError:
            return  # no answer, so nothing is known: the next group tries again
    ground.rung, ground.proven = rung, True
    ground.store.set_rung(str(rung), alone=ground.alone)


def _keeps(ground: Ground, rung: Rung, flight: Flight, made: Action) -> bool:
    """Whether the server refuses to create over something on this rung."""
    bundle = transaction([made], flight.bodies, rung, server=ground.server, tags={})
    try:
        answer = ground.exchange(bundle)
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
