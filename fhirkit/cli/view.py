"""`fhirkit view`: a case, Bundle or folder as one HTML page."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from fhirkit.cli import exits
from fhirkit.cli.console import emit, emit_json, say
from fhirkit.core.errors import UsageError


@click.command("view", short_help="Show a record as one HTML page.")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("-o", "--output", metavar="FILE", help="Where to write the page; - is stdout.")
@click.option("--as-of", metavar="NAME", help="Of a case: what was known at this point.")
@click.option("--title", default="", metavar="TEXT", help="The heading, if not the record's own.")
@click.option("--no-validate", is_flag=True, help="Leave validation out.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    metavar="N",
    help="How many resources are listed; of more, a fair choice of every kind.",
)
@click.option("--open", "opened", is_flag=True, help="Open the page in the browser.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def command(
    source: Path,
    output: str | None,
    as_of: str | None,
    title: str,
    no_validate: bool,
    limit: int,
    opened: bool,
    as_json: bool,
) -> int:
    """Show a case (.yaml), FHIR (.json, .xml, .ndjson) or a folder of resources as one HTML page.

    The page needs no network. It is written to the current folder, named after SOURCE and readable
    by you alone; its path is printed.
    """
    from fhirkit.cli.viewed import CASE_SUFFIXES, read_viewed
    from fhirkit.report.page import render

    if output == "-" and (opened or as_json):
        raise UsageError("-o - prints the page itself, so --open and --json don't go with it")
    if as_of and source.suffix not in CASE_SUFFIXES:
        raise UsageError("--as-of needs a case (.yaml): only a case has a timeline to stop at")
    if not source.exists():
        raise UsageError(f"{source}: no such file or folder")
    target = None if output == "-" else _target(source, output)
    viewed = read_viewed(source, as_of=as_of, validated=not no_validate)
    page = render(
        viewed.resources,
        viewed.outcome,
        title=title or viewed.title,
        not_reported=viewed.not_reported,
        most_cards=limit,
    )
    valid = None if viewed.outcome is None else viewed.outcome.valid
    code = exits.FINDINGS if valid is False else exits.CLEAN
    if target is None:
        emit(page)
        return code
    from fhirkit.core.files import write_atomic

    write_atomic(target, page.encode())
    if as_json:
        issues = [issue.to_dict() for issue in viewed.outcome or ()]
        emit_json({"page": str(target), "valid": valid, "issues": issues})
    else:
        emit(f"{target}\n")
    if opened:
        import webbrowser

        if not webbrowser.open(target.resolve().as_uri()):
            say(f"no browser was found; open {target} yourself")
    return code


def _target(source: Path, output: str | None) -> Path:
    """Where the page goes: as asked, else beside nothing of the user's own."""
    if output is not None:
        return Path(output)
    from fhirkit.report.page import GENERATOR

    path = Path(f"{source.resolve().stem}.html")
    if path.is_file():
        with path.open(encoding="utf-8", errors="replace") as old:
            if GENERATOR not in old.read(4000):
                raise UsageError(
                    f"{path}: is there already and was not made by fhirkit view",
                    advice=f"name another file: fhirkit view {source} -o page.html",
                )
    return path
