"""A Questionnaire in itself: what its enableWhen may refer to.

https://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.item.enableWhen
"""

from __future__ import annotations

from collections.abc import Iterator

from fhirkit.validate.location import Node, step
from fhirkit.validate.questionnaire.form import Json, find_item, link_id, objects
from fhirkit.validate.rules.finding import Finding


def check(questionnaire: Json, node: Node) -> Iterator[tuple[Node, Finding]]:
    """Findings for the items of a Questionnaire."""
    pending: list[tuple[Json, Node]] = [
        (item, step(node, "item", index)) for index, item in objects(questionnaire.get("item"))
    ]
    while pending:
        item, place = pending.pop(0)
        for _, condition in objects(item.get("enableWhen")):
            finding = _condition(condition, item, questionnaire)
            if finding is not None:
                yield place, finding
        pending.extend(
            (inner, step(place, "item", index)) for index, inner in objects(item.get("item"))
        )


def _condition(condition: Json, item: Json, questionnaire: Json) -> Finding | None:
    question = condition.get("question")
    if not isinstance(question, str):
        return None
    if find_item(questionnaire.get("item"), question) is None:
        message = "enableWhen refers to a question that the Questionnaire does not have"
        return Finding("enable-when", message)
    if question == link_id(item):
        return Finding("enable-when", "enableWhen refers to the item itself")
    if find_item(item.get("item"), question) is not None:
        message = "enableWhen refers to a question inside the item that it is to enable"
        return Finding("enable-when", message)
    return None
