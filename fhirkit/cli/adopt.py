"""`fhirkit adopt`: say that a resource here and one on the server are the same."""

from __future__ import annotations

from contextlib import nullcontext

import rich_click as click

from fhirkit.cli import exits
from fhirkit.cli.console import counted, emit, emit_json, plain, say
from fhirkit.cli.working_tree import (
    connect,
    here,
    json_option,
    keys_of,
    named_remote,
    server_options,
)
from fhirkit.core.errors import UsageError


@click.command()
@click.argument("resource", required=False)
@click.argument("there", required=False)
@click.option("--name", metavar="NAME", help="Which remote, when there are several.")
@click.option("--dry-run", "-n", is_flag=True, help="Say what would be linked, and link nothing.")
@json_option
@server_options
def command(
    resource: str | None,
    there: str | None,
    *,
    name: str | None,
    dry_run: bool,
    as_json: bool,
    timeout: float,
    token_env: str | None,
    ca_bundle: str | None,
) -> int:
    """Link RESOURCE (Type/id in the tree) with THERE (Type/id on the server).

    Without both, list what is new on either side and shares a business identifier, after a
    fetch. Neither side is changed; what differs is merged, or a conflict, at the next pull.
    """
    from fhirkit.sync.upkeep import opened_for_upkeep, opened_offline

    if (resource is None) != (there is None):
        raise UsageError("name both: the resource in the tree and the one on the server")
    tree = here()
    remote = named_remote(tree, name)
    if resource is None or there is None:
        with opened_offline(tree, remote.name) as offline:
            pairs = offline.adoptable()
        said = f"{counted(len(pairs), 'pair')} sharing an identifier"
        if pairs:
            said += ": fhirkit adopt {} {} links it".format(*pairs[0])
    else:
        ((key,), (other,)) = keys_of((resource,)), keys_of((there,))
        client = connect(remote, timeout=timeout, token_env=token_env, ca_bundle=ca_bundle)
        with (
            opened_for_upkeep(tree, remote.name, client) as session,
            session.state.rehearsal() if dry_run else nullcontext(),
        ):
            session.adopt(key, other)
        pairs = [(key, other)]
        said = f"{key} is {other} on {remote.name}; fhirkit pull brings both together"
        if dry_run:
            said = f"{key} would be {other} on {remote.name}"
    rows = [{"resource": str(mine), "there": str(theirs)} for mine, theirs in pairs]
    if as_json:
        emit_json(rows)
    elif resource is None:
        emit("".join(plain(f"{row['resource']}  {row['there']}\n") for row in rows))
    say(said)
    return exits.CLEAN
