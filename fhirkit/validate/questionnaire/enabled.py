"""Whether a question is to be answered at all (Questionnaire.item.enableWhen).

https://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.item.enableWhen
"""

from __future__ import annotations

from typing import Any

from fhirkit.validate.questionnaire.form import Answer, Json, answers_below, objects, typed
from fhirkit.validate.questionnaire.ordering import compare

_ORDER = {
    ">": lambda sign: sign > 0,
    "<": lambda sign: sign < 0,
    ">=": lambda sign: sign >= 0,
    "<=": lambda sign: sign <= 0,
}


def is_enabled(item: Json, surroundings: tuple[Json, ...]) -> bool:
    """Whether an item's conditions hold.

    ``surroundings`` are the parts of the response around the item, the whole response first. A
    question is looked for in the nearest of them that answers it, so that a repeated group sees
    its own answers.
    """
    conditions = [condition for _, condition in objects(item.get("enableWhen"))]
    if not conditions:
        return True
    results = (_holds(condition, surroundings) for condition in conditions)
    return all(results) if item.get("enableBehavior") == "all" else any(results)


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
    sign = compare(expected.type, answer.value, expected.value)
    return sign is not None and _ORDER[operator](sign)


def _equal(answer: Answer, expected: Answer) -> bool:
    if answer.type != expected.type:
        return False
    if answer.type == "Coding":
        return same_coding(answer.value, expected.value)
    if answer.type == "Reference":
        return bool(_member(answer.value, "reference") == _member(expected.value, "reference"))
    if answer.type == "Quantity":
        sign = compare("Quantity", answer.value, expected.value)
        return sign == 0 if sign is not None else bool(answer.value == expected.value)
    return bool(answer.value == expected.value)


def same_coding(left: Any, right: Any) -> bool:
    """Whether two Codings mean the same code of the same system."""
    return all(_member(left, name) == _member(right, name) for name in ("system", "code"))


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None
