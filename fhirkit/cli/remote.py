"""`fhirkit remote`: the servers that a working tree is kept in step with."""

from __future__ import annotations

from typing import Any

import rich_click as click

from fhirkit.cli.access_options import access_of, access_options
from fhirkit.cli.console import emit, emit_json, plain, say
from fhirkit.cli.remote_probe import probe
from fhirkit.cli.working_tree import here, json_option, named_remote


@click.group()
def command() -> None:
    """Name the servers that this working tree is pushed to and pulled from."""


@command.command()
@click.argument("name")
@click.argument("url")
@access_options
def add(name: str, url: str, **given: Any) -> None:
    """Call the FHIR server at URL by NAME from now on."""
    from fhirkit.sync.config import add_remote, checked_remote
    from fhirkit.sync.lock import locked

    tree = here()
    remote = checked_remote(name, url, access=access_of(url, given, tree.root))
    with locked(tree.state):
        new = add_remote(tree.config, remote)
    say(f"{name} is {'now' if new else 'already'} {remote.url}")


@command.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """Show the remotes."""
    from fhirkit.sync.config import read_remotes

    remotes = read_remotes(here().config).values()
    if as_json:
        import msgspec

        emit_json([{"name": one.name, **msgspec.to_builtins(one.access)} for one in remotes])
        return
    for one in remotes:
        emit(plain(f"{one.name}\t{one.url}\n"))


@command.command()
@click.argument("name")
def remove(name: str) -> None:
    """Forget a remote and what was agreed with it; files and server stay as they are."""
    from fhirkit.sync.base import BaseStore
    from fhirkit.sync.config import remove_remote
    from fhirkit.sync.lock import locked
    from fhirkit.sync.state import State

    tree = here()
    with locked(tree.state), State(tree.database) as state:
        remove_remote(tree.config, name)
        BaseStore(state, name).forget_all()
        state.tidy()
    say(f"{name} is removed")


@command.command()
@click.argument("name")
def reset(name: str) -> None:
    """Begin anew with a remote: forget what was agreed, keep its name, files and server.

    What is equal on both sides is found again by the next push or pull; what differs is then a
    conflict, so nothing is overwritten.
    """
    from fhirkit.sync.base import BaseStore
    from fhirkit.sync.lock import locked
    from fhirkit.sync.state import State

    tree = here()
    named_remote(tree, name)
    with locked(tree.state), State(tree.database) as state:
        BaseStore(state, name).forget_all()
        state.tidy()
    say(f"{name} begins anew")


command.add_command(probe)
