"""The definitional resources of a document, each given to the module of its type."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from fhirkit.validate.definitional import (
    capabilitystatement,
    codesystem,
    conceptmap,
    measure,
    measurereport,
    operationdefinition,
    searchparameter,
    structuredefinition,
    structuremap,
    valueset,
)
from fhirkit.validate.definitional.known import Json, Known, Placed, is_absolute, text
from fhirkit.validate.location import Node, step
from fhirkit.validate.rules.finding import Finding

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
    "StructureMap": structuremap.check,
    "ValueSet": valueset.check,
}

#: The types whose ``url`` names a definition for others to use.
_CANONICAL = frozenset({
    "ActivityDefinition", "ActorDefinition", "CapabilityStatement", "ChargeItemDefinition",
    "Citation", "CodeSystem", "CompartmentDefinition", "ConceptMap", "ConditionDefinition",
    "EffectEvidenceSynthesis", "EventDefinition", "Evidence", "EvidenceReport",
    "EvidenceVariable", "ExampleScenario", "GraphDefinition", "ImplementationGuide", "Library",
    "Measure", "MessageDefinition", "ObservationDefinition", "OperationDefinition",
    "PlanDefinition", "Questionnaire", "Requirements", "ResearchDefinition",
    "ResearchElementDefinition", "RiskEvidenceSynthesis", "SearchParameter",
    "StructureDefinition", "StructureMap", "SubscriptionTopic", "TerminologyCapabilities",
    "TestPlan", "TestScript", "ValueSet",
})  # fmt: skip


def check(resources: Iterable[tuple[Json, Node]], known: Known) -> Iterator[Placed]:
    """Findings in the resources of a document, each with the node it belongs to."""
    for resource, node in resources:
        kind = resource.get("resourceType")
        if not isinstance(kind, str):
            continue
        url = text(resource, "url") if kind in _CANONICAL else None
        if url and not is_absolute(url):
            message = "the url that names a definition is absolute, as in http://example.org/x"
            yield step(node, "url"), Finding("definition-url", message)
        rules = _BY_TYPE.get(kind)
        if rules is not None:
            yield from rules(resource, node, known)
