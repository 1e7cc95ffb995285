"""Every QuestionnaireResponse and Questionnaire of a document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fhirkit.schema.store import SchemaStore
from fhirkit.validate.location import Node, step
from fhirkit.validate.options import References
from fhirkit.validate.questionnaire.form import Json, objects
from fhirkit.validate.rules.finding import Finding
from fhirkit.validate.shapes import Shapes


def check(resources: Iterable[tuple[Json, Node]], shapes: Shapes) -> Iterator[tuple[Node, Finding]]:
    """Findings in the resources of a document, each with the node it belongs to."""
    for resource, node in resources:
        kind = resource.get("resourceType")
        if kind == "Questionnaire":
            from fhirkit.validate.questionnaire import definition

            yield from definition.check(resource, node)
        elif kind == "QuestionnaireResponse":
            yield from _response(resource, node, shapes)


def _response(response: Json, node: Node, shapes: Shapes) -> Iterator[tuple[Node, Finding]]:
    canonical = response.get("questionnaire")
    if not isinstance(canonical, str) or not canonical:
        return
    questionnaire = _find(canonical, response, shapes.store)
    if questionnaire is None and shapes.options.references >= References.EXISTS:
        message = "its Questionnaire is not at hand, where every reference must lead somewhere"
        yield step(node, "questionnaire"), Finding("questionnaire-missing", message)
        return
    if questionnaire is None:
        message = "its Questionnaire is not at hand, so the answers were not checked against it"
        yield node, Finding("questionnaire-unknown", message)
        return
    from fhirkit.validate.questionnaire.response import ResponseCheck

    yield from ResponseCheck(questionnaire, response, shapes).check(node)


def _find(canonical: str, response: Json, store: SchemaStore) -> Json | None:
    if not canonical.startswith("#"):
        return store.resource("Questionnaire", canonical)
    for _, resource in objects(response.get("contained")):
        is_form = resource.get("resourceType") == "Questionnaire"
        if is_form and resource.get("id") == canonical[1:]:
            return resource
    return None
