"""Safe repairs: what is mended, what is left alone, and that meaning and layout stay."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirkit import Outcome, Validator, loads
from fhirkit.fix import fix
from fhirkit.fix.tokens import member_at, value_end, with_comma

VALIDATOR = Validator()


def validate(text: str) -> Outcome:
    return VALIDATOR.validate(text.encode(), file="x.json")


def fixed(text: str) -> str:
    return fix(text, validate(text), validate).text


PATIENT = '"resourceType": "Patient"'
RECORD = '{{"resourceType": "Patient", {}}}'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # Lists that are none, and none that are lists
        (
            '{%s,\n  "name": {"text": "Ann Sample"}\n}',
            '{%s,\n  "name": [{"text": "Ann Sample"}]\n}',
        ),
        ('{%s, "birthDate": [ "1980-02-28" ]}', '{%s, "birthDate": "1980-02-28"}'),
        ('{%s, "name": [{"given": "Ann"}]}', '{%s, "name": [{"given": ["Ann"]}]}'),
        # JSON types
        ('{%s, "active": "true"}', '{%s, "active": true}'),
        ('{%s, "multipleBirthInteger": "2"}', '{%s, "multipleBirthInteger": 2}'),
        ('{%s, "name": [{"family": 12.50}]}', '{%s, "name": [{"family": "12.50"}]}'),
        # What holds nothing
        ('{%s, "birthDate": null}', "{%s}"),
        ('{%s, "birthDate": "", "active": true}', '{%s, "active": true}'),
        ('{%s,\n "name": [],\n "active": true\n}', '{%s,\n "active": true\n}'),
        ('{"name": [], %s}', "{%s}"),
        # Emptied upwards
        ('{%s, "contact": [{"name": {"text": ""}}], "active": true}', '{%s, "active": true}'),
        ('{%s, "maritalStatus": {"text": ""}, "active": true}', '{%s, "active": true}'),
        # Several at once
        (
            '{%s, "active": "false", "name": {"family": ""}, "birthDate": ["1980-02-28"]}',
            '{%s, "active": false, "birthDate": "1980-02-28"}',
        ),
    ],
)
def test_what_is_safe_is_mended(before: str, after: str) -> None:
    text = fixed(before % PATIENT)
    assert text == after % PATIENT
    assert validate(text).valid


@pytest.mark.parametrize(
    "text",
    [
        '{%s, "gender": "femal"}',
        '{%s, "active": "yes"}',
        '{%s, "active": 1}',
        '{%s, "multipleBirthInteger": "two"}',
        '{%s, "multipleBirthInteger": "2.5"}',
        '{%s, "birthDate": ["1980-02-28", "1980-02-29"]}',
        '{%s, "birthDate": "1980-02-30"}',
        '{%s, "birthDate": "", "_birthDate": {"id": "b"}}',
        '{%s, "name": [{"given": ["Ann", ""]}]}',
        '{%s, "unknown": 1}',
        "{%s, ",
        "{%s}",
    ],
)
def test_what_is_not_safe_is_left_alone(text: str) -> None:
    assert fixed(text % PATIENT) == text % PATIENT


def test_a_repair_that_would_bring_another_error_is_not_made() -> None:
    # Without its value the extension would have neither value nor parts.
    text = RECORD.format('"extension": [{"url": "http://example.org/x", "valueString": ""}]')
    assert fixed(text) == text


def test_what_was_hidden_behind_an_issue_comes_to_light() -> None:
    text = RECORD.format('"name": {"use": "sometimes"}')
    done = fix(text, validate(text), validate)
    assert done.text == RECORD.format('"name": [{"use": "sometimes"}]')
    assert "binding-required" in {issue.rule for issue in done.outcome}


def test_the_repaired_issues_are_told() -> None:
    text = RECORD.format('"active": "true", "gender": "femal"')
    done = fix(text, validate(text), validate)
    assert [issue.rule for issue in done.repaired] == ["primitive-type"]
    assert not done.outcome.valid


GOOD: dict[str, Any] = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"text": 'Body weight, [kg] {measured} "so"'},
    "category": [{"text": "a, b: c"}],
    "valueQuantity": {"value": Decimal("70.50"), "unit": "kg"},
    "note": [{"text": "one"}, {"text": "two\nlines"}],
    "effectiveDateTime": "2024-05-01",
}


@given(
    st.lists(st.sampled_from(["wrap", "unwrap", "retype", "null", "empty"]), min_size=1),
    st.randoms(use_true_random=False),
    st.sampled_from([None, 1, "\t"]),
)
def test_damage_of_the_spelling_is_undone(kinds: list[str], random: Any, indent: Any) -> None:
    record = dict(GOOD)
    for kind in kinds:
        if kind == "wrap":
            record["effectiveDateTime"] = ["2024-05-01"]
        elif kind == "unwrap":
            record["category"] = {"text": "a, b: c"}
        elif kind == "retype":
            record["valueQuantity"] = {"value": "70.50", "unit": "kg"}
        elif kind == "null":
            record["bodySite"] = None
        else:
            record["method"] = {"text": ""}
    keys = list(record)
    random.shuffle(keys)
    text = json.dumps({key: record[key] for key in keys}, indent=indent, default=float)
    text = text.replace('"value": 70.5,', '"value": 70.50,')
    done = fix(text, validate(text), validate)
    assert done.outcome.valid
    assert loads(done.text) == GOOD


LEAVES = st.none() | st.booleans() | st.integers() | st.text()
NESTED = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=12,
)


@given(NESTED)
def test_values_end_where_json_says(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False)
    assert value_end(f"  {text} , x", 2) == 2 + len(text)


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), st.text(max_size=3), min_size=1),
       st.data(), st.sampled_from([None, 2]))  # fmt: skip
def test_taking_out_a_property_leaves_the_others(
    record: dict[str, str], data: st.DataObject, indent: int | None
) -> None:
    text = json.dumps(record, indent=indent)
    name = data.draw(st.sampled_from(sorted(record)))
    member = member_at(text, text.index(f'"{name}":'))
    assert member is not None
    start, end = with_comma(text, member)
    rest = {key: value for key, value in record.items() if key != name}
    assert json.loads(text[:start] + text[end:]) == rest
