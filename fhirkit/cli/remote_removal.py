"""`fhirkit remote remove` and `reset`: forget what was agreed with a server, or all of it."""

from __future__ import annotations

import rich_click as click

from fhirkit.cli.console import counted, emit_json, say
from fhirkit.cli.working_tree import here, json_option, named_remote


@click.command()
@click.argument("name")
@click.option("--dry-run", "-n", is_flag=True, help="Say what would be forgotten, and keep it.")
@json_option
def remove(name: str, *, dry_run: bool, as_json: bool) -> None:
    """Forget a remote and what was agreed with it; files and server stay as they are."""
    count = _forget(name, dry_run=dry_run, whole=True)
    if as_json:
        emit_json({"name": name, "agreed": count})
    word = "would be" if dry_run else "is"
    say(f"{name} {word} removed, with what was agreed on {counted(count, 'resource')}")


@click.command()
@click.argument("name")
@click.option("--dry-run", "-n", is_flag=True, help="Say what would be forgotten, and keep it.")
@json_option
def reset(name: str, *, dry_run: bool, as_json: bool) -> None:
    """Begin anew with a remote: forget what was agreed, keep its name, files and server.

    What is equal on both sides is found again by the next push or pull; what differs is then a
    conflict, so nothing is overwritten.
    """
    count = _forget(name, dry_run=dry_run)
    if as_json:
        emit_json({"name": name, "agreed": count})
    word = "would begin" if dry_run else "begins"
    say(f"{name} {word} anew, without what was agreed on {counted(count, 'resource')}")


def _forget(name: str, *, dry_run: bool, whole: bool = False) -> int:
    """Forget what was agreed with a remote, or the whole remote; on how many resources."""
    from fhirkit.sync.base import BaseStore
    from fhirkit.sync.config import remove_remote
    from fhirkit.sync.lock import locked
    from fhirkit.sync.state import State

    tree = here()
    named_remote(tree, name)
    with locked(tree.state), State(tree.database) as state:
        store = BaseStore(state, name)
        count = store.count()
        if whole and not dry_run:
            remove_remote(tree.config, name)
        if not dry_run:
            store.forget_all()
            state.tidy()
    return count
