"""`fhirkit init`: make a folder a working tree."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from fhirkit.cli.console import emit_json, say
from fhirkit.cli.working_tree import json_option


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
@json_option
def command(folder: Path, *, as_json: bool) -> None:
    """Make FOLDER (by default this one) a working tree: resources as Type/id.json.

    Its state lives in FOLDER/.fhirkit. Doing it again changes nothing.
    """
    from fhirkit.sync.worktree import WorkingTree

    tree, new = WorkingTree.init(folder)
    if as_json:
        emit_json({"root": str(tree.root), "new": new})
    say(f"{tree.root} is {'now' if new else 'already'} a working tree")
