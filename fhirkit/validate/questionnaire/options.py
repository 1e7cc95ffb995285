"""The answers a question offers: answerOption and answerValueSet.

https://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.item.answerOption
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fhirkit.schema.model import ValueSetSchema
from fhirkit.validate.questionnaire.enabled import same_coding
from fhirkit.validate.questionnaire.form import Answer, Json, extension, objects, typed
from fhirkit.validate.rules.finding import Finding
from fhirkit.validate.shapes import Shapes

_OPEN = "open-choice"
_CHOICES = ("choice", _OPEN)


class Options:
    """The offers of one Questionnaire."""

    def __init__(self, questionnaire: Json, response: Json, shapes: Shapes) -> None:
        self._questionnaire = questionnaire
        self._store = shapes.store
        language = response.get("language")
        self._language = language if isinstance(language, str) else "en"
        #: Whether a reference of the form Type/id is taken for one to such a resource.
        self.trusts_references = shapes.options.trust_server_references

    @property
    def resource_types(self) -> frozenset[str]:
        """The names of all resource types."""
        return self._store.resource_types

    def check(self, item: Json, answer: Answer) -> Iterator[Finding]:
        """Whether an answer is among those that its question offers."""
        if "answerOption" in item:
            yield from _listed(item, answer)
        elif isinstance(item.get("answerValueSet"), str) and answer.type == "Coding":
            yield from self._of_value_set(item["answerValueSet"], answer)

    def holds(self, canonical: str, coding: Any) -> bool | None:
        """Whether a Coding belongs to a value set; None when that cannot be known."""
        schema = self._value_set(canonical)
        if schema is None or not isinstance(coding, dict):
            return None
        if schema.circular is not None:
            return False  # a value set that includes itself holds nothing
        system, code = coding.get("system"), coding.get("code")
        if not isinstance(system, str) or not isinstance(code, str):
            return False  # a code without a system is in no value set
        return self._store.has_member(schema, system, code)

    def _of_value_set(self, canonical: str, answer: Answer) -> Iterator[Finding]:
        held = self.holds(canonical, answer.value)
        if held and not self._offers_display(answer.value):
            message = f"{canonical} does not offer the code under this display"
            yield Finding("response-value-set", message)
        elif held is None:
            message = f"whether the answer is in {canonical} cannot be known offline"
            yield Finding("response-option-not-checked", message)
        elif not held:
            message = f"the answer is not in the value set of the question, {canonical}"
            yield Finding("response-value-set", message)

    def _offers_display(self, coding: Json) -> bool:
        schema = self._store.code_system(coding["system"])
        own = None if schema is None else schema.find(coding["code"])
        displays = schema.displays[own] if schema is not None and own is not None else None
        display = coding.get("display")
        if displays is None or not isinstance(display, str):
            return True
        return displays.has(display, self._language)

    def _value_set(self, canonical: str) -> ValueSetSchema | None:
        if not canonical.startswith("#"):
            return self._store.value_set(canonical)
        for _, resource in objects(self._questionnaire.get("contained")):
            if resource.get("id") == canonical[1:] and resource.get("resourceType") == "ValueSet":
                return self._store.compile_value_set(resource)
        return None


def check_exclusive(item: Json, answers: list[Answer | None]) -> Iterator[tuple[int, Finding]]:
    """An exclusive option (optionExclusive) stands alone."""
    present = [(place, answer) for place, answer in enumerate(answers) if answer is not None]
    if len(present) < 2:
        return
    for _, option in objects(item.get("answerOption")):
        offered = typed(option)
        if offered is None or extension(option, "questionnaire-optionExclusive") is not True:
            continue
        for place, answer in present:
            if _same(offered, answer):
                message = "this option is exclusive: no other answer may be given with it"
                yield place, Finding("response-option", message)


def _listed(item: Json, answer: Answer) -> Iterator[Finding]:
    offered = [typed(option) for _, option in objects(item.get("answerOption"))]
    same_type = [one for one in offered if one is not None and one.type == answer.type]
    if any(_same(one, answer) for one in same_type):
        return
    if answer.type == "string" and item.get("type") == _OPEN:
        return  # a free text is what makes the choice open
    below = () if item.get("type") in _CHOICES else (answer.key,)
    if not same_type:
        message = f"the question offers no answers of type {answer.type}"
        yield Finding("response-option", message, below)
    else:
        count = len(same_type)
        message = f"the answer is not among the {count} that the question offers"
        yield Finding("response-option", message, below)


def _same(offered: Answer, answer: Answer) -> bool:
    if offered.type != answer.type:
        return False
    if offered.type == "Coding":
        return same_coding(offered.value, answer.value)
    return bool(offered.value == answer.value)
