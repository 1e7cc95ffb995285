"""`fhirkit rm`: take resources out of the working tree."""

from __future__ import annotations

import rich_click as click

from fhirkit.cli.results import show_report
from fhirkit.cli.working_tree import here, json_option, keys_of


@click.command()
@click.argument("resources", nargs=-1, required=True)
@click.option("--dry-run", "-n", is_flag=True, help="Say what would go, and leave it.")
@json_option
def command(resources: tuple[str, ...], *, dry_run: bool, as_json: bool) -> int:
    """Move the files of RESOURCES (Type/id) to the trash.

    On servers they are deleted by fhirkit push --delete; fhirkit trash restore brings one back.
    """
    from fhirkit.core.errors import Conflict, UsageError
    from fhirkit.sync.lock import locked
    from fhirkit.sync.results import Line, Report, Result

    tree, report = here(), Report()
    with locked(tree.state):
        for key in sorted(keys_of(resources)):
            try:
                now = tree.current(key)
                if now is None:
                    raise UsageError(f"{key}: is not in the tree")
                if not dry_run:
                    tree.discard(key, expected=now)
                note = "would be moved to the trash" if dry_run else "moved to .fhirkit/trash"
                report.add(Line(key, Result.DISCARDED, note=note))
            except Conflict as problem:
                report.add(Line(key, Result.CONFLICT, note=problem.message))
    return show_report(report, as_json=as_json)
