"""Resources from files: a resource, a Bundle, NDJSON, or a folder of them; and into a tree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fhirkit.core.errors import Conflict, InvalidInput, UsageError
from fhirkit.core.files import read_bytes
from fhirkit.core.jsonio import loads
from fhirkit.core.resource import content_hash
from fhirkit.sync.intake import Intake, take_in
from fhirkit.sync.results import Line, Report, Result
from fhirkit.sync.worktree import STATE, WorkingTree


def read_source(path: Path) -> list[tuple[str, Intake]]:
    """Everything in a file or, with its subfolders, in a folder, file by file.

    ``InvalidInput`` for a file that is not as it should be, with all its issues.
    """
    if not path.is_dir():
        return [(str(path), _read_file(path))]
    found = sorted(
        file
        for file in path.rglob("*")
        if file.suffix in (".json", ".ndjson")
        and file.is_file()
        and not file.is_symlink()
        and STATE not in file.parts
    )
    if not found:
        raise UsageError(f"{path}: holds no .json or .ndjson file")
    return [(str(file), _read_file(file)) for file in found]


def _read_file(path: Path) -> Intake:
    if path.suffix != ".ndjson":
        return take_in(loads(read_bytes(path), file=str(path)), file=str(path))
    whole = Intake()
    for number, line in enumerate(read_bytes(path).split(b"\n"), 1):
        if line.strip():
            try:
                merge(whole, take_in(loads(line), file=str(path)))
            except InvalidInput as problem:
                issues = tuple(issue.at(file=str(path), line=number) for issue in problem.issues)
                message = f"{path}:{number}: {issues[0].message if issues else problem.message}"
                raise InvalidInput(message, issues=issues) from None
    return whole


def merge(whole: Intake, part: Intake) -> None:
    """Add a part; ``InvalidInput`` when it holds a key with other content than the whole."""
    for key, resource in part.resources.items():
        known = whole.resources.get(key)
        if known is not None and content_hash(known) != content_hash(resource):
            raise InvalidInput(f"{key} is given twice, with different content")
    whole.resources.update(part.resources)
    whole.versions.update(part.versions)


def add(
    tree: WorkingTree,
    intake: Intake,
    report: Report,
    *,
    force: bool = False,
    dry_run: bool = False,
) -> None:
    """Put resources into the tree: the same content is left, other content refused or trashed.

    ``dry_run`` only says so.
    """
    would = "would be written" if dry_run else ""
    for key, resource in intake.resources.items():
        try:
            now = tree.current(key)
            if now is not None and _same(now.hash, resource):
                report.add(Line(key, Result.UNCHANGED))
            elif now is None or force:
                if not dry_run:
                    tree.write(resource, expected=now)
                trashed = "would go to the trash" if dry_run else "is in .fhirkit/trash"
                note = would if now is None else f"what was there {trashed}"
                report.add(Line(key, Result.WRITTEN, note=note))
            else:
                note = "is in the tree with other content (add --force replaces it)"
                report.add(Line(key, Result.CONFLICT, note=note))
        except Conflict as problem:
            report.add(Line(key, Result.CONFLICT, note=problem.message))


def _same(digest: str, resource: dict[str, Any]) -> bool:
    return digest == content_hash(resource)
