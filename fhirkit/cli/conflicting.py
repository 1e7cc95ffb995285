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
    wanted = keys_of((resource,)) if resource else None
    rows: list[dict[str, Any]] = []
    for key, sides in session.conflicts().items():
        if wanted is None or key in wanted:
            merged = sides.merged(session.store, judgement())
            clashes = [clash.to_dict() for clash in merged.clashes] if merged else []
            deleted = None if merged else "ours" if sides.ours is None else "theirs"
            rows.append({"resource": str(key), "clashes": clashes, "deleted": deleted})
    if as_json:
        emit_json(rows)
    else:
        for row in rows:
            what = _DELETED[row["deleted"]] if row["deleted"] else ""
            emit(plain(f"{row['resource']}  {what}".rstrip() + "\n"))
            emit("".join(plain(f"{_told(clash)}\n") for clash in row["clashes"]))
    say(counted(len(rows), "conflict"))
    return exits.CONFLICT if rows else exits.CLEAN


def _told(clash: dict[str, Any]) -> str:
    from fhirkit.sync.compare import ABSENT, Change

    # The same form as that of a difference, from ours to theirs.
    sides = Change("", clash.get("ours", ABSENT), clash.get("theirs", ABSENT)).shown()
    return f"  {clash['expression']}\n    ours    {sides[0]}\n    theirs  {sides[1]}"
