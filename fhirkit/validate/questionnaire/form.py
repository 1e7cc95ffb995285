"""Questionnaires and responses read as data: items, answers, extensions, whatever their shape.

Input that is malformed is the walk's business; here it only must not do harm.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

Json = dict[str, Any]
_CORE = "http://hl7.org/fhir/StructureDefinition/"
_SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/"


class Answer(NamedTuple):
    """The value of an answer: its property (``valueCoding``), its type and what it is."""

    key: str
    type: str
    value: Any


#: The types that ``answer[x]``, ``value[x]`` have here, by the end of the property's name.
_TYPES = {
    "Boolean": "boolean",
    "Decimal": "decimal",
    "Integer": "integer",
    "Date": "date",
    "DateTime": "dateTime",
    "Time": "time",
    "String": "string",
    "Uri": "uri",
    "Attachment": "Attachment",
    "Coding": "Coding",
    "Quantity": "Quantity",
    "Reference": "Reference",
}


def objects(value: Any) -> list[tuple[int, Json]]:
    """The objects of a list, with their places."""
    if not isinstance(value, list):
        return []
    return [(index, item) for index, item in enumerate(value) if isinstance(item, dict)]


def typed(element: Json, name: str = "value") -> Answer | None:
    """The value of a choice element, or None when it has none of a known type."""
    for key, value in element.items():
        if key.startswith(name) and key[len(name) :] in _TYPES:
            return Answer(key, _TYPES[key[len(name) :]], value)
    return None


def link_id(item: Json) -> str | None:
    """The linkId of an item of either kind."""
    found = item.get("linkId")
    return found if isinstance(found, str) else None


def extensions(element: Json, name: str) -> Iterator[Any]:
    """The values of an element's extensions of this name, the core's or the SDC guide's."""
    for _, extension in objects(element.get("extension")):
        if extension.get("url") in (_CORE + name, f"{_SDC}sdc-{name}"):
            for key, value in extension.items():
                if key.startswith("value"):
                    yield value


def extension(element: Json, name: str) -> Any:
    """The value of the first such extension, or None."""
    return next(extensions(element, name), None)


def integer(element: Json, name: str) -> int | None:
    """The value of an extension that holds a whole number, or None."""
    value = extension(element, name)
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number else None


def find_item(items: Any, wanted: str) -> Json | None:
    """The definition with this linkId at any depth, or None."""
    pending = [item for _, item in objects(items)]
    while pending:
        item = pending.pop()
        if item.get("linkId") == wanted:
            return item
        pending.extend(inner for _, inner in objects(item.get("item")))
    return None


def answers_below(element: Json, wanted: str) -> Iterator[Json]:
    """The answers to a question at any depth below a response or one of its items."""
    pending = [element]
    while pending:
        current = pending.pop()
        if current.get("linkId") == wanted:
            yield from (answer for _, answer in objects(current.get("answer")))
        pending.extend(item for _, item in objects(current.get("item")))
        for _, answer in objects(current.get("answer")):
            pending.extend(item for _, item in objects(answer.get("item")))
