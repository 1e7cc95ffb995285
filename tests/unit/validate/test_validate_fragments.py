"""What points into the same record by #id: canonicals, and # alone in a reference."""

from __future__ import annotations

from typing import Any

import pytest

from fhirkit import Validator


def questionnaire(answers: str, **more: Any) -> dict[str, Any]:
    item = {"linkId": "1", "type": "choice", "answerValueSet": answers}
    return {"resourceType": "Questionnaire", "status": "draft", "item": [item], **more}


CONTAINED = [{"resourceType": "ValueSet", "id": "colours", "status": "draft"}]


def rules(validator: Validator, resource: dict[str, Any]) -> list[str]:
    return [issue.rule for issue in validator.validate(resource).errors]


def test_a_canonical_of_the_record(validator: Validator) -> None:
    assert rules(validator, questionnaire("#colours", contained=CONTAINED)) == []
    # The next record is judged by itself: what was right in one is not right in another.
    for _ in range(40):
        assert rules(validator, questionnaire("#colours")) == ["canonical-fragment"]
    assert rules(validator, questionnaire("http://example.org/colours")) == []


@pytest.mark.parametrize("text", ["#colours", "#"])
def test_a_text_may_begin_with_it(validator: Validator, text: str) -> None:
    assert rules(validator, {"resourceType": "Patient", "name": [{"text": text}]}) == []


def test_the_container_is_named_from_inside_only(validator: Validator) -> None:
    link = [{"other": {"reference": "#"}, "type": "seealso"}]
    assert rules(validator, {"resourceType": "Patient", "link": link}) == ["reference-contained"]
    inner = {"resourceType": "Patient", "id": "p", "link": link}
    outer = [{"other": {"reference": "#p"}, "type": "seealso"}]
    assert rules(validator, {"resourceType": "Patient", "contained": [inner], "link": outer}) == []
