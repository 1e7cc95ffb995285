"""`fhirkit chaos`: a FHIR server on this machine that fails on purpose."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from fhirkit.cli import exits
from fhirkit.cli.console import emit, plain, say

if TYPE_CHECKING:
    from fhirkit.chaos import ChaosServer

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, show_default=True, metavar="PORT",
    help="The port on 127.0.0.1; 0 takes a free one.",
)  # fmt: skip
@click.option(
    "--profile", default="r4", show_default=True, metavar="KIND",
    help="The kind of server; --list names them.",
)  # fmt: skip
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="One setting of it.")
@click.option("--schedule", type=_FILE, help="TOML: which requests meet which fault.")
@click.option(
    "--load", multiple=True, type=click.Path(path_type=Path), help="Resources to begin with."
)
@click.option("--dump", type=_FILE, help="At the end: what is there, and every commit and request.")
@click.option("--list", "listing", is_flag=True, help="Show profiles, settings and faults.")
@click.option("--quiet", is_flag=True, help="Do not show the requests.")
def command(
    port: int,
    profile: str,
    settings: tuple[str, ...],
    schedule: Path | None,
    load: tuple[Path, ...],
    dump: Path | None,
    *,
    listing: bool,
    quiet: bool,
) -> int:
    """Serve FHIR R4 from memory, on this machine only, with the faults of a schedule.

    Prints the base URL and serves until Ctrl-C; then 0, or 3 when a fault of the schedule met no
    request and so proved nothing. See docs/chaos.md.
    """
    from fhirkit.chaos import ChaosServer, read_schedule
    from fhirkit.chaos.behaviour import parse_setting, profile_named

    if listing:
        emit(_catalogue())
        return exits.CLEAN
    behaviour = profile_named(profile).changed(dict(map(parse_setting, settings)))
    plan = read_schedule(schedule) if schedule is not None else None
    server = ChaosServer(
        behaviour,
        plan,
        port=port,
        watch=None if quiet else lambda one: say(f"{one.status or 'cut':>4} {one.shown}"),
    )
    try:
        for path in load:
            _load(server, path)
        with suppress(KeyboardInterrupt):
            emit(f"{server.url}\n")
            threading.Event().wait()
    finally:
        server.close()
        if dump is not None:
            from fhirkit.core.files import write_atomic
            from fhirkit.core.jsonio import dump_bytes

            write_atomic(dump, dump_bytes(server.account()))
    idle = plan.unmet if plan is not None else []
    for name in idle:
        say(plain(f"the fault {name} met no request"))
    return exits.INCOMPLETE if idle else exits.CLEAN


def _load(server: ChaosServer, path: Path) -> None:
    from fhirkit.sync.sources import read_source

    for _, intake in read_source(path):
        for resource in intake.resources.values():
            server.put(resource)


def _catalogue() -> str:
    from dataclasses import asdict

    from fhirkit.chaos.behaviour import PROFILES, Behaviour
    from fhirkit.chaos.faults import FAULTS

    lines = ["profiles"]
    usual = asdict(Behaviour())
    for name, one in PROFILES.items():
        other = {key: value for key, value in asdict(one).items() if value != usual[key]}
        lines.append(f"  {name}: {', '.join(f'{key}={value}' for key, value in other.items())}")
    lines += ["settings", *(f"  {key} = {value}" for key, value in usual.items()), "faults"]
    for name, (_, defaults) in FAULTS.items():
        shown = ", ".join(f"{key} = {value!r}" for key, value in defaults.items())
        lines.append(f"  {name}{f' ({shown})' if shown else ''}")
    return plain("\n".join(lines)) + "\n"
