"""`fhirkit validate`: check files against FHIR, offline."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import rich_click as click

from fhirkit.cli.checking import checking_options
from fhirkit.cli.reporting import Reporting, reporting_options


@click.command("validate")
@click.argument("paths", nargs=-1, metavar="[PATH...]")
@checking_options
@reporting_options
@click.option("--allow-empty", is_flag=True, help="Exit 0 when there is nothing to check.")
@click.option(
    "--files-from", metavar="FILE", help="Check the files that FILE (or -) lists, one a line."
)
@click.option(
    "--changed",
    metavar="[REV]",
    is_flag=False,
    flag_value="HEAD",
    help="Check only what changed since a git revision, as a pull request is seen."
    " [REV is HEAD if left out]",
)
@click.option("--watch", is_flag=True, help="Check again whatever changes, until interrupted.")
@click.option("--remote", metavar="URL", help="Ask this server's $validate too, and show both.")
def command(
    *,
    paths: tuple[str, ...],
    allow_empty: bool,
    files_from: str | None,
    changed: str | None,
    watch: bool,
    remote: str | None,
    **options: Any,
) -> int:
    """Check FHIR resources: files (JSON, XML, NDJSON), folders, globs, or - for standard input.

    Without PATH the `include` of the settings is checked (fhirkit.toml, or [tool.fhirkit] of
    pyproject.toml). Nothing is fetched. Issues go to standard output as soon as they are found, in
    the order of the inputs; the summary goes to standard error. No bad input stops the others.

    Values of records are hidden unless --show-values is given. With --remote the server's errors
    are listed, too, and count: exit code 1. Where an input could not be fully checked the exit
    code is 3, whatever else was found, unless --allow-incomplete is given.
    """
    from fhirkit.cli.changed import changed_since, only_changed
    from fhirkit.cli.checking import Checking
    from fhirkit.cli.project import Project
    from fhirkit.cli.validating import judge_at

    reporting = Reporting(**{one.name: options.pop(one.name) for one in fields(Reporting)})
    reporting.refuse_contradictions(watch=watch)
    if changed is not None:
        changed_since(changed)  # what is wrong with the revision is said before anything else
    checking = Checking(**options)
    project = Project(checking)
    judge = None if remote is None else judge_at(remote, project.validator)

    def names(by: Project) -> list[str]:
        found = by.names(
            paths, files_from, allow_empty=allow_empty, stdin_name=reporting.stdin_filename
        )
        return found if changed is None else only_changed(found, changed)

    if watch:
        from fhirkit.cli.watching import watch as keep_watching

        keep_watching(reporting, project, lambda: Project(checking), names, judge)
    whole = changed is None and project.are_all(paths, files_from)
    return reporting.run(project, names(project), judge, whole=whole)
