"""CapabilityStatement: its search parameters are of the type that their definitions have.

https://hl7.org/fhir/R4/capabilitystatement-definitions.html
"""

from __future__ import annotations

from collections.abc import Iterator

from fhirkit.validate.definitional.known import Json, Known, Placed, objects, text
from fhirkit.validate.location import Node, step
from fhirkit.validate.rules.finding import Finding


def check(statement: Json, node: Node, known: Known) -> Iterator[Placed]:
    """Findings for one CapabilityStatement."""
    for place, rest in objects(statement.get("rest")):
        rest_node = step(node, "rest", place)
        for index, resource in objects(rest.get("resource")):
            resource_node = step(rest_node, "resource", index)
            for number, parameter in objects(resource.get("searchParam")):
                for finding in _parameter(parameter, known):
                    yield step(resource_node, "searchParam", number), finding


def _parameter(parameter: Json, known: Known) -> Iterator[Finding]:
    canonical, kind = text(parameter, "definition"), text(parameter, "type")
    found = None if canonical is None else known.store.search_parameter(canonical)
    if found is not None and found.type != kind:
        message = f"{canonical} is of type {found.type}, not {kind}"
        yield Finding("capability-search-type", message)
