"""A push's plan, printed: the very requests that would be sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhirkit.cli import exits
from fhirkit.cli.console import counted, emit, emit_json, plain, say, show_issues

if TYPE_CHECKING:
    from fhirkit.sync.foresight import Foreseen
    from fhirkit.sync.prepared import Prepared


Rows = list[dict[str, str]]


def show_plan(ready: Prepared, *, as_json: bool, delete: bool, files: Rows | None = None) -> int:
    """Print the requests that a push would send, in its order; 4 when there are conflicts.

    ``files`` is what a pull before it would do to files.
    """
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
            ({"files": files} if files is not None else {})
            | {
                "transactions": groups,
                "deletes": deletes,
                "conflicts": conflicts,
                "blocked": [[str(key) for key in group] for group in circles],
                "waiting": [str(key) for key in sorted(waiting)],
                "issues": issues,
            }
        )
    else:
        _emit_files(files or [])
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
    if files is not None:
        say(f"{counted(len(files), 'file')} would be touched")
    say(f"{counted(sum(map(len, groups)) + len(deletes), 'write')} planned, none sent")
    found = any(issue.is_error for issue in ready.scan.issues)
    return exits.worst(
        exits.CONFLICT if conflicts else exits.CLEAN,
        exits.BLOCKED if circles else exits.CLEAN,
        exits.FINDINGS if found else exits.CLEAN,
    )


def show_files(ready: Prepared, foreseen: Foreseen, *, as_json: bool) -> int:
    """Print what a pull would do to files; 4 when there are conflicts."""
    rows = files_of(ready, foreseen)
    for key, reason in foreseen.conflicts.items():
        rows.append({"resource": str(key), "action": "conflict", "reason": reason})
    if as_json:
        emit_json(rows)
    else:
        _emit_files(rows)
    say(f"{counted(len(rows), 'file')} would be touched or in conflict")
    return exits.CONFLICT if foreseen.conflicts else exits.CLEAN


def files_of(ready: Prepared, foreseen: Foreseen) -> Rows:
    """The files that a pull would write, discard or merge."""
    from fhirkit.sync.plan import Step

    found = {one.key: str(one.step) for one in ready.plan.of(Step.WRITE, Step.DISCARD)}
    found.update(dict.fromkeys(foreseen.merged, "merge"))
    return [{"resource": str(key), "action": found[key]} for key in sorted(found)]


def _emit_files(rows: Rows) -> None:
    for row in rows:
        reason = f"  ({row['reason']})" if "reason" in row else ""
        emit(plain(f"{row['action']:<10} {row['resource']}{reason}\n"))


def _request(request: dict[str, str]) -> str:
    guards = [f"{name}: {request[name]}" for name in ("ifMatch", "ifNoneMatch") if name in request]
    return plain(f"  {request['method']} {request['url']}  {' '.join(guards)}".rstrip()) + "\n"
