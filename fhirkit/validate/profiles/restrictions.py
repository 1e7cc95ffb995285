"""What an element of a profile says about a value by itself: fixed, pattern, limits, lengths.

https://hl7.org/fhir/R4/elementdefinition.html. Each check yields what it finds, at the part of the
value that is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fhirkit.schema.model import ElementSchema
from fhirkit.validate.location import below
from fhirkit.validate.profiles import narratives, values
from fhirkit.validate.profiles.items import Item
from fhirkit.validate.reports import Found


def restrictions(item: Item, element: ElementSchema, whose: str) -> Iterator[Found]:
    """Everything in which the value of an item is not what an element of a profile asks for."""
    yield from _same(item, element, whose)
    yield from _limits(item, element, whose)
    if element.narrative_source is not None or element.narrative_languages:
        yield from narratives.restrictions(item, element, whose)
    if item.value is None or isinstance(item.value, str):
        yield from _text(item, element, whose)


def _same(item: Item, element: ElementSchema, whose: str) -> Iterator[Found]:
    """Fixed and pattern values, part by part."""
    for rule, expected, word in (
        ("value-fixed", element.fixed, "the fixed value"),
        ("value-pattern", element.pattern, "the pattern"),
    ):
        if expected is None:
            continue
        wanted = values.parsed(expected)
        is_pattern = rule == "value-pattern"
        for way, wrong in values.differences(wanted, item.value, pattern=is_pattern):
            message = f"{wrong}, unlike {word} {_shown(expected.json)}{whose}"
            yield Found(rule, message, below(item.node, way))


def _limits(item: Item, element: ElementSchema, whose: str) -> Iterator[Found]:
    for limit, sign, word in ((element.min_value, -1, "less"), (element.max_value, 1, "more")):
        if limit is None or item.value is None:
            continue
        if values.compare(limit, item.value) == sign:
            message = f"{word} than the limit {_shown(limit.json)}{whose}"
            yield Found("value-limit", message, item.node)
        elif values.is_of_another_kind(limit, item.value):
            message = f"cannot be compared with the limit {_shown(limit.json)}{whose}"
            yield Found("value-limit", message, item.node)


def _text(item: Item, element: ElementSchema, whose: str) -> Iterator[Found]:
    text: Any = item.value
    if text is None:
        if element.must_have_value:
            message = f"a value is required, an extension alone is not enough{whose}"
            yield Found("value-missing", message, item.node)
        elif element.value_alternatives and not _has_extension(item, element.value_alternatives):
            names = " or ".join(element.value_alternatives)
            message = f"without a value the extension {names} is required{whose}"
            yield Found("value-missing", message, item.node)
        return
    if element.max_length is not None and len(text) > element.max_length:
        message = f"longer than {element.max_length} characters{whose}"
        yield Found("value-length", message, item.node)
    if element.min_length is not None and len(text) < element.min_length:
        message = f"shorter than {element.min_length} characters{whose}"
        yield Found("value-length", message, item.node)


def _has_extension(item: Item, urls: tuple[str, ...]) -> bool:
    extensions = item.extra.get("extension") if isinstance(item.extra, dict) else None
    return any(
        isinstance(one, dict) and one.get("url") in urls
        for one in (extensions if isinstance(extensions, list) else ())
    )


def _shown(text: str) -> str:
    return text if len(text) <= 120 else f"{text[:117]}..."
