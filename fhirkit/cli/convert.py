"""`fhirkit convert`: a case file becomes FHIR."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from fhirkit.cli import exits
from fhirkit.cli.console import emit, emit_json, say, show_issues
from fhirkit.core.errors import UsageError

_OUTPUTS = ("transaction", "collection", "document", "ndjson")


def _print_schema(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    del param
    if value and not ctx.resilient_parsing:
        from fhirkit.convert.schema import case_schema

        emit_json(case_schema())
        ctx.exit(exits.CLEAN)


@click.command("convert", short_help="Turn a clinical case into FHIR R4.")
@click.argument("case", type=click.Path(path_type=Path))
@click.option(
    "--to",
    type=click.Choice(_OUTPUTS),
    default="transaction",
    show_default=True,
    help="What to write: a Bundle of that type (document: an IPS), or NDJSON.",
)
@click.option("--as-of", metavar="NAME", help="What was known at this point of the timeline.")
@click.option(
    "--timestamp",
    metavar="T",
    envvar="SOURCE_DATE_EPOCH",
    help="Time stamp: an instant, or seconds since 1970. Default: made from the case.",
)
@click.option(
    "-o", "--output", metavar="FILE", default="-", show_default=True,
    help="Where to write; - is stdout.",
)  # fmt: skip
@click.option("--strict", is_flag=True, help="Facts that are assumed, not stated, are errors.")
@click.option(
    "--provenance",
    type=click.Choice(("none", "bundle")),
    default="bundle",
    show_default=True,
    help="Whether a Provenance resource is made.",
)
@click.option("--json", "as_json", is_flag=True, help="Only check: print the issues as JSON.")
@click.option(
    "--schema",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_schema,
    help="Print the JSON Schema of case files, for editors, and stop.",
)
def command(
    case: Path,
    to: str,
    as_of: str | None,
    timestamp: str | None,
    output: str,
    strict: bool,
    provenance: str,
    as_json: bool,
) -> int:
    """Turn the clinical case in the file CASE into FHIR R4.

    The same case gives the same bytes, always. All problems of the case are shown in one run; a
    case with errors writes nothing.
    """
    from fhirkit.convert import convert_case

    if str(case) == "-":
        raise UsageError(
            "a case is read from a file", advice="name the file: its source is beside it"
        )
    done = convert_case(
        case, to, as_of=as_of, timestamp=timestamp, strict=strict, provenance=provenance
    )
    failed = done.output is None
    if as_json:
        emit_json([issue.to_dict() for issue in done.outcome])
        return exits.FINDINGS if failed else exits.CLEAN
    show_issues(done.outcome, err=True)
    if done.output is None:
        count = len(done.outcome.errors)
        say(f"{case}: {count} {'error' if count == 1 else 'errors'}, nothing written")
        return exits.FINDINGS
    _write(done.output, output)
    return exits.CLEAN


def _write(made: object, output: str) -> None:
    from fhirkit.core.files import write_atomic
    from fhirkit.core.jsonio import dumps

    text = made if isinstance(made, str) else dumps(made)
    if output == "-":
        emit(text)
        return
    write_atomic(Path(output), text.encode())
    say(f"{output}: written")
