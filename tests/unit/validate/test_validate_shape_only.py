"""Looking at the shape alone: what it finds, what it leaves out, and that it says so."""

from __future__ import annotations

import pytest
from samples import ALL

from fhirkit import Validator
from fhirkit.core.jsonio import dumps
from fhirkit.validate import Options
from fhirkit.validate.shape_rules import SHAPE_RULES

SHAPE = Validator(options=Options(shape_only=True))
TIMES = 12  # often enough for functions to be written


def rules(text: str) -> list[str]:
    found = {tuple(issue.rule for issue in SHAPE.validate(text)) for _ in range(TIMES)}
    assert len(found) == 1, "the first time and the later ones differ"
    return list(found.pop())


@pytest.mark.parametrize("name", ALL)
def test_what_is_right_is_said_to_be_looked_at_in_part(name: str) -> None:
    assert rules(dumps(ALL[name])) == ["checks-left-out"]


def test_an_element_with_an_id() -> None:
    text = '{"resourceType":"Patient","managingOrganization":{"id":"a","display":"B"}}'
    assert rules(text) == ["checks-left-out"]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ('{"resourceType":"Patient","nam":[]}', "element-unknown"),
        ('{"resourceType":"Patient","name":{}}', "array-expected"),
        ('{"resourceType":"Patient","birthDate":"2023-02-29"}', "primitive-date"),
        ('{"resourceType":"Patient","active":"true"}', "primitive-type"),
        ('{"resourceType":"Patient","link":[{"type":"refer"}]}', "cardinality-min"),
        (
            '{"resourceType":"Patient","deceasedBoolean":true,"deceasedDateTime":"2020"}',
            "choice-multiple",
        ),
        ('{"resourceType":"Patient","photo":[{"data":"AAA"}]}', "primitive-format"),
        ('{"resourceType":"Pat"}', "resource-type-unknown"),
    ],
)
def test_shape_is_checked(text: str, rule: str) -> None:
    found = rules(text)
    assert found[-1] == "checks-left-out"
    assert found[0] == rule
    assert not SHAPE.validate(text).valid


@pytest.mark.parametrize(
    "text",
    [
        '{"resourceType":"Patient","gender":"x"}',
        '{"resourceType":"Patient","contact":[{"relationship":[{"text":"friend"}]}]}',
        '{"resourceType":"Patient","managingOrganization":{"reference":"Patient/1"}}',
        '{"resourceType":"Patient","meta":{"profile":["http://example.org/unknown"]}}',
        '{"resourceType":"Patient","text":{"status":"generated","div":"<p>no</p>"}}',
    ],
)
def test_the_rest_is_left_to_the_complete_check(text: str) -> None:
    assert rules(text) == ["checks-left-out"]
    complete = Validator().validate(text)
    assert complete.issues
    assert "checks-left-out" not in {issue.rule for issue in complete}


@pytest.mark.parametrize(
    "contained",
    [
        '[{"resourceType":"Patient","id":"a"}]',
        '[{"resourceType":"Patient"}]',
        '[{"resourceType":"Patient","id":"a"},{"resourceType":"Group","id":"a"}]',
        '[{"resourceType":"Patient","id":"a","contained":[{"resourceType":"Group"}]}]',
    ],
)
def test_how_contained_resources_hang_together_is_no_shape(contained: str) -> None:
    text = f'{{"resourceType":"Basic","code":{{"id":"b","text":"x"}},"contained":{contained}}}'
    if "Group" in contained:
        group = '"Group","type":"person","actual":true'
        text = text.replace('"Group"', group)
    assert rules(text) == ["checks-left-out"]
    assert not Validator().validate(text).valid
    assert {issue.rule for issue in SHAPE.validate(text)} <= {rule.id for rule in SHAPE_RULES}
