"""The definitional resources of a document, each given to the module of its type."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fhirkit.validate.definitional import (
    capabilitystatement,
    codesystem,
    conceptmap,
    measure,
    measurereport,
    operationdefinition,
    searchparameter,
    structuredefinition,
    valueset,
)
from fhirkit.validate.definitional.known import Json, Known, Placed
from fhirkit.validate.location import Node
from fhirkit.validate.resources import inside

#: (resource, its node, what is at hand) → findings.
Rules = Callable[[Json, Node, Known], Iterator[Placed]]

_BY_TYPE: dict[str, Rules] = {
    "CapabilityStatement": capabilitystatement.check,
    "CodeSystem": codesystem.check,
    "ConceptMap": conceptmap.check,
    "Measure": measure.check,
    "MeasureReport": measurereport.check,
    "OperationDefinition": operationdefinition.check,
    "SearchParameter": searchparameter.check,
    "StructureDefinition": structuredefinition.check,
    "ValueSet": valueset.check,
}


def check(document: Json, start: Node, known: Known) -> Iterator[Placed]:
    """Findings, each with the node it belongs to."""
    for resource, node in inside(document, start):
        kind = resource.get("resourceType")
        rules = _BY_TYPE.get(kind) if isinstance(kind, str) else None
        if rules is not None:
            yield from rules(resource, node, known)
