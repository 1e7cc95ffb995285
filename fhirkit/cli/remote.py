"""`fhirkit remote`: the servers that a working tree is kept in step with."""

from __future__ import annotations

from typing import Any

import rich_click as click

from fhirkit.cli.access_options import access_of, access_options
from fhirkit.cli.console import emit, emit_json, plain, say
from fhirkit.cli.remote_probe import probe
from fhirkit.cli.remote_removal import remove, reset
from fhirkit.cli.working_tree import here, json_option


@click.group()
def command() -> None:
    """Name the servers that this working tree is pushed to and pulled from."""


@command.command()
@click.argument("name")
@click.argument("url")
@access_options
@click.option(
    "--late-commit", type=click.FloatRange(30, 3600), default=150, show_default=True,
    metavar="SECONDS",
    help="The server may still commit what it was sent so long after it was given up: at least as "
    "long as its transactions may last.",
)  # fmt: skip
@click.option(
    "--replace", is_flag=True,
    help="Take these settings for all that NAME had; what was agreed with it stays.",
)  # fmt: skip
@click.option("--dry-run", "-n", is_flag=True, help="Check the settings and write nothing.")
@json_option
def add(
    name: str,
    url: str,
    *,
    late_commit: float,
    replace: bool,
    dry_run: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Call the FHIR server at URL by NAME from now on."""
    from fhirkit.sync.config import add_remote, checked_remote
    from fhirkit.sync.lock import locked

    tree = here()
    access = access_of(url, given, tree.root)
    remote = checked_remote(name, url, access=access, late_commit=late_commit)
    with locked(tree.state):
        new = add_remote(tree.config, remote, replace=replace, dry_run=dry_run)
    if as_json:
        emit_json({"name": name, "url": remote.url, "new": new})
    word = ("would be" if dry_run else "is now") if new else "is already"
    say(f"{name} {word} {remote.url}")


@command.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """Show the remotes, and where the secret of each is kept."""
    from fhirkit.sync.config import read_remotes

    remotes = read_remotes(here().config).values()
    if as_json:
        import msgspec

        emit_json(
            [
                {
                    "name": one.name,
                    **msgspec.to_builtins(one.access),
                    "late_commit": one.late_commit,
                }
                for one in remotes
            ]
        )
        return
    for one in remotes:
        auth = one.access.auth
        known = [f"{auth.kind} {auth.secret}"] if auth else []
        emit(plain("\t".join([one.name, one.url, *known]) + "\n"))


command.add_command(remove)
command.add_command(reset)
command.add_command(probe)
