"""`fhirkit clone`: a new working tree with what a server holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from fhirkit.cli import exits
from fhirkit.cli.console import emit_json, say
from fhirkit.cli.results import busy, show_report
from fhirkit.cli.sources import export_options, picked
from fhirkit.cli.working_tree import connect, json_option, server_options
from fhirkit.core.errors import UsageError

if TYPE_CHECKING:
    from fhirkit.sync.config import Remote


@click.command()
@click.argument("url")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--name", default="origin", show_default=True, metavar="NAME", help="What to call the remote."
)
@click.option("--patient", metavar="ID", help="One patient's record, with all it refers to.")
@click.option("--type", "types", multiple=True, metavar="TYPE", help="All of a resource type.")
@click.option("--dry-run", "-n", is_flag=True, help="Ask what stands there, and make nothing.")
@export_options
@json_option
@server_options
def command(
    url: str,
    folder: Path,
    *,
    name: str,
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
    """Make FOLDER a working tree, call the FHIR server at URL its remote, and pull.

    A clone that was interrupted is finished by fhirkit pull in its folder; one that had not even
    noted its remote by the same command.
    """
    from fhirkit.sync.config import add_remote, checked_remote
    from fhirkit.sync.session import opened
    from fhirkit.sync.worktree import WorkingTree

    if patient is not None and types:
        raise click.UsageError("--patient and --type exclude each other")
    pick = picked(source, longest, patient=patient, group=group, everyone=everyone)
    if not _is_free(folder):
        raise UsageError(f"{folder}: exists and is not an empty folder")
    remote = checked_remote(name, url, token_env=token_env, ca_bundle=ca_bundle)
    if dry_run:
        return _looked_at(remote, folder, timeout=timeout, as_json=as_json)
    tree, _ = WorkingTree.init(folder)
    add_remote(tree.config, remote)
    client = connect(remote, timeout=timeout, folder=tree.root)
    with opened(tree, name, client) as session, busy(f"Cloning from {client.host}"):
        ready = session.prepare_pull(patient=patient, types=types or None, pick=pick)
        report = session.pull(ready)
    say(f"{folder} is a working tree now")
    return show_report(report, as_json=as_json)


def _is_free(folder: Path) -> bool:
    """Whether nothing is there, or no more than a clone left that had just begun."""
    from fhirkit.sync.config import read_remotes
    from fhirkit.sync.worktree import STATE, WorkingTree

    if not folder.exists():
        return True
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else {""}
    tree = WorkingTree(folder)
    begun = names == {STATE} and not tree.database.exists() and not read_remotes(tree.config)
    return not names or begun


def _looked_at(remote: Remote, folder: Path, *, timeout: float, as_json: bool) -> int:
    """Whether the server answers and speaks FHIR R4; nothing is written."""
    from contextlib import closing

    from fhirkit.remote.capability import Capability
    from fhirkit.sync.meeting import require_r4

    with closing(connect(remote, timeout=timeout)) as client, busy(f"Asking {client.host}"):
        capability = Capability.of(client.capabilities())
        require_r4(capability, client)
    if as_json:
        server = {"software": capability.software, "fhir_version": capability.fhir_version}
        emit_json({"root": str(folder.absolute()), "url": remote.url, "server": server})
    say(f"{folder} would be made, and filled from {remote.url} ({capability.software})")
    return exits.CLEAN
