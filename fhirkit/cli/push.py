"""`fhirkit push`: bring the working tree's changes, or a Bundle, to a server."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import rich_click as click

from fhirkit.cli.planned import show_plan
from fhirkit.cli.results import busy, show_report
from fhirkit.cli.working_tree import (
    connect,
    here,
    json_option,
    keys_of,
    named_remote,
    server_options,
    url_remote,
)


@click.command()
@click.argument("source", required=False)
@click.option(
    "--remote", "url", metavar="URL", help="Push the Bundle SOURCE there, without a tree."
)
@click.option("--dry-run", "-n", is_flag=True, help="Print the requests and send none.")
@click.option("--delete", is_flag=True, help="Delete on the server what was deleted here.")
@click.option(
    "--max-delete", type=click.IntRange(min=0), show_default="10", metavar="N",
    help="Send nothing when more resources than this would be deleted, or all, unless it is their "
    "very number.",
)  # fmt: skip
@click.option(
    "--at-least-once", is_flag=True,
    help="Create even on a server where an interrupted push may make a resource twice.",
)  # fmt: skip
@click.option("--ours", multiple=True, metavar="Type/id", help="Settle this conflict our way.")
@click.option("--overwrite", is_flag=True, help="With --remote: replace what is there.")
@json_option
@server_options
def command(
    source: str | None,
    *,
    url: str | None,
    dry_run: bool,
    delete: bool,
    max_delete: int | None,
    at_least_once: bool,
    ours: tuple[str, ...],
    overwrite: bool,
    as_json: bool,
    timeout: float,
    token_env: str | None,
    ca_bundle: str | None,
) -> int:
    """Push the working tree to the remote SOURCE, or the Bundle SOURCE to --remote URL.

    Everything is a PUT to its own id, in transactions; an update names the version it is based
    on. What changed on both sides is a conflict (exit 4) and left alone; what refers to it waits.
    A circle of references that is more than the server takes at once is not sent (exit 6). Exit
    0 means that all of it is on the server and was read back.
    """
    if url is None:
        from fhirkit.sync.prepared import Options
        from fhirkit.sync.session import opened

        tree = here()
        remote = named_remote(tree, source)
        client = connect(remote, timeout=timeout, token_env=token_env, ca_bundle=ca_bundle)
        with opened(tree, remote.name, client) as session, busy(f"Pushing to {remote.name}"):
            with session.state.rehearsal() if dry_run else nullcontext():
                ready = session.prepare_push(ours=keys_of(ours), look=dry_run)
            if dry_run:
                return show_plan(ready, as_json=as_json, delete=delete)
            options = Options(delete=delete, max_delete=max_delete, at_least_once=at_least_once)
            report = session.push(ready, options)
        return show_report(report, as_json=as_json)
    if source is None:
        raise click.UsageError("--remote URL needs a Bundle to push")
    if delete or ours:
        raise click.UsageError("--delete and --ours need a working tree")
    from fhirkit.sync.intake import Intake
    from fhirkit.sync.sources import merge, read_source
    from fhirkit.sync.treeless import prepare_bundle, push_bundle

    whole = Intake()
    for _, part in read_source(Path(source)):
        merge(whole, part)
    remote = url_remote(url, token_env, ca_bundle)
    client = connect(remote, timeout=timeout, token_env=token_env, ca_bundle=ca_bundle)
    with busy(f"Pushing to {client.host}"):
        ready = prepare_bundle(client, whole, overwrite=overwrite)
        if dry_run:
            return show_plan(ready, as_json=as_json, delete=False)
        report = push_bundle(client, ready)
    return show_report(report, as_json=as_json)
