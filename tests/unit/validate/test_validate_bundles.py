"""Bundles and references: https://hl7.org/fhir/R4/bundle.html#references."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from samples import BUNDLE, PATIENT

from fhirkit import Validator


def entry(full_url: str | None, resource: dict[str, Any]) -> dict[str, Any]:
    made = {"resource": resource}
    return made if full_url is None else {"fullUrl": full_url, **made}


def observation(reference: str, **more: Any) -> dict[str, Any]:
    subject = {"reference": reference, **more}
    code = {"text": "x"}
    return {"resourceType": "Observation", "status": "final", "code": code, "subject": subject}


def collection(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "collection", "entry": list(entries)}


def found(validator: Validator, resource: dict[str, Any]) -> list[tuple[str, str]]:
    return [(issue.rule, issue.expression) for issue in validator.validate(resource)]


UUID = "urn:uuid:0b0c4b5e-7a52-4f0e-9c80-1d5c8e6a0001"
BASE = "https://example.org/fhir"
GROUP = {"resourceType": "Group", "type": "person", "actual": True}
DEVICE_REQUEST = {"resourceType": "Claim"}


@pytest.mark.parametrize(
    ("target_url", "own_url", "reference"),
    [
        (UUID, "urn:uuid:0b0c4b5e-7a52-4f0e-9c80-1d5c8e6a0002", UUID),
        (f"{BASE}/Practitioner/p", f"{BASE}/Observation/o", "Practitioner/p"),
        (f"{BASE}/Practitioner/p", f"{BASE}/Observation/o", "Practitioner/p/_history/2"),
        (f"{BASE}/Practitioner/p", UUID, f"{BASE}/Practitioner/p"),
    ],
)
def test_a_reference_finds_its_entry_and_its_type_is_checked(
    validator: Validator, target_url: str, own_url: str, reference: str
) -> None:
    wrong = entry(target_url, {"resourceType": "Practitioner"})
    bundle = collection(entry(own_url, observation(reference)), wrong)
    place = "Bundle.entry[0].resource.subject.reference"
    assert found(validator, bundle) == [("reference-type", place)]


def test_a_relative_reference_of_another_base_means_another_resource(validator: Validator) -> None:
    other = entry("https://other.org/fhir/Patient/p", {"resourceType": "Patient"})
    bundle = collection(entry(f"{BASE}/Observation/o", observation("Patient/p")), other)
    assert found(validator, bundle) == []


def test_a_dangling_urn_is_an_error_in_every_bundle(validator: Validator) -> None:
    bundle = copy.deepcopy(BUNDLE)
    bundle["entry"][1]["resource"]["subject"]["reference"] = UUID[:-1] + "f"
    place = "Bundle.entry[1].resource.subject.reference"
    assert found(validator, bundle) == [("reference-unresolved", place)]
    assert found(validator, observation(UUID)) == []


@pytest.mark.parametrize(
    ("reference", "rules"),
    [
        ("Patient/a", []),
        ("Patient/a/_history/1", []),
        ("https://x.org/fhir/Patient/a", []),
        ("https://x.org/whatever", []),
        ("Patient?identifier=a", []),
        ("urn:oid:1.2.3", []),
        ("Condition/a", ["reference-type"]),
        ("https://x.org/fhir/Condition/a", ["reference-type"]),
        ("Patiant/a", ["reference-format"]),
        ("a", ["reference-format"]),
        ("#a", ["reference-contained"]),
    ],
)
def test_literal_references(validator: Validator, reference: str, rules: list[str]) -> None:
    assert [rule for rule, _ in found(validator, observation(reference))] == rules


def test_the_declared_type_must_agree(validator: Validator) -> None:
    assert found(validator, observation("Patient/a", type="Patient")) == []
    assert [r for r, _ in found(validator, observation("Patient/a", type="Group"))] == [
        "reference-type"
    ]
    only = {**observation("Patient/a"), "subject": {"type": "Condition", "display": "x"}}
    assert found(validator, only) == [("reference-type", "Observation.subject.type")]


def test_contained_resources_are_found_by_id(validator: Validator) -> None:
    assert found(validator, PATIENT) == []
    patient = copy.deepcopy(PATIENT)
    patient["contained"][0]["id"] = "other"
    assert found(validator, patient) == [
        ("contained-orphan", "Patient.contained[0]"),
        ("reference-contained", "Patient.managingOrganization.reference"),
    ]
    patient["contained"] = [{"resourceType": "Location", "id": "org"}]
    assert [rule for rule, _ in found(validator, patient)] == ["reference-type"]


def test_a_contained_resource_sees_its_container_and_siblings(validator: Validator) -> None:
    inner = [
        {"resourceType": "Patient", "id": "p"},
        {**observation("#p"), "id": "o", "focus": [{"reference": "#"}]},
    ]
    outer = {**observation("#p"), "contained": inner}
    assert found(validator, outer) == []
    inner[0]["contained"] = [{"resourceType": "Patient", "id": "q"}]
    assert ("contained-nested", "Observation.contained[0].contained[0]") in found(validator, outer)


def test_ids_of_one_entry_do_not_serve_another(validator: Validator) -> None:
    one = {**observation("#p"), "contained": [{"resourceType": "Patient", "id": "p"}]}
    bundle = collection(entry("urn:a:1", one), entry("urn:a:2", observation("#p")))
    place = "Bundle.entry[1].resource.subject.reference"
    assert found(validator, bundle) == [("reference-contained", place)]


PATIENT_ENTRY = {"fullUrl": f"{BASE}/Patient/p", "resource": {"resourceType": "Patient", "id": "p"}}
REQUEST = {"method": "POST", "url": "Patient"}


@pytest.mark.parametrize(
    ("bundle", "keys"),
    [
        ({"type": "transaction", "entry": [PATIENT_ENTRY]}, ["bdl-3"]),
        ({"type": "collection", "entry": [{**PATIENT_ENTRY, "request": REQUEST}]}, ["bdl-3"]),
        ({"type": "collection", "entry": [{"fullUrl": "urn:x"}]}, ["bdl-5"]),
        ({"type": "collection", "entry": [{"resource": {"resourceType": "Patient"}}]}, []),
        ({"type": "collection", "total": 1}, ["bdl-1"]),
        ({"type": "collection", "entry": [PATIENT_ENTRY] * 2}, ["bdl-7"]),
        ({"type": "message", "entry": [PATIENT_ENTRY]}, ["bdl-12"]),
        ({"type": "document", "entry": [PATIENT_ENTRY]}, ["bdl-9", "bdl-10", "bdl-11"]),
        (
            {
                "type": "collection",
                "entry": [{**PATIENT_ENTRY, "fullUrl": f"{BASE}/Patient/p/_history/1"}],
            },
            ["bdl-8"],
        ),
    ],
)
def test_what_a_type_of_bundle_asks_for(
    validator: Validator, bundle: dict[str, Any], keys: list[str]
) -> None:
    outcome = validator.validate({"resourceType": "Bundle", **bundle})
    assert [issue.message.partition(":")[0] for issue in outcome] == keys


@pytest.mark.parametrize("full_url", ["a", f"{BASE}/Patient/q"])
def test_a_full_url_fits_its_resource(validator: Validator, full_url: str) -> None:
    bundle = collection({**PATIENT_ENTRY, "fullUrl": full_url})
    assert found(validator, bundle) == [("bundle-full-url", "Bundle.entry[0].fullUrl")]


def test_history_may_repeat_a_resource(validator: Validator) -> None:
    response = {"status": "200"}
    versions = [
        {**PATIENT_ENTRY, "request": {"method": "PUT", "url": "Patient/p"}, "response": response}
    ] * 2
    bundle = {"resourceType": "Bundle", "type": "history", "entry": versions}
    assert found(validator, bundle) == []
