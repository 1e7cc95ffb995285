"""HL7's FHIRPath suite: the runner is held to account by false engines, the engine by the score."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fhirpath_engine import engine
from fhirpath_suite import (
    SCORE,
    SUITE,
    Case,
    Value,
    find,
    from_xml,
    passes,
    read_cases,
    reader,
    run,
    score_of,
)

from fhirkit.core.jsonio import loads
from fhirkit.fhirpath import EvaluationError, ExpressionSyntaxError, embedded_model

SMALL = b"""<?xml version="1.0"?><tests><group name="g">
<test name="two" inputfile="p.xml"><expression>1 | 2</expression>
  <output type="integer">1</output><output type="integer">2</output></test>
<test name="date"><expression>@2015</expression><output type="date">@2015</output></test>
<test name="any" ordered="false"><expression>('b'|'a')</expression>
  <output type="string">a</output><output type="string">b</output></test>
<test name="none"><expression>{}</expression></test>
<test name="there" predicate="true" inputfile="p.xml"><expression>name</expression>
  <output type="boolean">true</output></test>
<test name="bad"><expression invalid="syntax">1 +</expression></test>
<test name="wrong"><expression invalid="execution">1 &lt; 'a'</expression></test>
</group></tests>"""
PATIENT = {"resourceType": "Patient", "name": [{"family": "x"}]}


def right_count(this: Any) -> int:
    results = list(run(read_cases(SMALL), this, lambda name: PATIENT))
    return sum(right for _, right, _ in results)


def always_right(case: Case, resource: Any) -> list[Value]:
    if case.invalid == "syntax":
        raise ExpressionSyntaxError("no", 0)
    if case.invalid is not None:
        raise EvaluationError("no")
    return [(kind or "string", text.removeprefix("@")) for kind, text in case.outputs]


def test_the_runner_believes_a_right_engine_and_ours() -> None:
    assert right_count(always_right) == 7
    assert right_count(engine) == 7


def test_the_runner_does_not_believe_a_wrong_engine() -> None:
    assert right_count(lambda case, resource: [("string", "nonsense")]) == 1  # a predicate is true
    assert right_count(lambda case, resource: []) == 1  # `none` wants nothing
    assert right_count(lambda case, resource: [*always_right(case, resource)][::-1]) < 7


def test_a_crash_is_wrong_even_where_an_error_is_wanted() -> None:
    def crash(case: Case, resource: Any) -> list[Value]:
        raise RecursionError

    assert right_count(crash) == 0


def test_an_error_is_right_only_where_one_is_wanted() -> None:
    def refuse(case: Case, resource: Any) -> list[Value]:
        raise EvaluationError("no")

    assert right_count(refuse) == 1


def test_types_and_order_count() -> None:
    case = Case("n", "g", "1", None, (("integer", "1"), ("integer", "2")))
    assert passes(case, lambda c, r: [("integer", "1"), ("integer", "2")], None)[0]
    assert not passes(case, lambda c, r: [("integer", "2"), ("integer", "1")], None)[0]
    assert not passes(case, lambda c, r: [("string", "1"), ("integer", "2")], None)[0]
    assert not passes(case, lambda c, r: [("integer", "1")], None)[0]


def test_the_score_names_each_miss_and_its_reason() -> None:
    score = json.loads(SCORE.read_text())
    assert score["right"] == score["total"] - len(score["missed"])
    assert set(score["reasons"]) == set(score["missed"])
    assert all(score["reasons"].values())


@pytest.mark.timeout(60)
def test_the_score_does_not_fall() -> None:
    place = find()
    if place is None:
        pytest.skip("the suite is not on this machine (fhirpath_suite.py --fetch)")
    read = reader(place)

    def read_input(name: str) -> Any:
        data = read(f"r4/{name}")
        return loads(data) if name.endswith(".json") else from_xml(data, embedded_model())

    score = score_of(list(run(read_cases(read(SUITE)), engine, read_input)))
    known = json.loads(SCORE.read_text())
    assert score["total"] == known["total"]
    assert set(score["missed"]) <= set(known["missed"])
