"""`fhirkit pull`: bring files up to what a server holds, or save a record as one file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from fhirkit.cli.merging import judgement
from fhirkit.cli.planned import show_files
from fhirkit.cli.results import busy, show_report
from fhirkit.cli.saved import save, save_lines, select
from fhirkit.cli.sources import export_options, picked
from fhirkit.cli.working_tree import (
    connect,
    here,
    json_option,
    keys_of,
    named_remote,
    server_options,
    url_remote,
)

if TYPE_CHECKING:
    pass


@click.command()
@click.argument("name", required=False)
@click.option("--dry-run", "-n", is_flag=True, help="Fetch, say what would change, and leave it.")
@click.option("--patient", metavar="ID", help="One patient's record, with all it refers to.")
@click.option("--type", "types", multiple=True, metavar="TYPE", help="All of a resource type.")
@export_options
@click.option(
    "--merge/--no-merge", default=True, show_default=True,
    help="Merge what changed on both sides, where that is safe.",
)  # fmt: skip
@click.option("--theirs", multiple=True, metavar="Type/id", help="Settle this conflict their way.")
@click.option(
    "--max-delete", type=click.IntRange(min=0), show_default="10", metavar="N",
    help="Stop when more files than this would go away.",
)  # fmt: skip
@click.option("--remote", "url", metavar="URL", help="Pull from there, without a working tree.")
@click.option("-o", "--output", metavar="FILE", help="With --remote: .json, .ndjson or - .")
@json_option
@server_options
def command(
    name: str | None,
    *,
    dry_run: bool,
    patient: str | None,
    types: tuple[str, ...],
    source: str,
    longest: float,
    group: str | None,
    everyone: bool,
    merge: bool,
    theirs: tuple[str, ...],
    max_delete: int | None,
    url: str | None,
    output: str | None,
    as_json: bool,
    timeout: float,
    token_env: str | None,
    ca_bundle: str | None,
) -> int:
    """Pull from the remote NAME into the working tree, or from --remote URL into FILE.

    Without --patient or --type everything is fetched: what changed since the last time where the
    server lists its history, else by a bulk export, else by searches (--source). What was
    changed here and on the server is merged element by element where that is safe, else a
    conflict (exit 4) that fhirkit resolve settles; its file is left alone. Paging is followed to
    its end; when a page fails, so does the command.
    """
    if patient is not None and types:
        raise click.UsageError("--patient and --type exclude each other")
    pick = picked(source, longest, patient=patient, group=group, everyone=everyone)
    if url is None:
        if output is not None:
            raise click.UsageError("-o needs --remote")
        from fhirkit.sync.session import opened

        tree, verdict = here(), judgement() if merge else None
        remote = named_remote(tree, name)
        client = connect(remote, timeout=timeout, token_env=token_env, ca_bundle=ca_bundle)
        with opened(tree, remote.name, client) as session, busy(f"Pulling from {remote.name}"):
            ready = session.prepare_pull(
                patient=patient,
                types=types or None,
                theirs=keys_of(theirs),
                max_delete=max_delete,
                pick=pick,
            )
            if dry_run:
                from fhirkit.sync.foresight import foresee

                foreseen = foresee(session.store, ready.scan, ready.plan, verdict)
                return show_files(ready, foreseen, as_json=as_json)
            report = session.pull(ready, verdict)
        return show_report(report, as_json=as_json)
    remote = url_remote(url, token_env, ca_bundle)
    client = connect(remote, timeout=timeout, token_env=token_env, ca_bundle=ca_bundle)
    with busy(f"Pulling from {client.host}"):
        if pick.is_export and output is not None and output.endswith(".ndjson"):
            return save_lines(client, types, pick, output, as_json=as_json)
        found = select(client, patient, types, pick)
    return save(client, found, output or "-", as_json=as_json)
