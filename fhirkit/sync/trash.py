"""The trash: what left the tree, kept under the moment it left, until somebody empties it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from fhirkit.core.errors import UsageError
from fhirkit.core.files import read_bytes, write_atomic
from fhirkit.core.resource import ResourceKey
from fhirkit.sync.worktree import WorkingTree


@dataclass(frozen=True, slots=True)
class Thrown:
    """One file in the trash: when it left the tree (UTC, as the folder is called), and what."""

    moment: str
    key: ResourceKey
    path: Path


def thrown(tree: WorkingTree) -> list[Thrown]:
    """Everything in the trash, latest first."""
    found = [
        Thrown(path.parts[-3], ResourceKey(path.parts[-2], path.stem), path)
        for path in (tree.state / "trash").glob("*/*/*.json")
    ]
    return sorted(found, key=lambda one: (one.moment, one.key), reverse=True)


def restore(
    tree: WorkingTree, key: ResourceKey, moment: str | None = None, *, dry_run: bool = False
) -> Thrown:
    """Put a file back, the latest unless ``moment`` says which; nothing is overwritten.

    ``dry_run`` only says which it would be.
    """
    for one in thrown(tree):
        if one.key == key and moment in (None, one.moment):
            target = tree.path(key)
            if target.exists():
                raise UsageError(
                    f"{key}: is in the tree; nothing is overwritten",
                    advice=f"fhirkit rm {key}, then restore again with --moment {one.moment}",
                )
            if not dry_run:
                write_atomic(target, read_bytes(one.path))
            return one
    raise UsageError(f"{key}: is not in the trash", advice="fhirkit trash shows what is")


def empty(tree: WorkingTree) -> int:
    """Remove everything from the trash for good; how many files."""
    count = len(thrown(tree))
    shutil.rmtree(tree.state / "trash", ignore_errors=True)
    return count
