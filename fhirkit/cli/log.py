"""`fhirkit log`: what was written to servers, and what became of it."""

from __future__ import annotations

import rich_click as click

from fhirkit.cli.console import emit, emit_json, plain, say
from fhirkit.cli.working_tree import here, json_option


@click.command()
@click.argument("run", required=False, type=int)
@click.option(
    "--limit", "-l", type=click.IntRange(min=1), default=20, show_default=True, metavar="N",
    help="How many runs are shown.",
)  # fmt: skip
@json_option
def command(run: int | None, *, limit: int, as_json: bool) -> None:
    """Show the latest commands that wrote, or with RUN every operation of one.

    A run without an end was interrupted: fhirkit resume finishes it, fhirkit abort gives it up.
    """
    from fhirkit.sync.journal import Journal
    from fhirkit.sync.state import State

    with State(here().database) as state:
        journal = Journal(state, "")
        operations = journal.of_run(run) if run is not None else []
        runs = [one for one in journal.runs(limit) if run in (None, one.number)]
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
                    **({"operations": [each.to_dict() for each in operations]} if run else {}),
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
    say(f"{len(runs)} runs")
