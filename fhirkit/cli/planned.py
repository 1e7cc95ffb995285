"""A push's plan, printed: the very requests that would be sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhirkit.cli import exits
from fhirkit.cli.console import counted, emit, emit_json, plain, say, show_issues

if TYPE_CHECKING:
    from fhirkit.sync.prepared import Prepared


def show_plan(ready: Prepared, *, as_json: bool, delete: bool) -> int:
    """Print the requests that a push would send, in its order; 4 when there are conflicts."""
    from fhirkit.sync.answer import Rung, request_of
    from fhirkit.sync.order import Limits, graph_of, hanging, pack
    from fhirkit.sync.plan import Step

    plan = ready.plan
    writes = {one.key: one for one in plan.of(Step.CREATE, Step.UPDATE)}
    graph = graph_of(ready.scan.resources, writes, besides=plan.conflicts)
    waiting = hanging(graph.edges, writes, plan.conflicts)
    for key in waiting:
        del writes[key]
    limits = Limits(entries=1) if ready.alone else Limits()
    packed = [
        [key for part in group for key in part]
        for group in pack(graph, writes, limits, known=ready.known)
    ]
    circles = [group for group in packed if ready.alone and len(group) > 1]
    groups = [
        [request_of(writes[key], Rung.GUARDED) for key in group]
        for group in packed
        if group not in circles
    ]
    deletes = [request_of(one, Rung.GUARDED) for one in plan.of(Step.DELETE)] if delete else []
    conflicts = [{"resource": str(key), "reason": why} for key, why in plan.conflicts.items()]
    if as_json:
        issues = [issue.to_dict() for issue in ready.scan.issues]
        emit_json(
            {
                "transactions": groups,
                "deletes": deletes,
                "conflicts": conflicts,
                "blocked": [[str(key) for key in group] for group in circles],
                "waiting": [str(key) for key in sorted(waiting)],
                "issues": issues,
            }
        )
    else:
        for number, group in enumerate(groups, 1):
            # A server without transactions is sent each resource as a request of its own.
            title = "" if ready.alone else f"transaction {number}\n"
            emit(title + "".join(_request(one) for one in group))
        emit("".join(_request(one) for one in deletes))
        emit("".join(plain(f"conflict {one['resource']} ({one['reason']})\n") for one in conflicts))
        for circle in circles:
            emit(plain(f"blocked  {', '.join(map(str, circle))} (a circle, and no transactions)\n"))
        emit("".join(plain(f"waiting  {key} (refers to {to})\n") for key, to in waiting.items()))
    show_issues(ready.scan.issues, err=True)
    say(f"{counted(sum(map(len, groups)) + len(deletes), 'write')} planned, none sent")
    found = any(issue.is_error for issue in ready.scan.issues)
    return exits.worst(
        exits.CONFLICT if conflicts else exits.CLEAN,
        exits.BLOCKED if circles else exits.CLEAN,
        exits.FINDINGS if found else exits.CLEAN,
    )


def show_files(ready: Prepared, *, as_json: bool) -> int:
    """Print what a pull would do to files; 4 when there are conflicts."""
    from fhirkit.sync.plan import Step

    plan = ready.plan
    steps = [(str(one.step), str(one.key)) for one in plan.of(Step.WRITE, Step.DISCARD)]
    steps += [("conflict", str(key)) for key in plan.conflicts]
    if as_json:
        emit_json([{"resource": key, "action": step} for step, key in steps])
    else:
        emit("".join(plain(f"{step:<10} {key}\n") for step, key in steps))
    say(f"{counted(len(steps), 'file')} would be touched or in conflict")
    return exits.CONFLICT if plan.conflicts else exits.CLEAN


def _request(request: dict[str, str]) -> str:
    guards = [f"{name}: {request[name]}" for name in ("ifMatch", "ifNoneMatch") if name in request]
    return plain(f"  {request['method']} {request['url']}  {' '.join(guards)}".rstrip()) + "\n"
