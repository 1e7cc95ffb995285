"""`fhirkit trash`: what left the working tree, and the way back."""

from __future__ import annotations

import rich_click as click

from fhirkit.cli.console import counted, emit, emit_json, plain, say
from fhirkit.cli.working_tree import here, json_option, keys_of


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def command(ctx: click.Context, *, as_json: bool) -> None:
    """Show what was replaced or removed in this working tree, latest first."""
    if ctx.invoked_subcommand is not None:
        return
    from fhirkit.sync.trash import thrown

    found = thrown(here())
    if as_json:
        emit_json([{"moment": one.moment, "resource": str(one.key)} for one in found])
    else:
        emit("".join(plain(f"{one.moment}  {one.key}\n") for one in found))
    say(f"{counted(len(found), 'file')} in the trash")


@command.command()
@click.argument("resource")
@click.option(
    "--moment", metavar="MOMENT", help="Which one, when there are several. [default: the latest]"
)
@click.option("--dry-run", "-n", is_flag=True, help="Say which would come back, and leave it.")
@json_option
def restore(resource: str, *, moment: str | None, dry_run: bool, as_json: bool) -> None:
    """Put the file of RESOURCE (Type/id) back; nothing is overwritten."""
    from fhirkit.sync.lock import locked
    from fhirkit.sync.trash import restore as put_back

    tree = here()
    (key,) = keys_of((resource,))
    with locked(tree.state):
        found = put_back(tree, key, moment, dry_run=dry_run)
    if as_json:
        emit_json({"resource": str(key), "moment": found.moment})
    say(f"{key} {'would be' if dry_run else 'is'} back, as it was at {found.moment}")


@command.command()
@click.option("--dry-run", "-n", is_flag=True, help="Say how much would go, and leave it.")
@json_option
def empty(*, dry_run: bool, as_json: bool) -> None:
    """Remove everything from the trash for good."""
    from fhirkit.sync.lock import locked
    from fhirkit.sync.trash import empty as remove
    from fhirkit.sync.trash import thrown

    tree = here()
    with locked(tree.state):
        count = len(thrown(tree)) if dry_run else remove(tree)
    if as_json:
        emit_json({"files": count})
    say(f"{counted(count, 'file')} {'would be removed' if dry_run else 'removed for good'}")
