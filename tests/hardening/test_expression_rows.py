"""Regular expressions, FHIRPath and units, rows R1 to R11 of the hardening list."""

from __future__ import annotations

import socket
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest
from hardening_answers import GUARD

from fhirkit import Validator, fhirpath
from fhirkit.core.regex import UnsupportedPattern, full_matcher
from fhirkit.fhirpath import Environment, embedded_model
from fhirkit.fhirpath.errors import FhirPathError

LONG = 1_000_000
PROFILE = "http://example.org/StructureDefinition/held"


def held_to(expression: str) -> Validator:
    """A validator that knows a profile of Patient with one constraint."""
    constraint = {"key": "x-1", "severity": "error", "human": "x", "expression": expression}
    profile = {
        "resourceType": "StructureDefinition", "url": PROFILE, "name": "Held", "status": "draft",
        "kind": "resource", "abstract": False, "type": "Patient", "derivation": "constraint",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",
        "differential": {"element": [
            {"id": "Patient", "path": "Patient", "constraint": [constraint]}]},
    }  # fmt: skip
    return Validator([profile])


def rules(expression: str, **resource: Any) -> list[str]:
    """What is found in a Patient when a constraint asks this of it."""
    patient = {"resourceType": "Patient", **resource}
    return [one.rule for one in held_to(expression).validate(patient, [PROFILE])]


def in_time(code: str) -> str:
    """What a process prints; one that hangs is ended, and fails."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=GUARD, check=True
    )
    return done.stdout


def test_R1_base64_that_hangs_other_engines_is_an_error() -> None:
    code = """
from fhirkit import Validator
text = {"resourceType": "Binary", "contentType": "image/png", "data": "AAAA " * 30 + "!"}
print([one.rule for one in Validator().validate(text).errors])
"""
    assert in_time(code).strip() == "['primitive-format']"


@pytest.mark.parametrize("name", ["id", "code", "uri", "oid", "uuid", "date", "dateTime", "time",
                                  "instant", "string", "markdown", "base64Binary"])  # fmt: skip
def test_R2_every_primitive_form_is_linear(name: str) -> None:
    code = f"""
from fhirkit.definitions.embedded import connect
from fhirkit.schema.store import SchemaStore
from fhirkit.validate.rules.primitive import PrimitiveCheck
check = PrimitiveCheck({name!r}, SchemaStore(connect()).type({name!r}).primitive)
for start in ("a", "1", "urn:oid:1.", "2020-01-01T00:00:00.", "AAAA"):
    for end in ("", "!", " ", "\\n"):
        check((start * {LONG})[:{LONG}] + end)
        check(start + "1" * {LONG} + end)
print("done")
"""
    assert in_time(code).strip() == "done"


@pytest.mark.parametrize(
    "expression",
    [
        "id.matches('^(a+)+$')",
        "id.replaceMatches('(a+)+b', 'x') != 'y'",
        "id.matchesFull('(a|a)*b').not() or true",
    ],
)
def test_R3_costly_patterns_of_a_profile_do_not_hang(expression: str) -> None:
    code = f"""
import sys
sys.path.insert(0, {str(__file__.rpartition("/")[0])!r})
from test_expression_rows import rules
print(rules({expression!r}, id="a" * 50 + "-"))
"""
    assert in_time(code).strip().startswith("[")


@pytest.mark.parametrize("pattern", [r"(a)\\1", "a(?=b)", "(?<!a)b"])
def test_R4_a_pattern_that_cannot_be_tried_is_said_not_to_be_checked(pattern: str) -> None:
    with pytest.raises(UnsupportedPattern):
        full_matcher(pattern.replace("\\\\", "\\"))
    assert rules(f"id.matches('{pattern}')", id="aa") == ["constraint-not-checked"]


def test_R5_trace_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    assert rules("name.trace('n', given).exists()", name=[{"given": ["Wilhelmina"]}]) == []
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "expression",
    [
        "managingOrganization.resolve().name.exists()",
        "conformsTo('http://example.org/StructureDefinition/other')",
        "gender.memberOf('http://example.org/ValueSet/other')",
    ],
)
def test_R6_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch, expression: str) -> None:
    def refuse(*arguments: Any, **more: Any) -> None:
        raise AssertionError(f"a socket was opened: {arguments} {more}")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    reference = {"reference": "http://169.254.169.254/Organization/1"}
    found = rules(expression, gender="male", managingOrganization=reference)
    assert set(found) <= {"constraint-not-checked", "constraint-broken"}
    assert found


@pytest.mark.parametrize(
    "expression",
    [
        "repeat($this).count() >= 0",
        "repeat(contact).count() >= 0",
        "(1 | 2 | 3).repeat($this + 1).empty()",
        "(1 | 2 | 3 | 4 | 5 | 6 | 7 | 8).select($this).aggregate($total + $this, 0) >= 0",
    ],
)
def test_R7_cycles_and_products_have_an_end(expression: str) -> None:
    code = f"""
import sys
sys.path.insert(0, {str(__file__.rpartition("/")[0])!r})
from test_expression_rows import rules
print(rules({expression!r}, contact=[{{"name": {{"text": "a"}}}}]))
"""
    assert in_time(code).strip() in ("[]", "['constraint-not-checked']")


@pytest.mark.parametrize("depth", [3_000, 100_000])
def test_R8_thousands_of_parentheses_are_an_error(depth: int) -> None:
    with pytest.raises(FhirPathError):
        fhirpath.compile("(" * depth + "1" + ")" * depth, embedded_model())


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("value.ofType(Quantity).unit", ["g"]),
        ("value is Quantity", [True]),
        ("(1.0 = 1.00)", [True]),
        ("(4 'g' = 4000 'mg')", [True]),
        ("(@2020 = @2020-01)", []),
        ("(@2020-01-01T10:00:00Z = @2020-01-01T11:00:00+01:00)", [True]),
        ("(1.1 + 2.2 = 3.3)", [True]),
    ],
)
def test_R9_golden_results(expression: str, expected: list[Any]) -> None:
    resource = {"resourceType": "Observation", "status": "final", "code": {"text": "x"},
                "valueQuantity": {"value": Decimal(4), "unit": "g"}}  # fmt: skip
    compiled = fhirpath.compile(expression, embedded_model(), "Observation")
    items = compiled.items(resource, Environment(resource=resource))
    assert [getattr(one, "value", one) for one in items] == expected


@pytest.mark.parametrize(
    "unit", ["m." * 499 + "m", "(" * 500 + "m" + ")" * 500, "[pH]", "{score}", "mg//dL", "", "\x00"]
)
def test_R10_a_unit_of_any_kind_is_an_answer(unit: str) -> None:
    text = {"resourceType": "Observation", "status": "final", "code": {"text": "x"},
            "valueQuantity": {"value": 1, "system": "http://unitsofmeasure.org"}}  # fmt: skip
    text["valueQuantity"]["code"] = unit
    found = {one.rule for one in Validator().validate(text)}
    assert found <= {"code-unit", "primitive-empty", "primitive-characters", "constraint-broken"}


def test_R11_units_are_converted_exactly() -> None:
    expression = fhirpath.compile("24 'ug/d' = 1 'ug/h'", embedded_model())
    assert [getattr(one, "value", one) for one in expression.items({}, Environment())] == [True]
