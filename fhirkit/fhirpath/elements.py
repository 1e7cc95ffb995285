"""FHIR elements as FHIRPath sees them: a JSON value with its type and its ``_name`` sibling.

The data stay plain dicts; an ``Element`` is made only where an expression arrives.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from fhirkit.fhirpath.model import ElementInfo, ModelInfo

_ABSTRACT = frozenset({"Resource", "DomainResource"})


class Element:
    """An element: ``value`` as in JSON (None when only ``extra``, the ``_name`` part, is there).

    ``type`` is the FHIR type, or "" where no definition tells it.
    """

    __slots__ = ("extra", "type", "value")

    def __init__(self, value: Any, type_name: str, extra: Any = None) -> None:
        self.value = value
        self.type = type_name
        self.extra = extra

    def __repr__(self) -> str:
        # Never the value: it may be a patient's, and this text may end up in a log.
        return f"Element({self.type})"


def root(_model: ModelInfo, value: Any, type_name: str | None = None, extra: Any = None) -> Element:
    """The element an expression starts from; a resource tells its own type."""
    if type_name is None or type_name in _ABSTRACT:
        stated = value.get("resourceType") if isinstance(value, dict) else None
        if isinstance(stated, str):
            return Element(value, stated, extra)
        type_name = type_name or _plain_type(value)
    return Element(value, type_name, extra)


def _plain_type(value: Any) -> str:
    """The primitive type of a bare JSON value nobody declared."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, str):
        return "string"
    return "" if isinstance(value, dict) else "decimal"


def child(model: ModelInfo, parent: Element, name: str) -> list[Element]:
    """The child elements of this name, in order."""
    value = parent.value
    if type(value) is not dict:
        value = parent.extra
        if type(value) is not dict:
            return []
    info = model.type(parent.type)
    found: list[Element] = []
    if info is None:
        _collect(model, found, value, name, "")
        return found
    element = info.children.get(name)
    if element is not None:
        for key, type_name in _present(element, value):
            _collect(model, found, value, key, type_name)
    elif name in info.by_key:
        # `valueQuantity` is no name in FHIRPath, but HL7's validator lets it pass in invariants.
        _collect(model, found, value, name, info.by_key[name].keys[name])
    return found


def children(model: ModelInfo, parent: Element) -> list[Element]:
    """All child elements, in the order of the JSON object."""
    found: list[Element] = []
    for holder in (parent.value, parent.extra):
        if type(holder) is not dict:
            continue
        info = model.type(parent.type)
        by_key = info.by_key if info is not None else {}
        for key in holder:
            if key[:1] == "_":
                key = key[1:]
                if key in holder:
                    continue
            element = by_key.get(key)
            if element is not None:
                _collect(model, found, holder, key, element.keys[key])
            elif info is None and key != "resourceType":
                _collect(model, found, holder, key, "")
    return found


def _present(element: ElementInfo, value: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if not element.choice:
        yield from element.keys.items()
        return
    keys = element.keys
    for key in value:
        if key in keys:
            yield key, keys[key]
        elif key[:1] == "_" and key[1:] in keys and key[1:] not in value:
            yield key[1:], keys[key[1:]]


def _collect(
    model: ModelInfo, found: list[Element], holder: dict[str, Any], key: str, type_name: str
) -> None:
    raw, extra = holder.get(key), holder.get("_" + key)
    if extra is None and type_name and type_name not in _ABSTRACT:
        # Nearly always so: no sibling, and the type is known.
        if type(raw) is list:
            found.extend([Element(each, type_name) for each in raw if each is not None])
        elif raw is not None:
            found.append(Element(raw, type_name))
        return
    if raw is None and extra is None:
        return
    if type(raw) is not list and type(extra) is not list:
        found.append(_element(model, raw, type_name, extra))
        return
    values = raw if type(raw) is list else [raw]
    extras = extra if type(extra) is list else []
    for each, sibling in zip_longest(values, extras):
        if each is not None or sibling is not None:
            found.append(_element(model, each, type_name, sibling))


def _element(_model: ModelInfo, value: Any, type_name: str, extra: Any) -> Element:
    if type(value) is dict and (type_name in _ABSTRACT or not type_name):
        stated = value.get("resourceType")
        if isinstance(stated, str):
            return Element(value, stated, extra)
    elif not type_name:
        return Element(value, _plain_type(value), extra)
    return Element(value, type_name, extra)
