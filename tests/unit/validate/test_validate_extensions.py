"""Extensions: known or not, where they stand, and what is in them."""

from __future__ import annotations

from typing import Any

import pytest

from fhirkit import Validator

CORE = "http://hl7.org/fhir/StructureDefinition/"


def _rules(validator: Validator, resource: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(issue.rule, issue.expression) for issue in validator.validate(resource)]


def _patient(*extensions: dict[str, Any], key: str = "extension") -> dict[str, Any]:
    return {"resourceType": "Patient", key: list(extensions)}


def test_a_known_extension_in_its_place_is_fine(validator: Validator) -> None:
    extension = {"url": f"{CORE}patient-birthPlace", "valueAddress": {"city": "Bonn"}}
    assert _rules(validator, _patient(extension)) == []


def test_an_extension_beside_a_primitive_knows_its_element(validator: Validator) -> None:
    born = {"url": f"{CORE}patient-birthTime", "valueDateTime": "2020-01-01T10:00:00Z"}
    resource = {"resourceType": "Patient", "_birthDate": {"extension": [born]}}
    assert _rules(validator, resource | {"birthDate": "2020-01-01"}) == []
    wrong = {"resourceType": "Patient", "active": True, "_active": {"extension": [born]}}
    assert _rules(validator, wrong) == [("extension-context", "Patient.active")]


def test_an_extension_of_a_data_type_may_stand_inside_any_resource(validator: Validator) -> None:
    prefix = {"url": f"{CORE}humanname-own-name", "valueString": "x"}
    name = {"family": "y", "_family": {"extension": [prefix]}}
    assert _rules(validator, {"resourceType": "Patient", "name": [name]}) == []
    assert _rules(validator, _patient(prefix)) == [("extension-context", "Patient")]


def test_the_context_is_found_inside_bundles_and_contained_resources(validator: Validator) -> None:
    extension = {"url": f"{CORE}patient-birthPlace", "valueAddress": {"city": "Bonn"}}
    inner = _patient(extension) | {"id": "p"}
    basic = {
        "resourceType": "Basic",
        "contained": [inner],
        "code": {"text": "x"},
        "subject": {"reference": "#p"},
    }
    entry = {"fullUrl": "urn:uuid:3b4f2f4c-8b52-4c0e-9f5e-0d3c4f7b7a11", "resource": basic}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [entry]}
    assert _rules(validator, bundle) == []


def test_the_value_must_be_of_the_defined_type(validator: Validator) -> None:
    extension = {"url": f"{CORE}patient-birthPlace", "valueString": "Bonn"}
    place = "Patient.extension[0].value.ofType(string)"
    assert _rules(validator, _patient(extension)) == [("type-not-allowed", place)]


def test_parts_must_be_defined(validator: Validator) -> None:
    parts = [
        {"url": "code", "valueCodeableConcept": {"text": "a"}},
        {"url": "no", "valueString": "b"},
    ]
    extension = {"url": f"{CORE}patient-nationality", "extension": parts}
    place = "Patient.extension[0].extension[1]"
    assert _rules(validator, _patient(extension)) == [("extension-part", place)]


def test_a_simple_extension_has_no_parts(validator: Validator) -> None:
    parts = [{"url": "city", "valueString": "Bonn"}]
    extension = {"url": f"{CORE}patient-birthPlace", "extension": parts}
    rules = {rule for rule, _ in _rules(validator, _patient(extension))}
    assert {"cardinality-max", "cardinality-min"} <= rules


def test_a_modifier_is_no_extension_and_the_other_way_round(validator: Validator) -> None:
    plain = {"url": f"{CORE}patient-birthPlace", "valueAddress": {"city": "Bonn"}}
    place = "Patient.modifierExtension[0]"
    found = _rules(validator, _patient(plain, key="modifierExtension"))
    assert found == [("extension-modifier", place)]


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("http://example.org/fhir/x", None),
        ("http://fhir.example.org/x", None),
        ("http://notexample.org/x", "extension-unknown"),
        ("https://hospital.test/x", "extension-unknown"),
        ("http://hl7.org/fhir/StructureDefinition/of-tomorrow", "extension-not-checked"),
        (f"{CORE}Patient", "extension-url"),
        ("relative", "extension-url"),
    ],
)
def test_an_extension_without_a_definition(
    validator: Validator, url: str, rule: str | None
) -> None:
    found = _rules(validator, _patient({"url": url, "valueString": "x"}))
    assert [one for one, _ in found] == ([] if rule is None else [rule])


def test_a_context_that_later_packages_widened(validator: Validator) -> None:
    version = {"url": f"{CORE}structuredefinition-normative-version", "valueCode": "4.0.0"}
    resource = {
        "resourceType": "CodeSystem",
        "extension": [version],
        "status": "active",
        "content": "not-present",
    }
    assert _rules(validator, resource) == []
