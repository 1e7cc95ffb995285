"""Hostile expressions and data: bounded, silent, and never a pass by accident."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirkit import fhirpath
from fhirkit.fhirpath import (
    Environment,
    FhirPathError,
    NotCheckableError,
    TooCostlyError,
    embedded_model,
)
from fhirkit.fhirpath.units import CommonUnits

Evaluate = Callable[..., list[Any]]

PATIENT: dict[str, Any] = {"resourceType": "Patient", "name": [{"given": ["a" * 30 + "!"]}]}


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "text",
    [
        "name.given.matches('^(a+)+$')",
        "name.given.matchesFull('(a+)+')",
        "name.given.replaceMatches('(a+)+$', 'x')",
        r"('AAAA AAAA AAAA AAAA AAAA AAAA !').matches('^(\\s*([0-9a-zA-Z\\+=]){4}\\s*)+$')",
    ],
)
def test_r1_r3_regular_expressions_are_linear(evaluate: Evaluate, text: str) -> None:
    evaluate(text, PATIENT)


@pytest.mark.parametrize(
    "pattern", [r"(a)\\1", "(?=a)a", "(?<!b)a", "(a", "a{1,100000}", "[a-z&&[^b]]", "[a[b]]"]
)
@pytest.mark.parametrize("call", ["matches('{}')", "matchesFull('{}')", "replaceMatches('{}', '')"])
def test_r4_unsupported_patterns_are_not_checkable(
    evaluate: Evaluate, pattern: str, call: str
) -> None:
    with pytest.raises(NotCheckableError):
        evaluate("'aa'." + call.format(pattern), PATIENT)


def test_r5_trace_says_nothing(evaluate: Evaluate, capfd: pytest.CaptureFixture[str]) -> None:
    assert evaluate("name.trace('x').given.trace('y', length()).count()", PATIENT) == [1]
    assert capfd.readouterr() == ("", "")


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "text",
    [
        "repeat($this)",
        "name.repeat(given | $this)",
        "(1|2|3).repeat($this + 1)",
        (
            "(0|1|2|3|4|5|6|7|8|9).select((0|1|2|3|4|5|6|7|8|9).select((0|1|2|3|4|5|6|7|8|9)"
            ".select((0|1|2|3|4|5|6|7|8|9).select((0|1|2|3|4|5|6|7|8|9).select((0|1|2|3|4|5)"
            ".select(descendants().count()))))))"
        ),
        (
            "(1|2|3|4|5|6|7|8|9).combine(1|2|3).aggregate($total.combine($total), 1|2|3)"
            ".aggregate($total.combine($total), 1).aggregate($total.combine($total), 1)"
        ),
        (
            "(1|2|3|4|5|6|7|8).aggregate($total & $total & $total & $total & $total & $total "
            "& $total & $total & $total & $total, 'xxxxxxxxxx')"
        ),
        (
            "('a'.replace('', 'bbbbbbbbbb')).select($this.replace('b', $this))"
            ".select($this.replace('b', $this)).select($this.replace('b', $this))"
            ".select($this.replace('b', $this)).select($this.replace('b', $this))"
        ),
    ],
)
def test_r7_costly_expressions_end(text: str) -> None:
    expression = fhirpath.compile(text, embedded_model())
    with contextlib.suppress(FhirPathError):
        expression.evaluate(PATIENT, Environment(resource=PATIENT, budget=50_000))


def test_r7_the_budget_is_an_error_of_its_own() -> None:
    expression = fhirpath.compile("(1|2|3).repeat($this + 1)", embedded_model())
    with pytest.raises(TooCostlyError):
        expression.evaluate(PATIENT, Environment(resource=PATIENT, budget=10_000))


def test_r7_resources_that_contain_themselves_end() -> None:
    cyclic: dict[str, Any] = {"resourceType": "Questionnaire"}
    cyclic["item"] = [cyclic]
    for text in ("repeat(item).count()", "descendants().count()"):
        with pytest.raises(FhirPathError):
            fhirpath.compile(text, embedded_model()).evaluate(
                cyclic, Environment(resource=cyclic, budget=10_000)
            )


@pytest.mark.parametrize(
    "unit",
    ["m." * 500 + "m", "(" * 500, "mg//dL", "[", "m)", "", " m", "{a", "m{", "1/", ".", "🔥", "0"],
)
def test_r10_what_is_no_unit_is_unknown(unit: str) -> None:
    assert CommonUnits().measure(unit) is None


@pytest.mark.parametrize("unit", ["[pH]", "{score}", "mg/dL", "10*3/uL", "mL/min/{1.73_m2}", "%"])
def test_r10_units_of_clinical_data_are_known(unit: str) -> None:
    assert CommonUnits().measure(unit) is not None


@given(st.text(max_size=30))
def test_r10_any_text_is_a_unit_or_not(unit: str) -> None:
    CommonUnits().measure(unit)


def test_r11_factors_are_exact(evaluate: Evaluate) -> None:
    per_hours, per_day = (CommonUnits().measure(unit) for unit in ("ug/(24.h)", "ug/d"))
    assert per_hours == per_day
    assert CommonUnits().measure("ug/24.h") != per_day
    factor = CommonUnits().measure("[in_i]")
    assert factor is not None
    assert factor[0] == Fraction(254, 10000)
    assert evaluate("1 'ug/(24.h)' = 1 'ug/d'", PATIENT) == [True]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("number", ["1e999999", "-1e999999", "1e-999999", "123456789e40"])
@pytest.mark.parametrize(
    "text",
    ["{}.round(2)", "{}.truncate()", "{}.floor()", "{}.exp()", "{}.sqrt()", "{}.power(2)",
     "{} div 7", "{} mod 7", "{} * {}", "{}.lowBoundary()", "{}.toString().length()",
     "{}.toInteger()", "{}.precision()", "{} ~ 1", "value = 1 'g'", "value > 1 'kg'",
     "value + 1 'kg'", "value ~ 1 's'", "value.isDistinct()", "@2015 + value", "value * value"],
)  # fmt: skip
def test_absurd_numbers_do_no_harm(text: str, number: str) -> None:
    quantity = {"value": Decimal(number), "code": "d", "system": "http://unitsofmeasure.org"}
    observation = {"resourceType": "Observation", "valueQuantity": quantity}
    environment = Environment(resource=observation, constants={"n": Decimal(number)})
    expression = fhirpath.compile(text.replace("{}", "%n"), embedded_model())
    with contextlib.suppress(FhirPathError):
        expression.evaluate(observation, environment)


NAMES = [
    "resourceType", "name", "_name", "given", "_given", "contact", "value", "extension", "url",
    "valueQuantity", "code", "id", "birthDate", "_birthDate",
]  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
JSON = st.recursive(
    SCALARS | st.decimals(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON)
def test_data_of_any_shape_give_a_value_or_a_clean_error(data: Any) -> None:
    resource = data if isinstance(data, dict) else {"resourceType": "Patient", "name": data}
    for text in ("name.given.where($this = 'a').exists()", "descendants().count() > 0",
                 "name = name", "birthDate.extension.value.code ~ 'x'", "name.given.isDistinct()",
                 "contact.all(name.exists() or telecom.exists())"):  # fmt: skip
        expression = fhirpath.compile(text, embedded_model())
        for type_name in (None, "Patient"):
            try:
                expression.evaluate(resource, type_name=type_name)
                expression.check(resource, type_name=type_name)
            except FhirPathError:
                pass
