"""`fhirkit validate`: check files against FHIR, offline."""

from __future__ import annotations

from typing import Any

import rich_click as click

from fhirkit.cli.checking import checking_options

#: The formats by name (fhirkit.report.formats); spelled here too, so that --help starts quickly.
FORMATS = (
    "text", "concise", "json", "ndjson", "sarif", "junit", "github", "gitlab", "outcome", "html",
)  # fmt: skip
#: What one may call them otherwise.
ALIASES = {"operation-outcome": "outcome"}


@click.command("validate")
@click.argument("paths", nargs=-1, metavar="PATH...")
@checking_options
@click.option(
    "--format",
    "form",
    type=click.Choice([*FORMATS, *ALIASES]),
    default="text",
    show_default=True,
    help="How issues are written.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "--show-values",
    is_flag=True,
    help="Show values of the record in excerpts; only in the formats text and concise.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "information", "never"]),
    help="The least severity that gives exit code 1. [default: error]",
)
@click.option("--allow-incomplete", is_flag=True, help="Exit 0 though something was not checked.")
@click.option("--allow-empty", is_flag=True, help="Exit 0 when there is nothing to check.")
@click.option(
    "--files-from", metavar="FILE", help="Check the files that FILE (or -) lists, one a line."
)
@click.option(
    "--stdin-filename", metavar="NAME", help="What to call standard input; .ndjson makes it NDJSON."
)
@click.option("-o", "--output", metavar="FILE", help="Write the report there, not to stdout.")
@click.option("--statistics", is_flag=True, help="Count the findings by rule, on standard error.")
@click.option("--remote", metavar="URL", help="Ask this server's $validate too, and show both.")
def command(
    *,
    paths: tuple[str, ...],
    form: str,
    as_json: bool,
    show_values: bool,
    fail_on: str | None,
    allow_incomplete: bool,
    allow_empty: bool,
    files_from: str | None,
    stdin_filename: str | None,
    output: str | None,
    statistics: bool,
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
    from fhirkit import __version__
    from fhirkit.cli.checking import Checking
    from fhirkit.cli.project import Project
    from fhirkit.cli.sink import Sink
    from fhirkit.cli.validating import Run
    from fhirkit.core.errors import UsageError
    from fhirkit.report.formats import LOCAL, Settings, format_named
    from fhirkit.validate.catalogue import RULES

    form = "json" if as_json else ALIASES.get(form, form)
    if show_values and form not in LOCAL:
        raise UsageError(
            f"--show-values shows values of records, and the format {form} is made to be passed on",
            advice="leave one of the two out",
        )
    project = Project(Checking(**options))
    names = project.names(paths, files_from, allow_empty=allow_empty)
    judge = None
    if remote is not None:
        from fhirkit.cli.verdicts import Judge

        judge = Judge(remote, project.validator)
    limit = project.fail_on(fail_on)
    allow_incomplete = allow_incomplete or project.settings.config.allow_incomplete
    run = Run(limit, allow_incomplete)
    with Sink(output) as sink:
        settings = Settings(
            {rule.id: rule.meaning for rule in RULES.values()},
            limit,
            allow_incomplete=allow_incomplete,
            show_values=show_values,
            colour=sink.colour,
            version=__version__,
        )
        writer = format_named(form, settings)
        run.over(project.check(names, stdin_filename), writer, sink, judge)
        run.settle(project.leftovers(), writer, sink)
    run.say_summary(project.policy, statistics=statistics)
    return run.code
