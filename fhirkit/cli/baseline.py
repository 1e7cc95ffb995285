"""`fhirkit baseline`: take today's findings as known, so that only new ones fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from fhirkit.cli import exits
from fhirkit.cli.checking import checking_options

_NAME = "fhirkit-baseline.json"


@click.command("baseline")
@click.argument("paths", nargs=-1, metavar="PATH...")
@checking_options
@click.option(
    "--files-from", metavar="FILE", help="Check the files that FILE (or -) lists, one a line."
)
@click.option("-o", "--output", metavar="FILE", help=f"The file to write. [default: {_NAME}]")
@click.option("--dry-run", "-n", is_flag=True, help="Say what would be written, and write nothing.")
def command(
    *,
    paths: tuple[str, ...],
    files_from: str | None,
    output: str | None,
    dry_run: bool,
    **options: Any,
) -> int:
    """Adopt fhirkit on records with old findings: write them down, and report only new ones.

    Takes what `fhirkit validate` takes, and writes the findings to a file that holds hashes and
    numbers only, no text of a record. Name the file as `baseline` in fhirkit.toml. A finding is
    known by its file, rule, message and kind of place, not by its line. What cannot be read at
    all is never taken as known.
    """
    from fhirkit.cli.checking import Checking
    from fhirkit.cli.console import progress, say
    from fhirkit.cli.project import Project
    from fhirkit.core.issues import Severity
    from fhirkit.policy import Baseline

    project = Project(Checking(**options), with_baseline=False)
    names = project.names(paths, files_from)
    path = Path(output) if output else project.baseline_path or project.settings.folder / _NAME
    known = Baseline(path.resolve().parent)
    unread = 0
    for checked in progress(project.check(names), what="validating"):
        fatal = [issue for issue in checked.outcome if issue.severity is Severity.FATAL]
        unread += len(fatal)
        known.add(checked.input.name, (issue for issue in checked.outcome if issue not in fatal))
    if not dry_run:
        known.write(path)
    verb = "would be written" if dry_run else "written"
    say(f"{len(known)} findings {verb} to {path}")
    if project.settings.config.baseline is None:
        say(f'set `baseline = "{path.name}"` in fhirkit.toml to use it')
    if unread:
        say(f"{unread} inputs cannot be read; they stay errors")
        return exits.FINDINGS
    return exits.CLEAN
