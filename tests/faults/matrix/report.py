"""docs/faults.md, made from a run: what was tried, at how many boundaries, and what held."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from run import Outcome

ROWS = {
    "F1": "kill −9 at requests, commits and renames",
    "F2": "the answer is lost or unreadable",
    "F3": "the server commits after the client gave up",
    "F4": "409, 412, 410, 422, 400, 404 to a write",
    "F5": "429 and 503 with every kind of Retry-After",
    "F6": "the server restarts",
    "F7": "clocks that differ; writes that become visible late",
    "F8": "pages: forgotten, elsewhere, in a circle, missing, repeated",
    "F9": "short, mixed and partly refused answers",
    "F10": "other ids, other spelling, other kinds of server",
    "F11": "deletions on either side",
    "F12": "all forms of references",
    "F13": "limits of size",
    "F14": "bulk exports that break",
    "F15": "tokens that end",
    "F16": "no space, files edited meanwhile, two runs",
    "F17": "the server is emptied or another one",
    "F18": "other writers",
}
#: Rows without a case, and why.
NOT_TRIED: dict[str, str] = {}

_HEAD = (Path(__file__).parent / "head.md").read_text()
_RIVALS = """The same server and faults, the tool's own way to upload or download, and run again
until it says that it is done (three times at most). What it left on the server or on disk counts.
"""


def page(outcomes: Sequence[Outcome], seconds: float, rivals: Sequence[dict[str, Any]]) -> str:
    """The whole page."""
    tried = sum(one.tried for one in outcomes)
    broken = sum(len(one.broken) for one in outcomes)
    took = f"{seconds / 60:.0f} min on two cores"
    lines = [
        _HEAD,
        f"The last run: {len(outcomes)} cases, {tried} boundaries, {broken} broken, {took}.",
        "",
        "| row | fault | cases | boundaries | result | commit |",
        "|---|---|---:|---|---|---|",
    ]
    for row, meaning in ROWS.items():
        mine = [one for one in outcomes if one.row == row]
        if row in NOT_TRIED:
            lines.append(f"| {row} | {meaning} | 0 | 0 | not tried: {NOT_TRIED[row]} | |")
        elif mine:
            count = f"{sum(one.tried for one in mine)}, "
            most = max(one.most for one in mine)
            count += f"at most {most} a case" if most else "every one"
            bad = sum(len(one.broken) for one in mine)
            result = "holds" if not bad else f"**broken at {bad}**"
            commits = ", ".join(sorted({one.commit for one in mine}))
            lines.append(f"| {row} | {meaning} | {len(mine)} | {count} | {result} | {commits} |")
    failures = [one for one in outcomes if one.broken]
    if failures:
        lines += ["", "## Broken", "Known, and not hidden: the first thing that does not hold.", ""]
        lines += ["| row | case | at | what |", "|---|---|---:|---|"]
        for one in failures:
            first = _plain(next(iter(one.broken.values()))[0])
            lines.append(
                f"| {one.row} | {one.title} | {len(one.broken)} of {one.tried} | {first} |"
            )
    lines += _rivals(rivals)
    lines += ["", "## Cases", "| row | case | boundaries |", "|---|---|---:|"]
    lines += [f"| {one.row} | {one.title} | {one.tried} |" for one in outcomes if one.tried]
    return "\n".join(lines) + "\n"


def with_rivals_of(before: str, page: str) -> str:
    """The page with the part about other tools that an earlier one has: they change rarely."""
    start, end = before.find("\n## Other tools"), before.find("\n## Cases")
    return page.replace("\n## Cases", before[start:end] + "\n## Cases", 1) if start > 0 else page


def _rivals(rivals: Sequence[dict[str, Any]]) -> list[str]:
    if not rivals:
        return []
    lines = ["", "## Other tools", _RIVALS, "| row | fault | tool | what came of it |"]
    lines.append("|---|---|---|---|")
    lines += [
        f"| {one['row']} | {one['fault']} | {one['tool']} | {one['result']} |" for one in rivals
    ]
    return lines


def _plain(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")[:160]
