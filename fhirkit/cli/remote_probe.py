"""`fhirkit remote probe`: what a server honours, found out by trying."""

from __future__ import annotations

import rich_click as click

from fhirkit.cli import exits
from fhirkit.cli.console import emit, emit_json, plain, say
from fhirkit.cli.working_tree import connect, here, json_option, named_remote


@click.command()
@click.argument("name", required=False)
@click.option("--no-export", is_flag=True, help="Do not try whether a bulk export begins.")
@click.option("--dry-run", "-n", is_flag=True, help="Say where it would write, and ask nobody.")
@json_option
def probe(name: str | None, *, no_export: bool, dry_run: bool, as_json: bool) -> int:
    """Find out by trying what a server honours, and keep it for this working tree.

    Writes a few resources, none of them about a person, and removes them again.
    """
    import msgspec

    from fhirkit.remote.probe import probe as try_everything
    from fhirkit.remote.probed import save

    tree = here()
    remote = named_remote(tree, name)
    if dry_run:
        if as_json:
            emit_json({"url": remote.url})
        say(f"a few resources would be written to {remote.url} and removed again")
        return exits.CLEAN
    found = try_everything(connect(remote), export=not no_export)
    save(tree.state / "probed" / f"{remote.name}.json", found)
    table = {"rung": found.rung.value, **msgspec.to_builtins(found)}
    if as_json:
        emit_json(table)
    else:
        emit(
            plain("".join(f"{key.replace('_', ' ')}\t{_said(one)}\n" for key, one in table.items()))
        )
    for key in found.left:
        say(plain(f"could not be removed from the server: {key}"))
    return exits.INCOMPLETE if found.left else exits.CLEAN


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if value else "-"
