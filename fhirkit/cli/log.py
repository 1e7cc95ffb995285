"""`fhirkit log`: pushes and pulls, and what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from fhirkit.cli.console import counted, emit, emit_json, plain, say
from fhirkit.cli.working_tree import here, json_option
from fhirkit.core.errors import UsageError

if TYPE_CHECKING:
    from fhirkit.sync.journal import Journal, Run


@click.command()
@click.argument("run", required=False, type=int)
@click.option(
    "--limit", "-l", type=click.IntRange(min=1), default=20, show_default=True, metavar="N",
    help="How many runs are shown.",
)  # fmt: skip
@json_option
def command(run: int | None, *, limit: int, as_json: bool) -> None:
    """Show the latest pushes and pulls, or with RUN every write of one.

    A sync is a pull and a push. The last hundred are kept, and what is still open. A run without
    an end was interrupted: fhirkit resume finishes it, fhirkit abort gives it up.
    """
    from fhirkit.sync.journal import Journal
    from fhirkit.sync.state import State

    with State(here().database) as state:
        journal = Journal(state, "")
        operations = journal.of_run(run) if run is not None else []
        runs = journal.runs(limit) if run is None else [_run(journal, run)]
    if as_json:
        emit_json(
            [
                {
                    "run": one.number,
                    "remote": one.remote,
                    "command": one.command,
                    "began": one.began,
                    "ended": one.ended,
                    "summary": one.said,
                    **(
                        {"operations": [each.to_dict() for each in operations]}
                        if run is not None
                        else {}
                    ),
                }
                for one in runs
            ]
        )
        return
    for one in runs:
        end = one.said or ("nothing to do" if one.ended else "interrupted")
        emit(plain(f"{one.number}  {one.began}  {one.command} {one.remote}  {end}\n"))
    for each in operations:
        note = f"  ({each.note})" if each.note else ""
        emit(plain(f"  {each.state:<9} {each.step:<7} {each.key}{note}\n"))
    say(counted(len(runs), "run"))


def _run(journal: Journal, number: int) -> Run:
    found = journal.numbered(number)
    if found is None:
        raise UsageError(f"there is no run {number}", advice="fhirkit log shows which there are")
    return found
