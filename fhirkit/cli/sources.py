"""The options that say where a pull takes its resources from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click

if TYPE_CHECKING:
    from fhirkit.sync.source import Pick

_F = TypeVar("_F", bound=Callable[..., Any])

_SOURCE = click.option(
    "--source", type=click.Choice(["auto", "history", "export", "search"]), default="auto",
    show_default=True,
    help="What to ask: the history of changes, a bulk export ($export), or searches. auto takes "
    "the first of these that the server offers.",
)  # fmt: skip
_LONGEST = click.option(
    "--export-wait", "longest", metavar="SECONDS", type=click.FloatRange(min=0), default=3600.0,
    show_default=True,
    help="Seconds to wait for an export. It goes on at the server after that, and the same "
    "command takes it up again.",
)  # fmt: skip
_GROUP = click.option(
    "--group", metavar="ID", help="The records of a Group's members, by Group/ID/$export."
)
_EVERYONE = click.option(
    "--all-patients", "everyone", is_flag=True,
    help="The records of all patients and no more, by Patient/$export.",
)  # fmt: skip


def source_options(command: _F) -> _F:
    """--source and --export-wait."""
    return _SOURCE(_LONGEST(command))


def export_options(command: _F) -> _F:
    """--source, --export-wait, --group and --all-patients."""
    return source_options(_GROUP(_EVERYONE(command)))


def picked(
    source: str,
    longest: float,
    *,
    patient: str | None = None,
    group: str | None = None,
    everyone: bool = False,
) -> Pick:
    """What the options' values choose; ``UsageError`` for what excludes each other."""
    from fhirkit.sync.source import Pick, Source

    pick = Pick(Source(source), group, everyone, longest)
    if patient is not None and (pick.narrowed or pick.source is not Source.AUTO):
        raise click.UsageError(
            "--patient asks for one record, and --source, --group and --all-patients for many"
        )
    return pick
