"""`fhirkit status`: what differs from what was last agreed with a remote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from fhirkit.cli import exits
from fhirkit.cli.console import counted, emit, emit_json, plain, say, show_issues
from fhirkit.cli.results import busy
from fhirkit.cli.working_tree import connect, here, json_option, named_remote, server_options

if TYPE_CHECKING:
    from fhirkit.sync.plan import Plan
    from fhirkit.sync.worktree import Scan, WorkingTree

_LETTERS = {
    "added": "A",
    "modified": "M",
    "deleted": "D",
    "behind": "m",
    "gone": "d",
    "incoming": "a",
    "converged": "=",
    "conflict": "U",
}


@click.command()
@click.argument("name", required=False)
@click.option("--fetch", is_flag=True, help="Ask the server about each resource of the tree.")
@click.option("--check", is_flag=True, help="Exit with 1 when anything differs.")
@json_option
@server_options
def command(
    name: str | None,
    *,
    fetch: bool,
    check: bool,
    as_json: bool,
    timeout: float,
    token_env: str | None,
    ca_bundle: str | None,
) -> int:
    """Compare the files with what was last agreed with the remote NAME.

    A added, M modified, D deleted here; a added, m changed, d deleted on the server; U both (a
    conflict); = both, alike. Without --fetch no server is asked. What is new there is only found
    by fhirkit fetch.
    """
    from fhirkit.sync.config import read_remotes

    tree = here()
    if fetch:
        from fhirkit.sync.session import opened

        remote = named_remote(tree, name)
        client = connect(remote, timeout=timeout, token_env=token_env, ca_bundle=ca_bundle)
        with opened(tree, remote.name, client) as session, busy(f"Asking {remote.name}"):
            ready = session.prepare_push(every=True)
            unfinished = len(session.journal.unfinished())
        chosen, plan, scan = remote.name, ready.plan, ready.scan
    else:
        known = name is not None or read_remotes(tree.config)
        chosen = named_remote(tree, name).name if known else ""
        plan, scan, unfinished = _offline(tree, chosen)
    differing = {key: word for key, word in plan.statuses.items() if word != "clean"}
    if as_json:
        resources = [
            {"resource": str(key), "status": str(word)}
            | ({"reason": plan.conflicts[key]} if key in plan.conflicts else {})
            for key, word in differing.items()
        ]
        emit_json(
            {
                "remote": chosen or None,
                "clean": not differing,
                "resources": resources,
                "unfinished": unfinished,
                "issues": [issue.to_dict() for issue in scan.issues],
            }
        )
    else:
        for key, word in differing.items():
            reason = plan.conflicts.get(key)
            emit(plain(f"{_LETTERS[word]} {key}{f'  ({reason})' if reason else ''}\n"))
    show_issues(scan.issues, err=True)
    since = f" since the last agreement with {chosen}" if chosen else "; there is no remote yet"
    say(f"{counted(len(scan.entries), 'resource')}, {len(differing)} differ{since}")
    if plan.conflicts:
        say(
            f"{len(plan.conflicts)} changed on both sides: fhirkit pull merges what it can,"
            " fhirkit resolve settles the rest"
        )
    if unfinished:
        left = f"an interrupted push left {counted(unfinished, 'write')} open"
        say(f"{left}: fhirkit resume finishes it, fhirkit abort gives it up")
    codes = [exits.CLEAN]
    if any(issue.is_error for issue in scan.issues) or (check and differing):
        codes.append(exits.FINDINGS)
    if plan.conflicts:
        codes.append(exits.CONFLICT)
    return exits.worst(*codes)


def _offline(tree: WorkingTree, remote: str) -> tuple[Plan, Scan, int]:
    from fhirkit.core.garbage import collector_paused
    from fhirkit.sync.base import BaseStore
    from fhirkit.sync.journal import Journal
    from fhirkit.sync.offline import offline_plan, scanned
    from fhirkit.sync.state import State

    # All that is made here stays until the answer is out, so there is nothing to collect.
    with collector_paused(), State(tree.database) as state:
        store = BaseStore(state, remote)
        scan = scanned(tree, state)
        unfinished = len(Journal(state, remote).unfinished())
        return offline_plan(scan, store.entries(), store.tracked()), scan, unfinished
