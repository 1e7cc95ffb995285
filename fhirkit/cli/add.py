"""`fhirkit add`: take Bundles, resources and cases into the working tree."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from fhirkit.cli.console import complain, show_issues
from fhirkit.cli.results import exit_code, show_report
from fhirkit.cli.working_tree import here, json_option
from fhirkit.core.errors import InvalidInput

if TYPE_CHECKING:
    from fhirkit.sync.intake import Intake


@click.command()
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--force", is_flag=True, help="Replace what is there; the old goes to the trash.")
@click.option("--dry-run", "-n", is_flag=True, help="Say what would be written, and write nothing.")
@json_option
def command(sources: tuple[Path, ...], *, force: bool, dry_run: bool, as_json: bool) -> int:
    """Put resources into the working tree, one file each.

    SOURCES are Bundles, single resources, NDJSON files, folders of these, or case files (.yaml),
    which are converted first. Entries of a Bundle become Type/id.json and references between
    them follow. The same content again changes nothing; other content is refused.
    """
    from fhirkit.sync.lock import locked
    from fhirkit.sync.results import Report
    from fhirkit.sync.sources import add

    tree, report = here(), Report()
    with locked(tree.state):
        for source in sources:
            try:
                for _, intake in _read(source):
                    add(tree, intake, report, force=force, dry_run=dry_run)
            except InvalidInput as problem:
                report.issues.extend(problem.issues)
                if not problem.issues:
                    report.trouble = problem
    if report.issues and not report.lines and not as_json:
        show_issues(report.issues, err=True)
        complain("nothing was added")
        return exit_code(report)
    return show_report(report, as_json=as_json)


def _read(source: Path) -> list[tuple[str, Intake]]:
    from fhirkit.sync.intake import take_in
    from fhirkit.sync.sources import read_source

    if source.suffix not in (".yaml", ".yml"):
        return read_source(source)
    from fhirkit.convert import convert

    return [(str(source), take_in(convert(source, to="collection"), file=str(source)))]
