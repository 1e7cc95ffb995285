"""What the format case/1 says about a place in a case file: its key, and the words that fit."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from fhirkit.convert.schema import case_schema
from fhirkit.editor.elements import MOST, Choice
from fhirkit.editor.place import Place

Schema = dict[str, Any]
#: Kinds whose facts may be named by a measurement that has a word.
_MEASURED = {"vitals": "vital-signs", "labs": "laboratory"}


def about(place: Place) -> str:
    """The key at a place in Markdown; empty where the format knows none."""
    names = [str(step) for step in place.way]
    for schema in _at(names):
        text = schema.get("description")
        if text:
            return f"**{'.'.join(names)}**\n\n{text}\n"
    return ""


def choices(place: Place) -> list[Choice]:
    """What fits at a place, best first."""
    found = {one.label: one for one in (_names(place) if place.on_name else _words(place))}
    word = place.typed.casefold()
    fitting = [one for one in found.values() if word in one.label.casefold()]
    return sorted(fitting, key=lambda one: not one.label.casefold().startswith(word))[:MOST]


def _names(place: Place) -> Iterator[Choice]:
    names = [str(step) for step in place.way[:-1]]
    end = "" if place.named else ": "
    for schema in _at(names):
        for name, about_it in schema.get("properties", {}).items():
            if name not in place.beside:
                yield Choice(name, name + end, "", about_it.get("description", ""))
    if len(names) == 1 and names[0] in _MEASURED:
        from fhirkit.terminology import measurements

        for word in measurements.names(_MEASURED[names[0]]):
            if word not in place.beside:
                yield Choice(word, word + end, "a measurement")


def _words(place: Place) -> Iterator[Choice]:
    for schema in _at([str(step) for step in place.way]):
        for word in schema.get("enum", ()):
            yield Choice(str(word), str(word))
        if "const" in schema:
            yield Choice(str(schema["const"]), str(schema["const"]))


def _at(names: list[str]) -> list[Schema]:
    """Every schema that may hold at the end of a way of names."""
    found = list(_alternatives(_case()))
    for name in names:
        inner: list[Schema] = []
        for schema in found:
            member = schema.get("properties", {}).get(name)
            if member is None:
                member = schema.get("additionalProperties")
            if isinstance(member, dict):
                inner.extend(_alternatives(member))
        found = inner
    return found


def _alternatives(schema: Schema) -> Iterator[Schema]:
    """A schema with those that it allows instead, lists being as good as what is in them."""
    yield schema
    for one in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from _alternatives(one)
    if isinstance(schema.get("items"), dict):
        yield from _alternatives(schema["items"])


@lru_cache(maxsize=1)
def _case() -> Schema:
    return case_schema()
