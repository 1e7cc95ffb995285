"""`fhirkit init`: make a folder a working tree."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from fhirkit.cli.console import emit_json, say
from fhirkit.cli.working_tree import json_option


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
@click.option("--dry-run", "-n", is_flag=True, help="Say what would be made, and make nothing.")
@json_option
def command(folder: Path, *, dry_run: bool, as_json: bool) -> None:
    """Make FOLDER (by default this one) a working tree: resources as Type/id.json.

    Its state lives in FOLDER/.fhirkit. Doing it again changes nothing.
    """
    from fhirkit.sync.worktree import WorkingTree

    if dry_run:
        tree = WorkingTree(folder.absolute())
        new = not tree.state.is_dir()
    else:
        tree, new = WorkingTree.init(folder)
    if as_json:
        emit_json({"root": str(tree.root), "new": new})
    word = ("would be" if dry_run else "is now") if new else "is already"
    say(f"{tree.root} {word} a working tree")
