"""fhirkit's engine as the FHIRPath suite wants to talk to it."""

from __future__ import annotations

from typing import Any

from fhirpath_suite import Case, Value

from fhirkit import fhirpath
from fhirkit.fhirpath import Environment, embedded_model
from fhirkit.fhirpath.elements import Element
from fhirkit.fhirpath.equality import text_of
from fhirkit.fhirpath.frame import system_name

_STRUCTURES = "http://hl7.org/fhir/StructureDefinition/"


def conforms_to(value: Any, type_name: str, profile: str) -> bool | None:
    """Base definitions alone: a resource conforms to the definition of its own type."""
    wanted = profile.removeprefix(_STRUCTURES)
    if embedded_model().type(wanted) is None:
        return None
    return wanted in embedded_model().lineage(type_name)


def engine(case: Case, resource: Any) -> list[Value]:
    """The values of a test's expression, types checked beforehand as HL7's runner does."""
    model = embedded_model()
    type_name = resource["resourceType"] if resource else None
    expression = fhirpath.compile(
        case.expression,
        model,
        type_name,
        strict=True,
        check_order=case.check_ordered_functions,
    )
    environment = Environment(resource=resource, conforms_to=conforms_to)
    return [_shown(item) for item in expression.items(resource, environment)]


def _shown(item: Any) -> Value:
    if isinstance(item, Element):
        return item.type, text_of(item.value)
    name = system_name(item)
    return name if name == "Quantity" else name[:1].lower() + name[1:], text_of(item)
