"""Resources that are no Bundle, read as one record: a folder of ``Type/id.json``, or NDJSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fhirkit.core.errors import InvalidInput, UsageError
from fhirkit.core.files import read_bytes
from fhirkit.core.issues import Issue, Severity
from fhirkit.core.jsonio import loads


@dataclass(slots=True)
class Gathered:
    """The resources in order, the file of each, and what was wrong with the others."""

    resources: list[dict[str, Any]] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)

    def add(self, data: bytes, path: Path, line: int | None = None) -> str:
        """Take one resource; its type, or "" when it is none. A file's Bundle is not taken.

        What is not JSON becomes an issue, so that one bad file doesn't hide the others.
        """
        try:
            value = loads(data, file=str(path))
        except InvalidInput as problem:
            places = (issue.line if line is None else line for issue in problem.issues)
            self.issues += [
                issue.at(file=str(path), line=at, column=issue.column)
                for issue, at in zip(problem.issues, places, strict=True)
            ]
            return ""
        kind = value.get("resourceType") if isinstance(value, dict) else None
        if not isinstance(kind, str) or (kind == "Bundle" and line is None):
            return kind if isinstance(kind, str) else ""
        self.resources.append(value)
        self.files.append(path)
        return kind


def read_folder(folder: Path) -> Gathered:
    """Every resource below the folder; hidden folders, links and Bundles are left out.

    ``UsageError`` when nothing in the folder is a resource.
    """
    found = Gathered()
    bundles = [path for path in _files(folder) if found.add(read_bytes(path), path) == "Bundle"]
    if not found.resources and not found.issues:
        raise UsageError(
            f"{folder}: holds no resource files (Type/id.json)",
            advice=f"name one file, such as {bundles[0] if bundles else 'a Bundle or a case'}",
        )
    return found


def read_lines(path: Path) -> Gathered:
    """Every resource of an NDJSON file, one a line; empty lines are passed over."""
    found = Gathered()
    for number, line in enumerate(read_bytes(path).split(b"\n"), 1):
        known = len(found.issues)
        if line.strip() and not found.add(line, path, number) and len(found.issues) == known:
            found.issues.append(
                Issue(
                    Severity.ERROR,
                    "resource-missing",
                    "the line is no resource: expected a JSON object with a resourceType",
                    issue_type="structure",
                    file=str(path),
                    line=number,
                )
            )
    return found


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*.json")):
        inside = path.relative_to(folder).parts
        hidden = any(part.startswith(".") for part in inside)
        # A pipe would keep us waiting for its other end.
        if not hidden and not path.is_symlink() and path.is_file():
            yield path
