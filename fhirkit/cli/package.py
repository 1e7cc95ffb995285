"""`fhirkit package`: the FHIR package cache, and the lock file of this folder."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import rich_click as click

from fhirkit.cli import exits
from fhirkit.cli.console import emit, emit_json, plain, say
from fhirkit.cli.packages import Access, cache_option, package_cache, registry_options
from fhirkit.core.errors import UsageError

json_option = click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")


@click.group(short_help="Keep FHIR packages in the cache, and lock their versions.")
def command() -> None:
    """Keep FHIR packages (profiles, value sets) in the cache that all FHIR tools share.

    What a folder uses is written to fhirkit.lock there, with hashes.
    """


@command.command()
@click.argument("sources", nargs=-1, metavar="NAME@VERSION|FILE.tgz|FOLDER...")
@click.option("--locked", is_flag=True, help="Take only what fhirkit.lock holds; keep it as it is.")
@cache_option
@registry_options
@json_option
def add(
    sources: tuple[str, ...], *, locked: bool, cache: str | None, as_json: bool, **access: Any
) -> int:
    """Put packages and all that they depend on into the cache, and into fhirkit.lock.

    With --locked and no package named, everything in the lock is fetched.
    """
    from fhirkit.cli.packaging import Packaging

    if not sources and not locked:
        raise UsageError("which package?", advice="NAME@VERSION, a .tgz file or a folder")
    with closing(
        Packaging.here(package_cache(cache), Access(**access), frozen=locked)
    ) as packaging:
        return packaging.add(sources, as_json=as_json)


@command.command()
@click.option("--upgrade", is_flag=True, help="Choose open versions (1.2.x, latest) anew.")
@cache_option
@registry_options
@json_option
def lock(*, upgrade: bool, cache: str | None, as_json: bool, **access: Any) -> int:
    """Write fhirkit.lock anew from the packages that were asked for.

    Hashes that it holds stay binding.
    """
    from fhirkit.cli.packaging import Packaging

    with closing(Packaging.here(package_cache(cache), Access(**access), anew=upgrade)) as packaging:
        if not packaging.installer.lock.requested:
            raise UsageError("fhirkit.lock asks for no package", advice="fhirkit package add")
        return packaging.add((), as_json=as_json)


@command.command("list")
@cache_option
@json_option
def list_(*, cache: str | None, as_json: bool) -> None:
    """Show the packages in the cache, and which of them fhirkit.lock holds."""
    from fhirkit.definitions.lock import LOCK_NAME, Lock
    from fhirkit.definitions.versions import PackageId

    held = Lock.read(Path(LOCK_NAME)).packages
    found = package_cache(cache).installed()
    if as_json:
        emit_json(
            [{"name": one[0], "version": one[1], "locked": PackageId(*one) in held}
             for one in found]
        )  # fmt: skip
        return
    for one in found:
        mark = "\tlocked" if PackageId(*one) in held else ""
        emit(plain(f"{one[0]}\t{one[1]}{mark}") + "\n")


@command.command()
@click.argument("packages", nargs=-1, required=True, metavar="NAME@VERSION...")
@cache_option
def remove(packages: tuple[str, ...], *, cache: str | None) -> int:
    """Take packages out of the cache, and out of what fhirkit.lock asks for."""
    from fhirkit.definitions.lock import LOCK_NAME, Lock
    from fhirkit.definitions.versions import parse

    store, path, code = package_cache(cache), Path(LOCK_NAME), exits.CLEAN
    for wanted in [parse(text) for text in packages]:
        gone = store.remove(*wanted)
        held = Lock.read(path)
        if wanted in held.requested:
            held = held.without(wanted)
            held.write(path)
            gone = True
        if wanted in held.packages:
            say(f"{wanted} stays in {LOCK_NAME}: another package there needs it")
        say(f"{wanted} is {'removed' if gone else 'not there'}")
        code = code if gone else exits.USAGE
    return code


@command.command()
def clear() -> None:
    """Remove what was compiled from packages: it is made again when needed. They stay."""
    from fhirkit.validate.packages import kept_definitions

    kept = kept_definitions()
    say(f"{kept.clear() / 1e6:.1f} MB removed from {kept.folder}")
