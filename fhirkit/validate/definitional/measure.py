"""Measure: where its criteria are written in CQL, a library must have them.

https://hl7.org/fhir/R4/measure.html. The compiled form (ELM, as XML) of a library tells the names
that it defines; CQL itself is not read.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

from fhirkit.core.errors import InvalidInput
from fhirkit.validate.definitional.known import Json, Known, Placed, objects, text, texts
from fhirkit.validate.location import Node, step
from fhirkit.validate.rules.finding import Finding

_CQL = frozenset({"text/cql", "text/cql.identifier"})
_ELM_TYPE = "application/elm+xml"
_ELM = "{urn:hl7-org:elm:r1}"


def check(measure: Json, node: Node, known: Known) -> Iterator[Placed]:
    """Findings for one Measure."""
    libraries: list[Json] = []
    for canonical in texts(measure.get("library")):
        library = known.store.resource("Library", canonical)
        if library is not None:
            libraries.append(library)
    for at, group in objects(measure.get("group")):
        place = step(node, "group", at)
        for index, stratifier in objects(group.get("stratifier")):
            criteria = stratifier.get("criteria")
            if isinstance(criteria, dict):
                here = step(step(place, "stratifier", index), "criteria")
                for finding in _criteria(criteria, libraries):
                    yield here, finding


def _criteria(criteria: Json, libraries: list[Json]) -> Iterator[Finding]:
    expression = text(criteria, "expression")
    if text(criteria, "language") not in _CQL or expression is None:
        return
    if not libraries:
        yield _wrong("no library of the measure is at hand that could define the criteria")
        return
    owner, dot, name = expression.partition(".")
    named = [one for one in libraries if one.get("name") == owner] if dot else libraries
    if len(named) != 1:
        what = f"named {owner[:60]!r}" if dot else "of the measure"
        yield _wrong(f"{len(named)} libraries {what} could define the criteria; there must be one")
        return
    defined = _definitions(named[0])
    if defined is None:
        yield _wrong(f"the library {named[0].get('url')} has no compiled form that could be read")
    elif (name if dot else expression) not in defined:
        yield _wrong(f"the library {named[0].get('url')} does not define {expression[:60]!r}")


def _definitions(library: Json) -> set[str] | None:
    """The names that the compiled form of a library defines; None when there is no readable one."""
    from fhirkit.core.xmlio import parse

    for _, attachment in objects(library.get("content")):
        if attachment.get("contentType") == _ELM_TYPE:
            try:
                root: Any = parse(b64decode(str(attachment.get("data")), validate=True))
            except (binascii.Error, ValueError, InvalidInput):
                return None
            if root.tag != f"{_ELM}library":
                return None
            return {str(one.get("name")) for one in root.iterfind(f"{_ELM}statements/{_ELM}def")}
    return None


def _wrong(message: str) -> Finding:
    return Finding("measure-criteria", message)
