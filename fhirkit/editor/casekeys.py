"""What the format case/1 says about a place in a case file: its key, and the words that fit."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fhirkit.convert.header import DEFAULTS, FORMAT, HEADER, SOURCE, TIMELINE_POINT
from fhirkit.convert.kinds import KINDS, PATIENT
from fhirkit.convert.shape import Key, Kind
from fhirkit.editor import casevalues
from fhirkit.editor.elements import MOST, Choice
from fhirkit.editor.place import Place, Way

#: The maps at the top that are no kinds of facts, and the one fact without a name.
_PARTS = {"source": SOURCE, "defaults": DEFAULTS, "patient": PATIENT}
_TIMELINE = "Named times; facts refer to them."
#: A name in the first or second column of the outline: top keys, and the names below them.
_OUTLINE = re.compile(r"^(?P<indent>[ ]*)(?P<name>[A-Za-z0-9][\w.-]*)[ ]*:(?=\s|$)", re.MULTILINE)


def about(place: Place, text: str = "") -> str:
    """What a place means, in Markdown; empty where the format knows nothing of it."""
    names = _names_of(place.way)
    title = f"**{'.'.join(names)}**\n\n"
    if len(names) == 1 and names[0] in KINDS:
        kind = KINDS[names[0]]
        return f"{title}{kind.help}\n\n{_becomes(kind)}"
    if names == ["timeline"]:
        return f"{title}{_TIMELINE}\n"
    key = _key(names)
    if key is not None:
        told = f"{title}{key.help}\n\nWritten as {key.type.expects}.\n"
        word = text[place.start : place.end]
        return told if place.on_name else told + casevalues.about(key, word, text, outline(text))
    if len(names) == 1 and names[0] in _PARTS:
        return f"{title}{_PARTS[names[0]].help}\n\n{_becomes(_PARTS[names[0]])}"
    if len(names) == 2 and names[0] in KINDS:
        kind = KINDS[names[0]]
        return f"{title}{casevalues.about_measurement(kind.name, names[1])}{_becomes(kind)}"
    return ""


def choices(place: Place, text: str = "") -> list[Choice]:
    """What fits at a place, best first."""
    found = {one.label: one for one in (_names(place) if place.on_name else _words(place, text))}
    word = place.typed.casefold()
    fitting = [one for one in found.values() if one.fits(word)]
    return sorted(fitting, key=lambda one: not one.label.casefold().startswith(word))[:MOST]


def outline(text: str) -> dict[str, dict[str, int]]:
    """The names below each key at the top, each with its line (from 0): readable while broken."""
    found: dict[str, dict[str, int]] = {}
    below, top = "", ""
    line, counted = 0, 0
    for match in _OUTLINE.finditer(text):
        line += text.count("\n", counted, match.start())
        counted = match.start()
        if not match["indent"]:
            top, below = match["name"], ""
            found.setdefault(top, {})
        elif top and (not below or match["indent"] == below):
            below = match["indent"]
            found[top].setdefault(match["name"], line)
    return found


def definition(place: Place, text: str) -> int | None:
    """The line (from 0) of the fact or point of the timeline that a place names."""
    key = _key(_names_of(place.way))
    if key is None or place.on_name:
        return None
    return casevalues.named(key, text[place.start : place.end], outline(text))


def _becomes(kind: Kind) -> str:
    return f"Becomes a FHIR {kind.resource_name}.\n" if kind.resource_name else ""


def _names_of(way: Way) -> list[str]:
    return [str(step) for step in way]


def _kind(names: list[str]) -> Kind | None:
    """The kind whose keys may stand at the end of a way; None where there is none."""
    first, *rest = names
    if first in _PARTS:
        kind = _PARTS[first]
    elif not rest:
        return None
    elif first == "timeline":
        kind, rest = TIMELINE_POINT, rest[1:]
    elif first in KINDS:
        kind, rest = KINDS[first], rest[1:]
    else:
        return None
    for name in rest:
        key = kind.keys.get(name)
        inner = getattr(key.type, "kind", None) if key is not None else None
        if not isinstance(inner, Kind):
            return None
        kind = inner
    return kind


def _key(names: list[str]) -> Key | None:
    """The key at the end of a way: one of the case itself, or of the kind that it is in."""
    if len(names) == 1:
        return next((key for key in HEADER if key.name == names[0]), None)
    if not names:
        return None
    # A key of the kind among its facts holds for all of them.
    if len(names) == 2 and names[0] in KINDS:
        return KINDS[names[0]].keys.get(names[1])
    kind = _kind(names[:-1])
    key = kind.keys.get(names[-1]) if kind is not None else None
    if key is None and len(names) > 2:
        # Words by point of the timeline: `status: {visit: active}`.
        outer = _key(names[:-1])
        return outer if outer is not None and hasattr(outer.type, "choice") else None
    if key is None and len(names) == 2 and names[0] == "timeline":
        return TIMELINE_POINT.keys["date"]
    return key


def _names(place: Place) -> Iterator[Choice]:
    names = _names_of(place.way[:-1])
    for name, help_ in _fitting_names(names):
        if name not in place.beside:
            yield Choice(name, name + ("" if place.named else ": "), "", help_)


def _fitting_names(names: list[str]) -> Iterator[tuple[str, str]]:
    if not names:
        yield from ((key.name, key.help) for key in HEADER)
        yield from ((name, kind.help) for name, kind in _PARTS.items())
        yield "timeline", _TIMELINE
        yield from ((name, kind.help) for name, kind in KINDS.items())
        return
    kind = _kind(names)
    if kind is not None:
        yield from ((key.name, key.help) for key in kind.keys.values())
    if len(names) == 1 and names[0] in KINDS:
        yield from casevalues.measurements_of(names[0])
        yield "defaults", "What holds for every fact of this kind that does not say otherwise."
        yield from ((key.name, key.help) for key in KINDS[names[0]].keys.values())


def _words(place: Place, text: str) -> Iterator[Choice]:
    names = _names_of(place.way)
    if names == ["fhirkit"]:
        yield Choice(FORMAT, FORMAT)
        return
    key = _key(names)
    if key is not None:
        yield from casevalues.words(key, place.typed, outline(text))
        if key.name == "value" and len(names) > 1 and names[0] in KINDS:
            yield from casevalues.units_of(names[0], names[1])
    elif len(names) == 2 and names[0] in KINDS:
        # The short form of a measurement: `temperature: 36.6 Cel`.
        yield from casevalues.units_of(*names)
