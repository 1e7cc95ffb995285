"""`fhirkit resume`: finish a push that was interrupted."""

from __future__ import annotations

import rich_click as click

from fhirkit.cli.planned import show_plan
from fhirkit.cli.results import busy, show_report
from fhirkit.cli.working_tree import connect, here, json_option, named_remote, server_options


@click.command()
@click.argument("name", required=False)
@click.option("--dry-run", "-n", is_flag=True, help="Print the requests and send none.")
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
) -> int:
    """Find out what became of an interrupted push to the remote NAME, and send its rest.

    Only what that push had planned is sent. An ordinary push settles what is in doubt as well,
    and then sends everything that changed.
    """
    from fhirkit.sync.upkeep import opened_for_upkeep

    tree = here()
    remote = named_remote(tree, name)
    client = connect(remote, timeout=timeout, token_env=token_env, ca_bundle=ca_bundle)
    with opened_for_upkeep(tree, remote.name, client) as session, busy(f"Asking {remote.name}"):
        if dry_run:
            with session.state.rehearsal():
                planned = {one.key for one in session.journal.unfinished()}
                ready = session.prepare_push(only=planned, look=True)
            return show_plan(ready, as_json=as_json, delete=True)
        report = session.resume()
    return show_report(report, as_json=as_json)
