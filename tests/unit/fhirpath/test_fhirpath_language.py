"""The language beyond what HL7's suite covers: types, extensions, precision, units, errors."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from fhirkit import fhirpath
from fhirkit.core.jsonio import loads
from fhirkit.fhirpath import EvaluationError, FhirPathError, SemanticError, embedded_model

Evaluate = Callable[..., list[Any]]

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p",
    "active": True,
    "name": [
        {
            "given": [None, "Ada"],
            "_given": [{"extension": [{"url": "u", "valueString": "x"}]}, None],
        },
        {"given": ["Bo"], "family": "Lovelace"},
    ],
    "birthDate": "1974-12",
    "_birthDate": {"id": "b", "extension": [{"url": "t", "valueDateTime": "1974-12-25T14:35:45Z"}]},
    "_gender": {"extension": [{"url": "why", "valueCode": "unknown"}]},
    "deceasedDateTime": "2015-02-14T13:42:00+10:00",
    "multipleBirthInteger": 2,
    "contained": [{"resourceType": "Organization", "id": "o", "name": "ACME"}],
    "managingOrganization": {"reference": "#o"},
    "extension": [{"url": "q", "valueQuantity": {"value": Decimal("4.0"), "code": "g",
                   "system": "http://unitsofmeasure.org"}}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Choice elements and types
        ("deceased", ["2015-02-14T13:42:00+10:00"]),
        ("deceased is dateTime", [True]),
        ("deceased.ofType(boolean)", []),
        ("multipleBirth + 1", [3]),
        ("multipleBirth.type().name", ["integer"]),
        ("Patient.is(DomainResource)", [True]),
        ("Resource.id", ["p"]),
        ("contained.name", ["ACME"]),
        ("contained.ofType(Organization).id", ["o"]),
        ("extension.value.is(Quantity)", [True]),
        ("active is boolean and active.type().namespace = 'FHIR'", [True]),
        # Extensions of primitives, primitives without a value
        ("birthDate.extension('t').value", ["1974-12-25T14:35:45Z"]),
        ("birthDate.id", ["b"]),
        ("gender.exists()", [True]),
        ("gender.hasValue()", [False]),
        ("gender.getValue()", []),
        ("gender.extension.value", ["unknown"]),
        ("name.given.count()", [3]),
        ("name.given.where(hasValue())", ["Ada", "Bo"]),
        ("name[0].given[0].extension('u').value", ["x"]),
        ("gender = 'male'", [False]),
        ("gender.startsWith('m')", []),
        ("gender < 'z'", []),
        # References
        ("managingOrganization.resolve().name", ["ACME"]),
        ("managingOrganization.resolve() is Organization", [True]),
        ("'Patient/none'.resolve()", []),
        # Partial dates
        ("birthDate < @1974-12-25", []),
        ("birthDate < @1975-01", [True]),
        ("birthDate = @1974-12", [True]),
        ("@2012-04-15T15:00:00Z < @2012-04-17T10:00:00", [True]),
        ("@2012-04-15T15:00:00Z < @2012-04-15T16:00:00", []),
        ("@2012-04-15T23:00:00-05:00 = @2012-04-16T04:00:00Z", [True]),
        ("@2016-02-29 + 1 year", ["2017-02-28"]),
        ("@2016-01-31 + 1 month", ["2016-02-29"]),
        ("@2014 + 25 months", ["2016"]),
        ("@2016-03 - 31 days", ["2016-02"]),
        ("@T23:30 + 45 minutes", ["00:15"]),
        ("@9999-12-31 + 1 day", []),
        ("@2015-02-04T14:34:28.5Z + 500 milliseconds", ["2015-02-04T14:34:29.0+00:00"]),
        # Quantities
        ("extension.value = 4000 'mg'", [True]),
        ("extension.value > 3999 'mg'", [True]),
        ("extension.value = 4 's'", [False]),
        ("extension.value < 4 's'", []),
        ("1 year = 12 months", [True]),
        ("1 year = 1 'a'", []),
        ("1 'mm[Hg]' = 133.322 'Pa'", [True]),
        ("37 'Cel' = 37 'Cel'", [True]),
        ("37 'Cel' = 98.6 '[degF]'", [False]),
        ("1 'foo' = 1 'foo'", [True]),
        ("1 'foo' = 1 'bar'", []),
        ("6 'mg' / 2 'mL' = 3 'mg/mL'", [True]),
        ("1 'g' + 500 'mg'", ["1.5 'g'"]),
        # Numbers
        ("1.0 = 1.00", [True]),
        ("7 div 2", [3]),
        ("-7 mod 3", [-1]),
        ("9223372036854775807 + 1", []),
        ("10.power(400)", []),
        ("1 / 3 * 3 ~ 1", [True]),
        ("(-0.5).round()", ["-1"]),
        # Collections and logic
        ("{} = {}", []),
        ("(1 | 2) = (2 | 1)", [False]),
        ("(1 | 2) ~ (2 | 1)", [True]),
        ("name.given < {}", []),
        ("name.given + {}", []),
        ("false.toQuantity()", ["0.0 '1'"]),
        ("{} or true", [True]),
        ("{} and false", [False]),
        ("{} implies false", []),
        ("(1 | 2 | 3).aggregate($total + $this, 0)", [6]),
        ("(3 | 1 | 2).sort(-$this)", [3, 2, 1]),
        ("name.select($index)", [0, 1]),
        ("name.all($this is HumanName)", [True]),
        ("defineVariable('n', name.count()).select(%n)", [2]),
        ("%`ext-patient-birthTime`", ["http://hl7.org/fhir/StructureDefinition/patient-birthTime"]),
        ("iif(active, 1, 1 / 0)", [1]),
        ("'a,b'.split(',').join('-')", ["a-b"]),
        (r"'a1b2'.replaceMatches('([a-z])([0-9])', '$2$1')", ["1a2b"]),
        ("'x'.lastIndexOf('y')", [-1]),
        ("'1.5 \\'mg\\''.toQuantity() = 1500 'ug'", [True]),
        ("'2015-02-30'.convertsToDate()", [False]),
    ],
)  # fmt: skip
def test_r9_golden_values(evaluate: Evaluate, text: str, expected: list[Any]) -> None:
    assert evaluate(text, PATIENT) == expected


@pytest.mark.parametrize(
    "text", ["name.single()", "true and name", "1 < 'a'", "'a' - 'b'", "-'a'",
             "@2015-01-01 + 1 'cm'", "%nothing", "name.is(HumanName)", "(1 | 2).not()"],
)  # fmt: skip
def test_errors_of_evaluation(evaluate: Evaluate, text: str) -> None:
    with pytest.raises(EvaluationError):
        evaluate(text, PATIENT)


@pytest.mark.parametrize(
    "text", ["nosuch()", "name.count(1)", "name.where()", "name is Nothing", "@2015-02-30",
             "name.ofType(1)", "FHIR.Nothing.x is System.Nothing.y"],
)  # fmt: skip
def test_errors_that_need_no_data(text: str) -> None:
    with pytest.raises(FhirPathError):
        fhirpath.compile(text, embedded_model())


def test_strict_mode_knows_the_types() -> None:
    model = embedded_model()
    for text in ("name.firstname", "contact.name.given.foo", "name.startsWith('a')",
                 "deceasedDateTime", "deceased.unit"):  # fmt: skip
        fhirpath.compile(text, model, "Patient")
        with pytest.raises(SemanticError):
            fhirpath.compile(text, model, "Patient", strict=True)
    for text in ("contained.name", "extension.value.unit", "descendants().foo", "name.given"):
        fhirpath.compile(text, model, "Patient", strict=True)


def test_lenient_mode_reads_published_invariants_as_hl7_does(evaluate: Evaluate) -> None:
    assert evaluate("deceasedDateTime.exists()", PATIENT) == [True]
    assert evaluate("active is Boolean", PATIENT) == [True]
    assert evaluate("descendants().as(code).count()", PATIENT) == [3]


def test_services_are_asked_and_their_absence_is_no_pass(evaluate: Evaluate) -> None:
    asked: list[Any] = []

    def member_of(value: Any, type_name: str, value_set: str) -> bool:
        asked.append((value, type_name, value_set))
        return True

    assert evaluate("id.memberOf('urn:v')", PATIENT, member_of=member_of) == [True]
    assert asked == [("p", "id" if asked[0][1] == "id" else "string", "urn:v")]
    for text in ("id.memberOf('urn:v')", "conformsTo('urn:p')", "id.subsumes('x')",
                 "%terminologies.expand('urn:v')"):  # fmt: skip
        with pytest.raises(fhirpath.NotCheckableError):
            evaluate(text, PATIENT)


def test_resolve_asks_only_for_what_is_not_contained(evaluate: Evaluate) -> None:
    asked: list[str] = []

    def resolve(reference: str, resource: Any) -> Any:
        asked.append(reference)
        return {"resourceType": "Organization", "id": "far"}

    resource = {**PATIENT, "generalPractitioner": [{"reference": "Organization/far"}]}
    assert evaluate("generalPractitioner.resolve().id", resource, resolve=resolve) == ["far"]
    assert evaluate("managingOrganization.resolve().id", resource, resolve=resolve) == ["o"]
    assert asked == ["Organization/far"]


def test_now_stands_still_and_is_given(evaluate: Evaluate) -> None:
    now = datetime(2020, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert evaluate("now()", PATIENT, now=now) == ["2020-02-03T04:05:06.000+00:00"]
    assert evaluate("today()", PATIENT, now=now) == ["2020-02-03"]
    assert evaluate("now() = now()", PATIENT) == [True]


def test_decimals_are_those_of_the_data(evaluate: Evaluate) -> None:
    observation = loads('{"resourceType":"Observation","valueQuantity":{"value":1.50,"unit":"mg"}}')
    assert evaluate("value.value", observation) == ["1.50"]
    assert evaluate("value.value.precision()", observation) == [2]
    assert evaluate("value.value = 1.5", observation) == [True]


def test_context_is_the_focus_and_resource_is_not() -> None:
    expression = fhirpath.compile("%context.given | %resource.id", embedded_model(), "HumanName")
    environment = fhirpath.Environment(resource=PATIENT)
    for name in PATIENT["name"]:
        found = expression.evaluate(name, environment)
        assert found[-1] == "p"
        assert found[:-1] == name["given"]


def test_no_value_shows_in_an_item(evaluate: Evaluate) -> None:
    items = fhirpath.compile("name", embedded_model()).items(PATIENT)
    assert "Ada" not in repr(items)
