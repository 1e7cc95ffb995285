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
    assert _rules(validator, _patient(extension)) == [("extension-value", "Patient.extension[0]")]


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
        ("http://hl7.org/fhir/StructureDefinition/of-tomorrow", "extension-unknown"),
        ("http://hl7.org/fhir/StructureDefinition/note", "extension-not-checked"),
        ("http://hl7.org/fhir/tools/StructureDefinition/anything", None),
        ("http://hl7.org/fhir/5.0/StructureDefinition/extension-A.b", "extension-not-checked"),
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


def _definition(*contexts: tuple[str, str], **rest: Any) -> dict[str, Any]:
    return {
        "resourceType": "StructureDefinition",
        "url": "https://fhir.test/StructureDefinition/mark",
        "kind": "complex-type",
        "type": "Extension",
        "baseDefinition": f"{CORE}Extension",
        "derivation": "constraint",
        "context": [{"type": kind, "expression": text} for kind, text in contexts],
        "differential": {
            "element": [
                {"path": "Extension.extension", "max": "0"},
                {
                    "path": "Extension.url",
                    "fixedUri": "https://fhir.test/StructureDefinition/mark",
                },
                {"path": "Extension.value[x]", "min": 1, "type": [{"code": "boolean"}]},
            ]
        },
        **rest,
    }


MARK = {"url": "https://fhir.test/StructureDefinition/mark", "valueBoolean": True}
HOME = {"use": "home", "city": "Bonn"}
WORK = {"use": "work", "city": "Bonn"}


@pytest.mark.parametrize(
    ("context", "resource", "wrong"),
    [
        (("element", "Patient.name"), {"name": [{"text": "x", "extension": [MARK]}]}, None),
        (("element", "HumanName"), {"name": [{"text": "x", "extension": [MARK]}]}, None),
        (("element", "Patient.name"), {"extension": [MARK]}, "Patient"),
        (
            ("element", "Patient.deceased[x]"),
            {"deceasedBoolean": True, "_deceasedBoolean": {"extension": [MARK]}},
            None,
        ),
        (
            ("fhirpath", "Patient.address.where(use = 'home')"),
            {"address": [HOME | {"extension": [MARK]}]},
            None,
        ),
        (
            ("fhirpath", "Patient.address.where(use = 'home')"),
            {"address": [HOME, WORK | {"extension": [MARK]}]},
            "Patient.address[1]",
        ),
        (
            ("fhirpath", "Patient.birthDate"),
            {"birthDate": "2000-01-01", "_birthDate": {"extension": [MARK]}},
            None,
        ),
        (
            ("fhirpath", "Patient.active"),
            {"deceasedBoolean": True, "active": True, "_deceasedBoolean": {"extension": [MARK]}},
            "Patient.deceased.ofType(boolean)",
        ),
        (
            ("extension", "http://example.org/outer"),
            {"extension": [{"url": "http://example.org/outer", "extension": [MARK]}]},
            None,
        ),
        (
            ("extension", "http://example.org/outer"),
            {
                "extension": [
                    {
                        "url": "http://example.org/outer",
                        "valueString": "x",
                        "_valueString": {"extension": [MARK]},
                    }
                ]
            },
            None,
        ),
        (
            ("extension", "http://example.org/outer"),
            {"extension": [{"url": "http://example.org/other", "extension": [MARK]}]},
            "Patient.extension[0]",
        ),
    ],
)
def test_each_kind_of_context(
    context: tuple[str, str], resource: dict[str, Any], wrong: str | None
) -> None:
    validator = Validator([_definition(context)])
    expected = [] if wrong is None else [("extension-context", wrong)]
    assert _rules(validator, {"resourceType": "Patient", **resource}) == expected


def test_a_context_may_demand_something_of_its_surroundings() -> None:
    definition = _definition(("element", "Patient"), contextInvariant=["active.not()"])
    validator = Validator([definition])
    assert _rules(validator, _patient(MARK) | {"active": False}) == []
    for wrong in (_patient(MARK) | {"active": True}, _patient(MARK)):
        assert _rules(validator, wrong) == [("extension-context", "Patient")]


def test_a_url_with_a_version_is_told(validator: Validator) -> None:
    place = {"url": f"{CORE}patient-birthPlace|4.0.1", "valueAddress": {"city": "Bonn"}}
    assert ("extension-version", "Patient.extension[0]") in _rules(validator, _patient(place))


def test_extensions_that_stand_for_elements_of_other_versions_are_not_known_here(
    validator: Validator,
) -> None:
    url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Encounter.subjectStatus"
    for key in ("extension", "modifierExtension"):
        outcome = _rules(validator, _patient({"url": url, "valueString": "x"}, key=key))
        assert [rule for rule, _ in outcome] == ["extension-not-checked"]
