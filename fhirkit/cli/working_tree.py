"""What the commands of a working tree share: its options, its remotes, and their clients."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click

from fhirkit.core.errors import UsageError

if TYPE_CHECKING:
    from fhirkit.core.resource import ResourceKey
    from fhirkit.remote import Client
    from fhirkit.sync.config import Remote
    from fhirkit.sync.worktree import WorkingTree

_F = TypeVar("_F", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")


def server_options(command: _F) -> _F:
    """--timeout, --token-env and --ca-bundle."""
    for option in (
        click.option("--ca-bundle", metavar="FILE", help="Certificates to trust."),
        click.option("--token-env", metavar="VAR", help="Environment variable with the token."),
        click.option(
            "--timeout", type=click.FloatRange(min=0.1), default=60.0, show_default=True,
            metavar="SECONDS",
            help="Seconds for one request, to its last byte.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def here() -> WorkingTree:
    """The working tree that the current folder lies in."""
    from fhirkit.sync.worktree import WorkingTree

    return WorkingTree.find(Path.cwd())


def named_remote(tree: WorkingTree, name: str | None) -> Remote:
    """The remote with this name; without one the only remote, or ``origin``."""
    from fhirkit.sync.config import read_remotes

    remotes = read_remotes(tree.config)
    if name is None:
        name = next(iter(remotes)) if len(remotes) == 1 else "origin"
        if name not in remotes and remotes:
            raise UsageError("which remote?", advice=f"one of: {', '.join(remotes)}")
    if name not in remotes:
        raise UsageError(f"there is no remote {name}", advice="fhirkit remote add NAME URL")
    return remotes[name]


def url_remote(text: str, token_env: str | None, ca_bundle: str | None) -> Remote:
    """A remote given on the command line, by URL or by its name in the working tree."""
    from fhirkit.sync.config import checked_remote

    if "://" not in text:
        return named_remote(here(), text)
    return checked_remote("remote", text, token_env=token_env, ca_bundle=ca_bundle)


def connect(
    remote: Remote,
    *,
    timeout: float = 60.0,
    token_env: str | None = None,
    ca_bundle: str | None = None,
    folder: Path | None = None,
) -> Client:
    """A client for the remote; its secrets are read now.

    Relative paths count from ``folder``, by default the root of the tree that we are in.
    """
    from msgspec.structs import replace

    from fhirkit.remote import Policy
    from fhirkit.remote.access import open_client
    from fhirkit.sync.config import bearer_from

    access = remote.access
    if token_env is not None:
        access = replace(access, auth=bearer_from(token_env))
    if ca_bundle is not None:
        access = replace(access, ca_bundle=str(Path(ca_bundle).absolute()))
    return open_client(
        access, environment=os.environ, folder=folder or _folder(), policy=Policy(timeout=timeout)
    )


def _folder() -> Path:
    try:
        return here().root
    except UsageError:
        return Path.cwd()


def keys_of(texts: tuple[str, ...]) -> set[ResourceKey]:
    """``Type/id`` arguments as keys; a file name in the tree is taken as well."""
    from fhirkit.remote.reference import local_key

    keys: set[ResourceKey] = set()
    for text in texts:
        key = local_key("/".join(text.removesuffix(".json").split("/")[-2:]))
        if key is None:
            raise UsageError(f"{text}: expected Type/id")
        keys.add(key)
    return keys
