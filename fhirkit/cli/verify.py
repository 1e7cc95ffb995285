"""`fhirkit verify`: prove that working tree and server hold the same."""

from __future__ import annotations

import rich_click as click

from fhirkit.cli import exits
from fhirkit.cli.console import counted, emit, emit_json, plain, say, show_issues
from fhirkit.cli.results import busy
from fhirkit.cli.working_tree import connect, here, json_option, named_remote, server_options


@click.command()
@click.argument("name", required=False)
@json_option
@server_options
def command(
    name: str | None,
    *,
    as_json: bool,
    timeout: float,
    token_env: str | None,
    ca_bundle: str | None,
) -> int:
    """Read everything in the tree from the remote NAME again, and compare.

    Exits with 0 only when every resource is there as it was agreed on and here as it was sent.
    Where a server stores another form than it was sent, it is compared with that form, and said
    so.
    """
    from fhirkit.sync.upkeep import OTHER_FORM, opened_for_upkeep

    tree = here()
    remote = named_remote(tree, name)
    client = connect(remote, timeout=timeout, token_env=token_env, ca_bundle=ca_bundle)
    with opened_for_upkeep(tree, remote.name, client) as session, busy(f"Reading {remote.name}"):
        report = session.verify()
    differing = [line for line in report.lines.values() if line.result == "differs"]
    otherwise = [str(key) for key, line in report.lines.items() if line.note == OTHER_FORM]
    if as_json:
        emit_json(
            {
                "remote": remote.name,
                "same": not differing and report.complete,
                "compared": len(report.lines),
                "otherwise": otherwise,
                "differing": [line.to_dict() for line in differing],
                "issues": [issue.to_dict() for issue in report.issues],
            }
        )
    else:
        emit("".join(plain(f"{line.note:<10} {line.key}\n") for line in differing))
    show_issues(report.issues, err=True)
    compared = counted(len(report.lines), "resource")
    say(f"{compared} compared with {remote.name}, {len(differing)} differ")
    if otherwise:
        say(f"{len(otherwise)} stored in another form (fhirkit diff --remote shows it)")
    return exits.CLEAN if report.complete else exits.FINDINGS
