"""The conflicts of a working tree, told: each place that clashes, with both values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhirkit.cli import exits
from fhirkit.cli.console import counted, emit, emit_json, plain, say
from fhirkit.cli.merging import judgement
from fhirkit.cli.working_tree import keys_of

if TYPE_CHECKING:
    from fhirkit.sync.upkeep import Upkeep

_DELETED = {
    "ours": "deleted here, changed on the server",
    "theirs": "changed here, deleted on the server",
}


def show_conflicts(session: Upkeep, resource: str | None, *, as_json: bool) -> int:
    """Print all conflicts, or that of ``resource``; 4 when there are any."""
    from fhirkit.sync.conflicts import weigh

    wanted, verdict = keys_of((resource,)) if resource else None, judgement()
    rows: list[dict[str, Any]] = []
    for key, sides in session.conflicts().items():
        if wanted is None or key in wanted:
            weighed = weigh(sides, session.store, verdict)
            merged = weighed.merged
            clashes = [clash.to_dict() for clash in merged.clashes] if merged else []
            deleted = None if merged else "ours" if sides.ours is None else "theirs"
            errors = sorted(weighed.worse)
            rows.append(
                {"resource": str(key), "clashes": clashes, "deleted": deleted, "errors": errors}
            )
    if as_json:
        emit_json(rows)
    else:
        for row in rows:
            emit(plain(f"{row['resource']}  {_state(row)}".rstrip() + "\n"))
            emit("".join(plain(f"{_told(clash)}\n") for clash in row["clashes"]))
            emit("".join(plain(f"  {error}\n") for error in row["errors"]))
    say(counted(len(rows), "conflict"))
    return exits.CONFLICT if rows else exits.CLEAN


def _state(row: dict[str, Any]) -> str:
    if row["deleted"]:
        return _DELETED[row["deleted"]]
    if row["errors"]:
        return "merged, it would have errors that neither side has"
    return "" if row["clashes"] else "nothing clashes: fhirkit pull merges it"


def _told(clash: dict[str, Any]) -> str:
    from fhirkit.sync.compare import ABSENT, Change

    # The same form as that of a difference, from ours to theirs.
    sides = Change("", clash.get("ours", ABSENT), clash.get("theirs", ABSENT)).shown()
    return f"  {clash['expression']}\n    ours    {sides[0]}\n    theirs  {sides[1]}"
