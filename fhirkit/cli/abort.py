"""`fhirkit abort`: give up a push, or an export, that was interrupted."""

from __future__ import annotations

import rich_click as click

from fhirkit.cli.console import counted, emit_json, say
from fhirkit.cli.results import busy
from fhirkit.cli.working_tree import connect, here, json_option, named_remote, server_options


@click.command()
@click.argument("name", required=False)
@click.option("--dry-run", "-n", is_flag=True, help="Say what is open, and ask nobody.")
@json_option
@server_options
def command(
    name: str | None,
    *,
    dry_run: bool,
    as_json: bool,
    timeout: float,
    token_env: str | None,
    ca_bundle: str | None,
) -> None:
    """Find out what became of an interrupted push to the remote NAME, and drop its rest.

    A bulk export that a pull had begun there is ended as well.

    What had arrived stays on the server and is noted; nothing is sent. The files stay as they
    are, so a later push would send them.
    """
    from fhirkit.sync.journal import OpState
    from fhirkit.sync.upkeep import opened_for_upkeep

    tree = here()
    remote = named_remote(tree, name)
    client = connect(remote, timeout=timeout, token_env=token_env, ca_bundle=ca_bundle)
    with opened_for_upkeep(tree, remote.name, client) as session, busy(f"Asking {remote.name}"):
        if dry_run:
            arrived = len(session.journal.open())
            dropped = len(session.journal.open(OpState.PLANNED))
            exports = len(session.store.exports())
        else:
            arrived, dropped, exports = session.abort()
    if as_json:
        first = "in_doubt" if dry_run else "arrived"
        second = "planned" if dry_run else "dropped"
        emit_json({first: arrived, second: dropped, "exports": exports})
    words = ("in doubt", "planned and never sent") if dry_run else ("had arrived", "dropped")
    if exports:
        say(f"{counted(exports, 'bulk export')} {'under way' if dry_run else 'ended'}")
    say(f"{counted(arrived, 'write')} {words[0]}, {dropped} {words[1]}")
