"""A document in an editor: of which kind it is, what is wrong in it, what a place means."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from fhirkit.core.issues import Issue
from fhirkit.editor import casekeys
from fhirkit.editor.elements import Choice, Elements
from fhirkit.editor.json_place import place_in_json
from fhirkit.editor.place import Place
from fhirkit.editor.yaml_place import place_in_yaml

#: (name, content) → issues, as the settings of the project have them.
Check = Callable[[str, bytes], list[Issue]]

_CASE = re.compile(r"^fhirkit:[ ]*case/", re.MULTILINE)
_RESOURCE = re.compile(r'"resourceType"[ \t\r\n]*:')
_WORD = re.compile(r'"(?:[^"\\\n]|\\.)*"?|[\w.:-]+|<[^\s>]*|\S')


def kind_of(name: str, text: str) -> str:
    """``json``, ``xml`` or ``ndjson`` for records, ``case`` for case files, empty for others."""
    suffix = Path(name).suffix.lower()
    if suffix in (".yaml", ".yml"):
        return "case" if _CASE.search(text) else ""
    if suffix == ".ndjson":
        return "ndjson"
    if suffix == ".xml":
        return "xml" if "http://hl7.org/fhir" in text else ""
    # Other JSON (settings, lock files) is none of our business; an empty file may become a record.
    return "json" if suffix == ".json" and (_RESOURCE.search(text) or len(text) < 3) else ""


def issues_of(kind: str, path: Path, text: str, check: Check) -> list[Issue]:
    """What is wrong in a document."""
    data = text.encode("utf-8", "surrogatepass")
    if kind == "case":
        from fhirkit.convert.conversion import convert_case

        return list(convert_case(path, name=path.name, data=data).outcome)
    if kind == "ndjson":
        found: list[Issue] = []
        for number, line in enumerate(data.split(b"\n")):
            if line.strip():
                found += [
                    issue.at(file=issue.file, line=number + (issue.line or 1), column=issue.column)
                    for issue in check(path.name, line)
                ]
        return found
    return check(path.name, data) if text.strip() else []


def span_of(issue: Issue, lines: list[str]) -> tuple[int, int, int]:
    """Line, first and last column (from 0, in characters) of what an issue is about."""
    number = min(max((issue.line or 1) - 1, 0), max(len(lines) - 1, 0))
    line = lines[number].rstrip("\r\n") if lines else ""
    if issue.column is None:
        return number, len(line) - len(line.lstrip()), len(line.rstrip())
    start = min(max(issue.column - 1, 0), len(line))
    word = _WORD.match(line, start)
    return number, start, word.end() if word is not None else len(line)


def place_of(kind: str, text: str, offset: int) -> Place | None:
    """The place of an offset; None in documents that are only checked."""
    if kind == "case":
        return place_in_yaml(text, offset)
    return place_in_json(text, offset) if kind == "json" else None


def about(kind: str, place: Place, elements: Elements) -> str:
    """What a place means, in Markdown; empty when nothing is known of it."""
    return casekeys.about(place) if kind == "case" else elements.about(place)


def choices(kind: str, place: Place, elements: Elements) -> list[Choice]:
    """What fits at a place."""
    return casekeys.choices(place) if kind == "case" else elements.choices(place)
