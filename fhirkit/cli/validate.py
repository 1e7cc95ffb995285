"""`fhirkit validate`: check files against FHIR, offline."""

from __future__ import annotations

from typing import Any

import rich_click as click

from fhirkit.cli.checking import checking_options
from fhirkit.cli.validating import ALIASES, FORMATS


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
    default="error",
    show_default=True,
    help="The least severity that gives exit code 1.",
)
@click.option("--allow-incomplete", is_flag=True, help="Exit 0 though something was not checked.")
@click.option("--allow-empty", is_flag=True, help="Exit 0 when there is nothing to check.")
@click.option(
    "--files-from", metavar="FILE", help="Check the files that FILE (or -) lists, one a line."
)
@click.option(
    "--stdin-filename", metavar="NAME", help="What to call standard input; .ndjson makes it NDJSON."
)
@click.option("--remote", metavar="URL", help="Ask this server's $validate too, and show both.")
def command(
    *,
    paths: tuple[str, ...],
    form: str,
    as_json: bool,
    show_values: bool,
    fail_on: str,
    allow_incomplete: bool,
    allow_empty: bool,
    files_from: str | None,
    stdin_filename: str | None,
    remote: str | None,
    **options: Any,
) -> int:
    """Check FHIR resources: files (JSON, XML, NDJSON), folders, globs, or - for standard input.

    Nothing is fetched. Issues go to standard output as soon as they are found, in the order of the
    inputs; the summary goes to standard error. No bad input stops the others. With --remote the
    server's errors are listed, too, and count: exit code 1. Where an input could not be fully
    checked the exit code is 3, whatever else was found, unless --allow-incomplete is given.
    """
    import sys

    from fhirkit.cli.checking import Checking
    from fhirkit.cli.validating import Run, make_format, named_inputs
    from fhirkit.core.errors import UsageError
    from fhirkit.core.issues import Severity
    from fhirkit.validate.batch import check, read_all

    form = "json" if as_json else ALIASES.get(form, form)
    if show_values and form not in ("text", "concise"):
        raise UsageError(
            f"--show-values shows values of records, and the format {form} is made to be passed on",
            advice="leave one of the two out",
        )
    names = named_inputs(paths, files_from, allow_empty=allow_empty)
    checking = Checking(**options)
    validator = checking.validator()
    judge = None
    if remote is not None:
        from fhirkit.cli.verdicts import Judge

        judge = Judge(remote, validator)
    limit = None if fail_on == "never" else Severity(fail_on)
    inputs = read_all(names, sys.stdin.buffer, stdin_filename or "<stdin>")
    outcomes = check(validator, inputs, checking.profiles)
    run = Run(limit, allow_incomplete)
    return run.over(outcomes, make_format(form, show_values=show_values), judge)
