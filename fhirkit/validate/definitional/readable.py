"""Whether the codes of a StructureDefinition that decide how it is applied say anything.

https://hl7.org/fhir/R4/structuredefinition-definitions.html. HL7's tools apply no differential with
a code there that they do not know.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fhirkit.validate.definitional.known import Json, objects

_OF_THE_WHOLE: dict[str, tuple[str, ...]] = {
    "status": ("draft", "active", "retired", "unknown"),
    "kind": ("primitive-type", "complex-type", "resource", "logical"),
}
#: Of R4 and, with "position", of R5.
_OF_AN_ELEMENT: dict[str, tuple[str, ...]] = {
    "slicing.rules": ("closed", "open", "openAtEnd"),
    "slicing.discriminator.type": ("value", "exists", "pattern", "type", "profile", "position"),
    "binding.strength": ("required", "extensible", "preferred", "example"),
    "constraint.severity": ("error", "warning"),
    "representation": ("xmlAttr", "xmlText", "typeAttr", "cdaText", "xhtml"),
    "type.aggregation": ("contained", "referenced", "bundled"),
    "type.versioning": ("either", "independent", "specific"),
}


def unknown(definition: Json, entries: Sequence[Json]) -> Iterator[str]:
    """The codes that say nothing."""
    for name, codes in _OF_THE_WHOLE.items():
        yield from _others(definition, name, codes)
    for entry in entries:
        for name, codes in _OF_AN_ELEMENT.items():
            yield from _others(entry, name, codes)


def _others(element: Json, path: str, codes: Sequence[str]) -> Iterator[str]:
    name, _, rest = path.partition(".")
    value: Any = element.get(name)
    values = value if isinstance(value, list) else [value]
    if rest:
        for _, one in objects(values):
            yield from _others(one, rest, codes)
    else:
        for one in values:
            if isinstance(one, str) and one not in codes:
                yield f"{path} is {one[:40]!r}, not one of {', '.join(codes)}"
