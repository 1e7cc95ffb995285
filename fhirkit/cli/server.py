"""`fhirkit server`: a local HAPI FHIR R4 server, started, found and stopped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from fhirkit.cli import exits
from fhirkit.cli.console import emit, emit_json, say
from fhirkit.cli.server_start import start
from fhirkit.core.errors import UsageError

if TYPE_CHECKING:
    from fhirkit.server import ServerInfo

_which_port = click.option(
    "--port", type=click.IntRange(1, 65535), metavar="PORT", help="The server on this port."
)
_which_data = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="The server with this data folder.",
)


@click.group()
def command() -> None:
    """A local HAPI FHIR R4 server, for trying things out on a real one.

    It needs Java 17 or newer and, the first time, Maven. It listens on 127.0.0.1 only.
    """


command.add_command(start)


@command.command()
@_which_port
@_which_data
def stop(port: int | None, data: Path | None) -> int:
    """Stop the server; its data stays. Nothing to stop is fine."""
    from fhirkit import server

    info = _chosen(port, data)
    if info is None:
        say("no server is running")
        return exits.CLEAN
    forced = server.stop(info)
    say(f"stopped the server on port {info.port}" + (" by force" if forced else ""))
    return exits.CLEAN


@command.command()
@_which_port
@_which_data
@click.option("--json", "as_json", is_flag=True, help="Machine-readable, on standard output.")
def status(port: int | None, data: Path | None, as_json: bool) -> int:
    """Show the servers that run."""
    from fhirkit import server

    found = server.find(port=port, data=data)
    if as_json:
        emit_json({"servers": [info.to_dict() for info in found]})
    for info in found if not as_json else ():
        where = info.data or "in memory"
        emit(f"{info.phase}  {info.url}  pid {info.pid}  since {info.started}\n")
        emit(f"  data {where}\n  log  {info.log}\n")
    if not found:
        say("no server is running")
        return exits.FINDINGS
    return exits.CLEAN if all(_is_up(info) for info in found) else exits.INCOMPLETE


@command.command()
@_which_port
@_which_data
def url(port: int | None, data: Path | None) -> int:
    """Print the base URL of the running server."""
    info = _chosen(port, data)
    if info is None:
        say("no server is running; start one with: fhirkit server start")
        return exits.FINDINGS
    if not _is_up(info):
        say(f"the server on port {info.port} is still starting")
        return exits.INCOMPLETE
    emit(info.url + "\n")
    return exits.CLEAN


def _is_up(info: ServerInfo) -> bool:
    return info.phase == "running"


def _chosen(port: int | None, data: Path | None) -> ServerInfo | None:
    from fhirkit import server

    found = server.find(port=port, data=data)
    if len(found) > 1:
        ports = ", ".join(str(info.port) for info in found)
        raise UsageError(f"several servers run (ports {ports})", advice="choose one with --port")
    return found[0] if found else None
