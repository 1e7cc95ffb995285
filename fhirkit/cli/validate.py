"""`fhirkit validate`: check files against FHIR R4, offline."""

from __future__ import annotations

import rich_click as click

from fhirkit.cli import exits
from fhirkit.cli.console import emit_json, progress, show_issues
from fhirkit.core.errors import UsageError

_FORMATS = click.Choice(["text", "json", "operation-outcome"])


@click.command("validate")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--profile", "profiles", multiple=True, metavar="URL", help="A profile to follow.")
@click.option(
    "--definition", "definitions", multiple=True, metavar="FILE", help="Extra definition."
)
@click.option(
    "--package",
    "packages",
    multiple=True,
    metavar="PACKAGE",
    help="A FHIR package: FILE.tgz, a folder, or NAME@VERSION of the package cache.",
)
@click.option("--format", "form", type=_FORMATS, default="text", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "--fail-on", type=click.Choice(["error", "warning"]), default="error", show_default=True
)
@click.option("--allow-incomplete", is_flag=True, help="Exit 0 though something was not checked.")
@click.option("--remote", metavar="URL", help="Ask this server's $validate too, and show both.")
def command(
    paths: tuple[str, ...],
    profiles: tuple[str, ...],
    definitions: tuple[str, ...],
    packages: tuple[str, ...],
    form: str,
    as_json: bool,
    fail_on: str,
    allow_incomplete: bool,
    remote: str | None,
) -> int:
    """Check FHIR R4 resources: files (JSON, XML, NDJSON), folders, globs, or - for standard input.

    Nothing is fetched. Issues go to standard output, the summary to standard error. With --remote
    the server's errors are listed, too, and count: exit code 1. Where an input could not be fully
    checked the exit code is 3, whatever else was found, unless --allow-incomplete is given.
    """
    import sys
    from pathlib import Path

    from fhirkit.cli.packages import package_cache
    from fhirkit.cli.verdicts import Judge, Verdict, document, summary
    from fhirkit.core.issues import Severity
    from fhirkit.validate import Validator
    from fhirkit.validate.batch import STDIN, check, expand, read_all

    names = expand(paths)
    if not any(name == STDIN or Path(name).exists() for name in names):
        raise UsageError(
            f"nothing to validate: {', '.join(paths)}",
            advice="name files (.json, .xml, .ndjson), folders or globs that exist",
        )
    form = "json" if as_json else form
    limit = Severity(fail_on).rank
    cache = package_cache(None).root if packages else None
    validator = Validator(definitions, packages, package_cache=cache)
    judge = None if remote is None else Judge(remote, validator)
    verdicts: list[Verdict] = []
    code = exits.CLEAN
    inputs = read_all(names, sys.stdin.buffer)
    for checked in progress(check(validator, inputs, profiles), what="validating"):
        verdict = Verdict.of(checked, judge)
        verdicts.append(verdict)
        if form == "text":
            show_issues(checked.outcome)
            verdict.show_server()
        if any(issue.severity.rank <= limit for issue in checked.outcome):
            code = exits.worst(code, exits.FINDINGS)
        if checked.incomplete and not allow_incomplete:
            code = exits.worst(code, exits.INCOMPLETE)
        if verdict.refused:
            code = exits.worst(code, exits.FINDINGS)
        if verdict.unanswered:
            code = exits.worst(code, exits.REMOTE)
    if form != "text":
        emit_json(document(form, verdicts))
    summary(verdicts)
    return code
