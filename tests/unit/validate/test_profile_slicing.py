"""Slicing by invented profiles: rules, order, re-slicing, default slices, discriminators."""

from __future__ import annotations

from typing import Any

from fhirkit import Validator

URL = "http://example.org/fhir/StructureDefinition/sliced"


def _element(path: str, low: int = 0, high: str = "*", **more: Any) -> dict[str, Any]:
    return {"path": path, "min": low, "max": high, **more}


def _rules(resource: dict[str, Any], *elements: dict[str, Any]) -> list[str]:
    kind = resource["resourceType"]
    definition = {
        "resourceType": "StructureDefinition",
        "url": URL,
        "name": "Sliced",
        "status": "draft",
        "kind": "resource",
        "abstract": False,
        "type": kind,
        "baseDefinition": f"http://hl7.org/fhir/StructureDefinition/{kind}",
        "derivation": "constraint",
        "snapshot": {"element": [_element(kind), *elements]},
    }
    outcome = Validator([definition]).validate(resource, [URL])
    return [issue.rule for issue in outcome if issue.severity.value == "error"]


def _identifiers(*systems: str) -> dict[str, Any]:
    values = [{"system": f"http://example.org/{one}", "value": "1"} for one in systems]
    return {"resourceType": "Patient", "identifier": values}


def _sliced(rules: str = "open", *, ordered: bool = False) -> dict[str, Any]:
    discriminator = {"type": "value", "path": "system"}
    slicing = {"rules": rules, "ordered": ordered, "discriminator": [discriminator]}
    return _element("Patient.identifier", type=[{"code": "Identifier"}], slicing=slicing)


def _slice(name: str, low: int = 0, high: str = "1") -> list[dict[str, Any]]:
    system = f"http://example.org/{name.rpartition('/')[2]}"
    identifier = [{"code": "Identifier"}]
    return [
        _element("Patient.identifier", low, high, sliceName=name, type=identifier),
        _element("Patient.identifier.system", 1, "1", fixedUri=system, type=[{"code": "uri"}]),
    ]


def test_open_slicing_lets_others_through_and_counts_its_own() -> None:
    parts = [_sliced(), *_slice("a", 1), *_slice("b")]
    assert _rules(_identifiers("x", "a", "b", "y"), *parts) == []
    assert _rules(_identifiers("x", "b"), *parts) == ["slice-min"]
    assert _rules(_identifiers("a", "a"), *parts) == ["slice-max"]


def test_closed_slicing_refuses_others() -> None:
    parts = [_sliced("closed"), *_slice("a")]
    assert _rules(_identifiers("a"), *parts) == []
    assert _rules(_identifiers("a", "x"), *parts) == ["slice-unmatched"]


def test_a_default_slice_takes_the_others() -> None:
    default = _element(
        "Patient.identifier", 0, "*", sliceName="@default", type=[{"code": "Identifier"}]
    )
    use = _element("Patient.identifier.use", 1, "1", type=[{"code": "code"}])
    resource = _identifiers("a", "x")
    assert _rules(resource, _sliced("closed"), *_slice("a"), default, use) == ["cardinality-min"]
    resource["identifier"][1]["use"] = "usual"
    assert _rules(resource, _sliced("closed"), *_slice("a"), default, use) == []


def test_slices_keep_their_order() -> None:
    parts = [_sliced(ordered=True), *_slice("a"), *_slice("b")]
    assert _rules(_identifiers("a", "x", "b"), *parts) == []
    assert _rules(_identifiers("b", "a"), *parts) == ["slice-order"]


def test_others_stand_at_the_end() -> None:
    parts = [_sliced("openAtEnd"), *_slice("a")]
    assert _rules(_identifiers("a", "x"), *parts) == []
    # HL7.s validator does not mind: a warning (slice-not-last), no error.
    assert _rules(_identifiers("x", "a"), *parts) == []


def test_a_slice_is_sliced_again() -> None:
    use = {"rules": "open", "discriminator": [{"type": "value", "path": "use"}]}
    outer, system = _slice("a", 0, "*")
    outer = {**outer, "slicing": use}
    inner = [
        _element("Patient.identifier", 1, "1", sliceName="a/usual", type=[{"code": "Identifier"}]),
        _element("Patient.identifier.use", 1, "1", fixedCode="usual", type=[{"code": "code"}]),
    ]
    resource = _identifiers("a", "a")
    assert _rules(resource, _sliced(), outer, system, *inner) == ["slice-min"]
    resource["identifier"][0]["use"] = "usual"
    assert _rules(resource, _sliced(), outer, system, *inner) == []
    resource["identifier"][1]["use"] = "usual"
    assert _rules(resource, _sliced(), outer, system, *inner) == ["slice-max"]


def test_slices_by_presence() -> None:
    slicing = {"rules": "closed", "discriminator": [{"type": "exists", "path": "period"}]}
    kind = [{"code": "Identifier"}]
    parts = [
        _element("Patient.identifier", slicing=slicing, type=kind),
        _element("Patient.identifier", 0, "1", sliceName="dated", type=kind),
        _element("Patient.identifier.period", 1, "1", type=[{"code": "Period"}]),
        _element("Patient.identifier", 0, "1", sliceName="plain", type=kind),
        _element("Patient.identifier.period", 0, "0", type=[{"code": "Period"}]),
    ]
    resource = _identifiers("a", "b")
    resource["identifier"][0]["period"] = {"start": "2020"}
    assert _rules(resource, *parts) == []
    del resource["identifier"][0]["period"]
    assert _rules(resource, *parts) == ["slice-max"]


def test_slices_by_type_of_the_target() -> None:
    slicing = {"rules": "closed", "discriminator": [{"type": "type", "path": "resolve()"}]}
    core = "http://hl7.org/fhir/StructureDefinition/"
    parts = [
        _element("Patient.generalPractitioner", slicing=slicing, type=[{"code": "Reference"}]),
        _element(
            "Patient.generalPractitioner",
            1,
            "1",
            sliceName="house",
            type=[{"code": "Reference", "targetProfile": [f"{core}Organization"]}],
        ),
    ]

    def patient(kind: str) -> dict[str, Any]:
        contained = {"resourceType": kind, "id": "g", "active": True}
        if kind == "Organization":
            contained["name"] = "House"
        return {
            "resourceType": "Patient",
            "contained": [contained],
            "generalPractitioner": [{"reference": "#g"}],
        }

    assert _rules(patient("Organization"), *parts) == []
    assert _rules(patient("Practitioner"), *parts) == ["slice-unmatched", "slice-min"]


def test_what_belongs_to_slices_that_nobody_can_tell_apart_does_not_pass() -> None:
    kind = [{"code": "Identifier"}]
    named = _element("Patient.identifier", 1, "1", sliceName="a", type=kind)
    definition_parts = [_sliced("closed"), named]
    assert _rules(_identifiers("x"), *definition_parts) == ["slicing-not-checked"]
    assert _rules({"resourceType": "Patient"}, *definition_parts) == ["slice-min"]
