"""A document in an editor: of which kind it is, what is wrong in it, what a place means."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
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
_WORD = re.compile(r'"(?:[^"\\\n]|\\.)*"?|[\w.-]+(?::[\w.-]+)*|<[^\s>]*|\S')


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
    return check(str(path), data) if text.strip() else []


def spans_of(issues: Iterable[Issue], text: str) -> Iterator[tuple[Issue, int, int]]:
    """What each issue is about: from one offset up to another, in characters."""
    starts = [0, *(end.end() for end in re.finditer("\n", text))]
    for issue in issues:
        start = starts[min(max(issue.line or 1, 1), len(starts)) - 1]
        found = text.find("\n", start)
        end = len(text[start : found if found >= 0 else None].rstrip()) + start
        if issue.column is None:
            indent = len(text[start:end]) - len(text[start:end].lstrip())
            yield issue, start + indent, end
            continue
        start = min(start + max(issue.column - 1, 0), end)
        word = _WORD.match(text, start)
        yield issue, start, word.end() if word is not None else end


def place_of(kind: str, text: str, offset: int) -> Place | None:
    """The place of an offset; None in documents that are only checked."""
    if kind == "case":
        return place_in_yaml(text, offset)
    if kind == "ndjson":
        return _in_line(text, offset)
    return place_in_json(text, offset) if kind == "json" else None


def about(kind: str, place: Place, text: str, elements: Callable[[], Elements]) -> str:
    """What a place means, in Markdown; empty when nothing is known of it."""
    return casekeys.about(place, text) if kind == "case" else elements().about(place)


def choices(kind: str, place: Place, text: str, elements: Callable[[], Elements]) -> list[Choice]:
    """What fits at a place."""
    return casekeys.choices(place, text) if kind == "case" else elements().choices(place)


def definition(kind: str, place: Place, text: str) -> int | None:
    """The line (from 0) that tells what is only named at a place."""
    return casekeys.definition(place, text) if kind == "case" else None


def _in_line(text: str, offset: int) -> Place:
    """A place of NDJSON: each line is a record of its own."""
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    place = place_in_json(text[start : end if end >= 0 else None], offset - start)
    return replace(place, start=place.start + start, end=place.end + start)
