"""Whether a question is to be answered at all (Questionnaire.item.enableWhen).

https://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.item.enableWhen
"""

from __future__ import annotations

from typing import Any

from fhirkit.core.errors import FhirkitError
from fhirkit.fhirpath.expression import Expression
from fhirkit.fhirpath.model import ModelInfo
from fhirkit.validate.questionnaire.form import (
    Answer,
    Json,
    answers_below,
    extension,
    objects,
    typed,
)
from fhirkit.validate.questionnaire.ordering import compare

# Finland's national questionnaires say it by an extension of their own, whose value is FHIRPath.
_FINNISH = "http://phr.kanta.fi/StructureDefinition/fiphr-ext-questionnaire-enablewhen"
# What a response of a wrong shape, which the walk has reported, can provoke in an expression.
_WRONG_SHAPE = (ArithmeticError, AttributeError, KeyError, TypeError, ValueError)
_ORDER = {
    ">": lambda sign: sign > 0,
    "<": lambda sign: sign < 0,
    ">=": lambda sign: sign >= 0,
    "<=": lambda sign: sign <= 0,
}


class Enabling:
    """Tells of the items of one response whether they are to be answered."""

    def __init__(self, response: Json, model: ModelInfo) -> None:
        self._response = response
        self._model = model
        self._told: dict[str, bool | None] = {}

    def holds(self, item: Json, surroundings: tuple[Json, ...]) -> bool | None:
        """Whether an item's conditions hold; None when an expression cannot be evaluated.

        ``surroundings`` are the parts of the response around the item, the whole response first. A
        question is looked for in the nearest of them that answers it, so that a repeated group
        sees its own answers. An expression (Structured Data Capture) goes before enableWhen.
        """
        stated = extension(item, "questionnaire-enableWhenExpression")
        if isinstance(stated, dict):
            return self._expression(stated)
        for _, other in objects(item.get("extension")):
            if other.get("url") == _FINNISH:
                spoken = {"language": "text/fhirpath", "expression": other.get("valueString")}
                return self._expression(spoken)
        conditions = [condition for _, condition in objects(item.get("enableWhen"))]
        results = (_holds(condition, surroundings) for condition in conditions)
        behavior = item.get("enableBehavior")
        if behavior == "any" or len(conditions) == 1:
            return any(results)
        # Without enableBehavior nobody can tell what several conditions mean together.
        return all(results) if behavior == "all" else True

    def _expression(self, stated: Json) -> bool | None:
        text = stated.get("expression")
        if stated.get("language") != "text/fhirpath" or not isinstance(text, str):
            return None
        if text not in self._told:
            try:
                answer = Expression(text, self._model).check(self._response)
                self._told[text] = answer is True
            except (FhirkitError, *_WRONG_SHAPE):
                self._told[text] = None
        return self._told[text]


def _holds(condition: Json, surroundings: tuple[Json, ...]) -> bool:
    question = condition.get("question")
    answers = _answers(str(question), surroundings)
    expected = typed(condition, "answer")
    operator = condition.get("operator")
    if expected is None:
        return False
    if operator == "exists":
        return bool(answers) == (expected.value is True)
    return any(_agrees(answer, str(operator), expected) for answer in answers)


def _answers(question: str, surroundings: tuple[Json, ...]) -> list[Answer]:
    for part in reversed(surroundings):
        found = [typed(answer) for answer in answers_below(part, question)]
        present = [answer for answer in found if answer is not None]
        if present:
            return present
    return []


def _agrees(answer: Answer, operator: str, expected: Answer) -> bool:
    if operator in ("=", "!="):
        return _equal(answer, expected) == (operator == "=")
    if operator not in _ORDER or answer.type != expected.type:
        return False
    sign = _order(answer, expected)
    return sign is not None and _ORDER[operator](sign)


def _order(answer: Answer, expected: Answer) -> int | None:
    """Which of two answers of one type is larger (negative: the expected one); None: unknown."""
    sign = compare(expected.type, answer.value, expected.value)
    if sign is None and expected.type == "Quantity":
        # Units that are not there, or measure something else, do not count.
        return compare("decimal", *(_member(one.value, "value") for one in (answer, expected)))
    return sign


def _equal(answer: Answer, expected: Answer) -> bool:
    if answer.type != expected.type:
        return False
    if answer.type == "Coding":
        return same_coding(answer.value, expected.value)
    if answer.type == "Reference":
        return bool(_member(answer.value, "reference") == _member(expected.value, "reference"))
    if answer.type == "Quantity":
        return _order(answer, expected) == 0
    return bool(answer.value == expected.value)


def same_coding(left: Any, right: Any) -> bool:
    """Whether two Codings mean the same code of the same system."""
    return all(_member(left, name) == _member(right, name) for name in ("system", "code"))


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None
