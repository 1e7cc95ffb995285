"""`fhirkit fetch`: learn what changed on a server without touching a file."""

from __future__ import annotations

from contextlib import nullcontext

import rich_click as click

from fhirkit.cli import exits
from fhirkit.cli.console import counted, emit, emit_json, plain, say
from fhirkit.cli.results import busy
from fhirkit.cli.sources import export_options, picked
from fhirkit.cli.working_tree import connect, here, json_option, named_remote, server_options


@click.command()
@click.argument("name", required=False)
@click.option("--patient", metavar="ID", help="One patient's record, with all it refers to.")
@click.option("--type", "types", multiple=True, metavar="TYPE", help="All of a resource type.")
@click.option("--dry-run", "-n", is_flag=True, help="Say what changed there, and forget it again.")
@export_options
@json_option
@server_options
def command(
    name: str | None,
    *,
    patient: str | None,
    types: tuple[str, ...],
    dry_run: bool,
    source: str,
    longest: float,
    group: str | None,
    everyone: bool,
    as_json: bool,
    timeout: float,
    token_env: str | None,
    ca_bundle: str | None,
) -> int:
    """Ask the remote NAME what changed there, and remember it for status, diff and resolve.

    A server that lists its history is asked for changes since the last time, others for a bulk
    export, or for everything (--source). Only .fhirkit is written to; pull brings the changes
    into the files.
    """
    from fhirkit.sync.offline import offline_plan
    from fhirkit.sync.session import opened

    if patient is not None and types:
        raise click.UsageError("--patient and --type exclude each other")
    pick = picked(source, longest, patient=patient, group=group, everyone=everyone)
    tree = here()
    remote = named_remote(tree, name)
    client = connect(remote, timeout=timeout, token_env=token_env, ca_bundle=ca_bundle)
    with (
        opened(tree, remote.name, client) as session,
        session.state.rehearsal() if dry_run else nullcontext(),
        busy(f"Asking {remote.name}"),
    ):
        fetched = session.fetch(patient=patient, types=types or None, pick=pick)
        tracked = session.store.tracked()
        plan = offline_plan(session.scan(), session.store.entries(), tracked)
    found = {key: str(plan.statuses[key]) for key in tracked if key in plan.statuses}
    if as_json:
        emit_json(
            {
                "remote": remote.name,
                "complete": not fetched.incomplete,
                "read": fetched.read,
                "changed": [{"resource": str(key), "status": word} for key, word in found.items()],
                "notes": fetched.notes,
            }
        )
    else:
        emit("".join(plain(f"{word:<10} {key}\n") for key, word in found.items()))
    for note in fetched.notes:
        say(f"note: {note}")
    say(f"{counted(fetched.read, 'version')} read, {len(found)} differ from what was agreed")
    return exits.INCOMPLETE if fetched.incomplete else exits.CLEAN
