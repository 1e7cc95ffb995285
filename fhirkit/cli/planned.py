"""A push's plan, printed: the very requests that would be sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhirkit.cli import exits
from fhirkit.cli.console import counted, emit, emit_json, plain, say, show_issues

if TYPE_CHECKING:
    from fhirkit.sync.session import Prepared


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
    groups = [
        [request_of(writes[key], Rung.GUARDED) for part in group for key in part]
        for group in pack(graph, writes, Limits(), known=ready.known)
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
                "waiting": [str(key) for key in sorted(waiting)],
                "issues": issues,
            }
        )
    else:
        for number, group in enumerate(groups, 1):
            emit(f"transaction {number}\n" + "".join(_request(one) for one in group))
        emit("".join(_request(one) for one in deletes))
        emit("".join(plain(f"conflict {one['resource']} ({one['reason']})\n") for one in conflicts))
        emit("".join(plain(f"waiting  {key} (refers to {to})\n") for key, to in waiting.items()))
    show_issues(ready.scan.issues, err=True)
    say(f"{counted(sum(map(len, groups)) + len(deletes), 'write')} planned, none sent")
    found = any(issue.is_error for issue in ready.scan.issues)
    return exits.worst(
        exits.CONFLICT if conflicts else exits.CLEAN, exits.FINDINGS if found else exits.CLEAN
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
