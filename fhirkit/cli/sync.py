"""`fhirkit sync`: pull, then push."""

from __future__ import annotations

import rich_click as click

from fhirkit.cli.merging import judgement
from fhirkit.cli.planned import files_of, show_plan
from fhirkit.cli.results import busy, show_report
from fhirkit.cli.sources import picked, source_options
from fhirkit.cli.working_tree import connect, here, json_option, named_remote, server_options


@click.command()
@click.argument("name", required=False)
@click.option("--dry-run", "-n", is_flag=True, help="Fetch, print both plans, change nothing.")
@click.option("--delete", is_flag=True, help="Delete on the server what was deleted here.")
@click.option(
    "--max-delete", type=click.IntRange(min=0), show_default="10", metavar="N",
    help="Stop when more resources than this would go away on either side.",
)  # fmt: skip
@source_options
@json_option
@server_options
def command(
    name: str | None,
    *,
    dry_run: bool,
    delete: bool,
    max_delete: int | None,
    source: str,
    longest: float,
    as_json: bool,
    timeout: float,
    token_env: str | None,
    ca_bundle: str | None,
) -> int:
    """Bring the working tree and the remote NAME to the same state: pull, then push.

    The push is not begun when the pull could not be finished; a conflict only holds up the
    resource that it is about, and what refers to it.
    """
    from fhirkit.sync.prepared import Options
    from fhirkit.sync.session import opened

    pick = picked(source, longest)
    tree = here()
    remote = named_remote(tree, name)
    client = connect(remote, timeout=timeout, token_env=token_env, ca_bundle=ca_bundle)
    with opened(tree, remote.name, client) as session, busy(f"Syncing with {remote.name}"):
        ready = session.prepare_pull(max_delete=max_delete, pick=pick)
        if dry_run:
            from fhirkit.sync.foresight import foresee, scan_after

            # The push is planned from what the pull would leave, and all of it is undone.
            with session.state.rehearsal():
                foreseen = foresee(session.store, ready.scan, ready.plan, judgement())
                after = scan_after(session.store, ready.scan, ready.plan, foreseen)
                sent = session.prepare_push(look=True, scan=after)
                files = files_of(ready, foreseen)
                return show_plan(sent, as_json=as_json, delete=delete, files=files)
        pulled = session.pull(ready, judgement())
        if pulled.trouble is not None or pulled.incomplete:
            return show_report(pulled, as_json=as_json)
        pushed = session.push(session.prepare_push(), Options(delete=delete, max_delete=max_delete))
    for key, line in pulled.lines.items():
        if line.result != "unchanged" and (
            key not in pushed.lines or pushed.lines[key].result == "unchanged"
        ):
            pushed.add(line)
    return show_report(pushed, as_json=as_json)
