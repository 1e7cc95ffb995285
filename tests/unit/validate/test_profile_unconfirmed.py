"""Codes of a system that is not at hand: no error, and yet they tell profiles apart."""

from __future__ import annotations

from typing import Any

from fhirkit import Validator

BASE = "http://example.org/fhir/StructureDefinition/"
LOINC = "http://loinc.org"


def element(path: str, low: int = 0, high: str = "*", **more: Any) -> dict[str, Any]:
    return {"id": path, "path": path, "min": low, "max": high, **more}


def structure(name: str, kind: str, *elements: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "StructureDefinition", "url": BASE + name, "name": name,
        "status": "draft", "kind": "resource", "abstract": False, "type": kind,
        "baseDefinition": f"http://hl7.org/fhir/StructureDefinition/{kind}",
        "derivation": "constraint", "snapshot": {"element": [element(kind), *elements]},
    }  # fmt: skip


def measured(name: str, *codes: str) -> list[dict[str, Any]]:
    """A profile of Observation for these codes, and the value set that lists them."""
    url = f"http://example.org/fhir/ValueSet/{name}"
    binding = {"strength": "required", "valueSet": url}
    code = element("Observation.code", 1, "1", type=[{"code": "CodeableConcept"}], binding=binding)
    concepts = [{"code": one} for one in codes]
    compose = {"include": [{"system": LOINC, "concept": concepts}]}
    return [
        structure(name, "Observation", code),
        {"resourceType": "ValueSet", "url": url, "status": "draft", "compose": compose},
    ]


def sliced(*names: str) -> dict[str, Any]:
    """A profile of Bundle whose entries are sliced by the profile of their resource."""
    slicing = {"discriminator": [{"type": "profile", "path": "resource"}], "rules": "open"}
    elements = [element("Bundle.entry", slicing=slicing)]
    for name in names:
        entry = element("Bundle.entry", sliceName=name)
        resource = element("Bundle.entry.resource", 1, "1")
        resource["type"] = [{"code": "Observation", "profile": [BASE + name]}]
        elements += [entry | {"id": f"Bundle.entry:{name}"}, resource]
        resource["id"] = f"Bundle.entry:{name}.resource"
    return structure("sliced", "Bundle", *elements)


def observation(code: str) -> dict[str, Any]:
    concept = {"coding": [{"system": LOINC, "code": code}]}
    return {"resourceType": "Observation", "status": "final", "code": concept}


def test_an_entry_is_in_the_slice_whose_codes_it_has() -> None:
    definitions = [*measured("creatinine", "2160-0"), *measured("ferritin", "2276-4")]
    validator = Validator([*definitions, sliced("creatinine", "ferritin")])
    entries = [
        {"fullUrl": f"urn:uuid:6f1c9a52-0d5e-4c63-9b1f-2f7d0a1e000{n}", "resource": observation(c)}
        for n, c in enumerate(("2160-0", "2276-4", "718-7"))
    ]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    outcome = validator.validate(bundle, [BASE + "sliced"])
    assert [issue.rule for issue in outcome.errors] == []


def test_claimed_directly_it_is_no_error_but_not_confirmed() -> None:
    validator = Validator(measured("creatinine", "2160-0"))
    outcome = validator.validate(observation("718-7"), [BASE + "creatinine"])
    assert [issue.rule for issue in outcome] == ["binding-unconfirmed"]
    assert [
        issue.rule for issue in validator.validate(observation("2160-0"), [BASE + "creatinine"])
    ] == []
