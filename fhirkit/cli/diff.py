"""`fhirkit diff`: what differs, place by place, as FHIRPath."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from fhirkit.cli import exits
from fhirkit.cli.chosen import chosen
from fhirkit.cli.console import counted, emit, emit_json, plain, say, show_issues
from fhirkit.cli.results import busy
from fhirkit.cli.working_tree import (
    connect,
    here,
    json_option,
    named_remote,
    server_options,
)
from fhirkit.core.errors import UsageError

if TYPE_CHECKING:
    from fhirkit.core.resource import ResourceKey

    Side = dict[ResourceKey, dict[str, Any]]


@click.command()
@click.argument("what", nargs=-1)
@click.option("--remote", "ask", is_flag=True, help="Compare with the server, not the base.")
@click.option("--name", metavar="NAME", help="Which remote, when there are several.")
@json_option
@server_options
def command(
    what: tuple[str, ...],
    *,
    ask: bool,
    name: str | None,
    as_json: bool,
    timeout: float,
    token_env: str | None,
    ca_bundle: str | None,
) -> int:
    """Show what changed here since the last agreement, or with --remote against the server.

    WHAT limits it to resources (Type/id) or types. Two existing files or folders are compared
    with each other instead, whatever tree they are in. Versions and times, which servers own, do
    not count. Exits with 1 when anything differs.
    """
    if len(what) == 2 and not ask and all(Path(one).exists() for one in what):
        return _show(_files(Path(what[0])), _files(Path(what[1])), as_json=as_json)
    from fhirkit.sync.config import read_remotes
    from fhirkit.sync.session import agreed, counterpart_of

    tree = here()
    remotes = read_remotes(tree.config)
    # Before there is a remote, everything is new.
    remote = named_remote(tree, name) if ask or name is not None or remotes else None
    scan = tree.scan()
    known = agreed(tree, remote.name) if remote is not None else {}
    keys = chosen(what, {*scan.entries, *scan.held, *known}, remotes=remotes) - scan.held
    left: Side = {key: known[key] for key in keys if key in known}
    if ask and remote is not None:
        client = connect(remote, timeout=timeout, token_env=token_env, ca_bundle=ca_bundle)
        with busy(f"Asking {remote.name}"):
            held = counterpart_of(tree, remote.name, client).read_many(keys)
        left = {key: resource for key, resource in held.items() if resource is not None}
    right = {key: scan.resources[key] for key in keys if key in scan.entries}
    for key in sorted(keys - {*left, *right}):
        if what and key not in known:
            there = "on the server" if ask else "in what was last agreed"
            raise UsageError(f"{key}: is neither in the tree nor {there}")
    show_issues(scan.issues, err=True)
    code = _show(left, right, as_json=as_json)
    return exits.worst(code, exits.FINDINGS if scan.held else exits.CLEAN)


def _files(path: Path) -> Side:
    from fhirkit.sync.intake import Intake
    from fhirkit.sync.sources import merge, read_source

    whole = Intake()
    for _, part in read_source(path):
        merge(whole, part)
    return whole.resources


def _show(left: Side, right: Side, *, as_json: bool) -> int:
    from fhirkit.sync.compare import changes

    found = {key: changes(left.get(key), right.get(key)) for key in sorted({*left, *right})}
    found = {key: changed for key, changed in found.items() if changed}
    if as_json:
        emit_json(
            [
                {"resource": str(key), "changes": [change.to_dict() for change in changed]}
                for key, changed in found.items()
            ]
        )
    else:
        for key, changed in found.items():
            emit(plain(f"{key}\n") + "".join(plain(f"  {change}\n") for change in changed))
    say(f"{counted(len({*left, *right}), 'resource')} compared, {len(found)} differ")
    return exits.FINDINGS if found else exits.CLEAN
