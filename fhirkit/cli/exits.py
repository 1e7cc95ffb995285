"""Exit codes: fixed, small, never a count. The worst of several wins."""

from __future__ import annotations

CLEAN = 0
FINDINGS = 1
USAGE = 2
INCOMPLETE = 3
CONFLICT = 4
REMOTE = 5
BLOCKED = 6
INTERNAL = 70
INTERRUPTED = 130
CLOSED_PIPE = 141
TERMINATED = 143

_WORST_FIRST = (INTERNAL, BLOCKED, REMOTE, CONFLICT, INCOMPLETE, FINDINGS, CLEAN)


def worst(*codes: int) -> int:
    """The worst of several codes, in the order 70 > 6 > 5 > 4 > 3 > 1 > 0."""
    return min(codes, key=_WORST_FIRST.index, default=CLEAN)
