"""A QuestionnaireResponse item by item: which are there, in order, enabled, answered enough.

https://hl7.org/fhir/R4/questionnaireresponse.html#notes. Items of a group stand in the group;
items below a question stand in its answers. Only a response that claims to be complete must be.
"""

from __future__ import annotations

from collections.abc import Iterator

from fhirkit.validate.location import Node, step
from fhirkit.validate.questionnaire.answers import check_answer
from fhirkit.validate.questionnaire.enabled import Enabling
from fhirkit.validate.questionnaire.form import (
    Answer,
    Json,
    find_item,
    integer,
    link_id,
    objects,
    typed,
)
from fhirkit.validate.questionnaire.options import Options, check_exclusive
from fhirkit.validate.rules.finding import Finding
from fhirkit.validate.shapes import Shapes

Placed = tuple[Node, Finding]
#: The statuses under which nothing may be missing.
_COMPLETE = ("completed", "amended")
_GROUP, _DISPLAY, _ABSTRACT = "group", "display", "question"


class ResponseCheck:
    """One response and its Questionnaire."""

    def __init__(self, questionnaire: Json, response: Json, shapes: Shapes) -> None:
        self._questionnaire = questionnaire
        self._response = response
        self._options = Options(questionnaire, response, shapes)
        self._enabling = Enabling(response, shapes.model)
        self._complete = response.get("status") in _COMPLETE

    def check(self, node: Node) -> Iterator[Placed]:
        """Findings for the whole response, which stands at this node."""
        yield from self._items(self._questionnaire, (self._response,), node, node)

    def _items(
        self, form: Json, around: tuple[Json, ...], node: Node, owner: Node
    ) -> Iterator[Placed]:
        """The items of one level: those of the form against those of the response.

        They stand in the last part of ``around``, at ``node``; ``owner`` is the item (or the
        response) that is said to lack or to have them.
        """
        answered = around[-1]
        wanted = [item for _, item in objects(form.get("item"))]
        order = {link_id(item): place for place, item in enumerate(wanted)}
        present: dict[str | None, list[tuple[Json, Node]]] = {}
        last = 0
        for index, item in objects(answered.get("item")):
            name = link_id(item)
            if name is None:
                continue  # the walk says that it is missing
            if name not in order:
                yield owner, self._stranger(name)
                continue
            if order[name] < last:
                message = f"item {name[:40]!r} stands after one that must follow it"
                yield owner, Finding("response-order", message)
            last = order[name]
            present.setdefault(name, []).append((item, step(node, "item", index)))
        for item in wanted:
            found = present.get(link_id(item), [])
            if found:
                yield from self._present(item, found, owner, around)
            elif item.get("required") is True and self._enabling.holds(item, around):
                yield from self._missing(item, owner)

    def _stranger(self, name: str) -> Finding:
        if find_item(self._questionnaire.get("item"), name) is not None:
            message = f"item {name[:40]!r} stands at another place in the Questionnaire"
            return Finding("response-misplaced", message)
        # A linkId that the Questionnaire does not know is a text of the record like any other.
        message = "the Questionnaire has no item of this linkId"
        return Finding("response-link-id", message)

    def _present(
        self,
        item: Json,
        found: list[tuple[Json, Node]],
        node: Node,
        around: tuple[Json, ...],
    ) -> Iterator[Placed]:
        if len(found) > 1 and item.get("repeats") is not True:
            message = f"{len(found)} items for a question that is asked once"
            yield node, Finding("response-repeats", message)
        enabled = self._enabling.holds(item, around)
        if enabled is None:
            message = "whether the item is to be answered is told by an expression that fails here"
            yield node, Finding("response-enabling-not-checked", message)
        for answered, place in found:
            if enabled is False and _is_answered(answered):
                message = "the item is answered, although its conditions (enableWhen) do not hold"
                yield place, Finding("response-not-enabled", message)
            yield from self._item(item, answered, place, around, enabled=enabled is True)

    def _item(
        self, item: Json, answered: Json, node: Node, around: tuple[Json, ...], *, enabled: bool
    ) -> Iterator[Placed]:
        kind = item.get("type")
        text = answered.get("text")
        if isinstance(text, str) and text and text != item.get("text"):
            message = "the text is not that of the Questionnaire; leave it out or copy it"
            yield node, Finding("response-text", message)
        answers = objects(answered.get("answer"))
        inner = (*around, answered)
        if kind in (_GROUP, _DISPLAY, _ABSTRACT):
            yield from self._without_answers(item, answered, node, inner)
            return
        if answered.get("item"):
            message = "the items of a question stand in its answer, not beside it"
            yield node, Finding("response-structure", message)
        if item.get("required") is True and enabled and not answers:
            yield from self._missing(item, node)
        yield from self._count(item, len(answers), node)
        values: list[Answer | None] = []
        for index, answer in answers:
            place = step(node, "answer", index)
            value = typed(answer)
            values.append(value)
            if value is not None:
                for finding in check_answer(item, value, self._options):
                    yield _below(place, value, finding)
            yield from self._items(item, (*inner, answer), place, node)
        for position, finding in check_exclusive(item, values):
            yield step(node, "answer", answers[position][0]), finding

    def _without_answers(
        self, item: Json, answered: Json, node: Node, inner: tuple[Json, ...]
    ) -> Iterator[Placed]:
        """A group, a display, or the abstract type of both: nothing is answered there."""
        kind = item.get("type")
        if answered.get("answer"):
            message = f"an item of type {kind} has no answers"
            yield node, Finding("response-structure", message)
        if kind == _GROUP:
            if item.get("required") is True and "item" not in answered:
                yield node, Finding("response-group", "a required group needs items in it")
            yield from self._items(item, inner, node, node)
        elif kind == _DISPLAY and "item" in answered:
            yield node, Finding("response-structure", "an item of type display has no items")

    def _count(self, item: Json, count: int, node: Node) -> Iterator[Placed]:
        least = integer(item, "questionnaire-minOccurs")
        most = integer(item, "questionnaire-maxOccurs")
        if count > 1 and item.get("repeats") is not True:
            message = f"{count} answers to a question that takes one"
            yield node, Finding("response-repeats", message)
        if least is not None and count < least:
            message = f"at least {least} answers are asked for, found {count}"
            yield node, Finding("response-repeats", message)
        if most is not None and count > most:
            message = f"at most {most} answers are allowed, found {count}"
            yield node, Finding("response-repeats", message)

    def _missing(self, item: Json, node: Node) -> Iterator[Placed]:
        message = f"the required item {link_id(item)!r} has no answer"
        if self._complete:
            yield node, Finding("response-required", message)


def _is_answered(item: Json) -> bool:
    """Whether there is an answer in an item of a response, at any depth."""
    return bool(item.get("answer")) or any(
        _is_answered(one) for _, one in objects(item.get("item"))
    )


def _below(node: Node, answer: Answer, finding: Finding) -> Placed:
    """A finding at an answer or at its value, which FHIRPath calls by its type."""
    if not finding.below:
        return node, finding
    label = f"value.ofType({answer.type})"
    return (node, answer.key, label, None), Finding(finding.rule, finding.message)
