"""`fhirkit resolve`: settle what changed on both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import rich_click as click

from fhirkit.cli import exits
from fhirkit.cli.conflicting import show_conflicts
from fhirkit.cli.console import emit_json, say
from fhirkit.cli.merging import judgement
from fhirkit.cli.working_tree import here, json_option, keys_of, named_remote
from fhirkit.core.errors import UsageError

if TYPE_CHECKING:
    from fhirkit.sync.merge import Side
    from fhirkit.sync.upkeep import Upkeep


@click.command()
@click.argument("resource", required=False)
@click.argument("places", nargs=-1, metavar="[PATH=ours|theirs]...")
@click.option("--ours", "side", flag_value="ours", help="The file stands.")
@click.option("--theirs", "side", flag_value="theirs", help="The server's copy replaces the file.")
@click.option("--edit", is_flag=True, help="Open the merge in $VISUAL or $EDITOR.")
@click.option("--name", metavar="NAME", help="Which remote, when there are several.")
@click.option("--dry-run", "-n", is_flag=True, help="Say what would be done, and do nothing.")
@json_option
def command(
    resource: str | None,
    places: tuple[str, ...],
    *,
    side: str | None,
    edit: bool,
    name: str | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Settle the conflict of RESOURCE (Type/id), or without one list all conflicts.

    The list shows what clashes: our value and theirs. A PATH is one of its places, as
    Patient.birthDate=theirs; each has to be settled, and what does not clash is merged. No server
    is asked: the next push brings the result there.
    """
    from fhirkit.sync.upkeep import opened_offline

    if sum((side is not None, edit, bool(places))) > 1:
        raise click.UsageError("choose one of --ours, --theirs, --edit and PATH=ours|theirs")
    if resource is None and (side is not None or edit):
        raise click.UsageError("which conflict? fhirkit resolve lists them")
    if resource is not None and "=" in resource:
        raise click.UsageError(f"{resource}: of which conflict? fhirkit resolve lists them")
    tree = here()
    remote = named_remote(tree, name)
    with opened_offline(tree, remote.name) as session:
        if resource is None or (side is None and not edit and not places):
            return show_conflicts(session, resource, as_json=as_json)
        (key,) = keys_of((resource,))
        edited = _edited(session, resource) if edit and not dry_run else None
        done = session.resolve(
            key,
            side="theirs" if side == "theirs" else "ours" if side else None,
            choices=_choices(places) if places else None,
            edited=edited,
            judgement=judgement(),
            dry_run=dry_run,
        )
    if as_json:
        emit_json({"resource": str(key), "done": done})
    say(f"{key}: {done}")
    return exits.CLEAN


def _choices(places: tuple[str, ...]) -> dict[str, Side]:
    found: dict[str, Side] = {}
    for text in places:
        place, _, word = text.rpartition("=")
        if not place or word not in ("ours", "theirs"):
            raise click.UsageError(f"{text}: expected PATH=ours or PATH=theirs")
        found[place] = "ours" if word == "ours" else "theirs"
    return found


def _edited(session: Upkeep, resource: str) -> dict[str, Any]:
    from fhirkit.core.jsonio import dumps, loads

    (key,) = keys_of((resource,))
    sides = session.conflicts().get(key)
    if sides is None:
        raise UsageError(f"{key}: is no conflict")
    merged = sides.merged(session.store, judgement())
    start = merged.resource if merged else sides.ours or sides.theirs
    text = click.edit(dumps(start), extension=".json")
    if text is None:
        raise UsageError(f"{key}: the editor saved nothing, so nothing is settled")
    edited: dict[str, Any] = loads(text, file=f"{key}.json")
    return edited
