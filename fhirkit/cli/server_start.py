"""`fhirkit server start`: start a local HAPI FHIR server, in the background or the foreground."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from fhirkit.cli import exits
from fhirkit.cli.console import emit
from fhirkit.core.errors import Unreachable

if TYPE_CHECKING:
    from fhirkit.server import ServerInfo


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    default=8080,
    show_default=True,
    help="The port on 127.0.0.1; 0 takes a free one.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the database; by default one for each port in your data folder.",
)
@click.option("--memory", is_flag=True, help="Keep nothing: the data goes with the server.")
@click.option("--foreground", is_flag=True, help="Stay until the server ends; Ctrl-C stops it.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    default=180.0,
    show_default=True,
    help="Seconds to wait for the first answer.",
)
def start(port: int, data: Path | None, memory: bool, foreground: bool, timeout: float) -> int:
    """Start the server, and print its base URL when it answers.

    Where one already runs, this prints its URL and changes nothing.
    """
    import os

    from fhirkit import server
    from fhirkit.cli.spinner import spinning

    with spinning() as progress:
        info = server.start(
            port=port,
            data=data,
            memory=memory,
            attached=foreground,
            timeout=timeout,
            environment=os.environ,
            progress=progress,
        )
    if not foreground or not server.is_ours(info):
        emit(info.url + "\n")
        return exits.CLEAN
    try:
        emit(info.url + "\n")
        return _stay(info)
    finally:
        server.stop(info)


def _stay(info: ServerInfo) -> int:
    import signal

    from fhirkit import server

    code = server.wait(info)
    # SIGTERM is what `fhirkit server stop` sends: Java ends with 143, or by the signal if early.
    if code in (0, exits.TERMINATED, -signal.SIGTERM):
        return exits.CLEAN
    raise Unreachable(f"the server ended with code {code}; its log is {info.log}", sent=False)
