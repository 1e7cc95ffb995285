"""Bundles and references: https://hl7.org/fhir/R4/bundle.html#references."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from samples import BUNDLE, PATIENT

from fhirkit import Validator
from fhirkit.validate import Options, References


def entry(full_url: str | None, resource: dict[str, Any]) -> dict[str, Any]:
    if full_url is not None and full_url.startswith("http"):
        resource = {**resource, "id": full_url.rpartition("/")[2]}
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
    wrong = entry(target_url, {"resourceType": "Practitioner", "meta": {"versionId": "2"}})
    bundle = collection(entry(own_url, observation(reference)), wrong)
    place = "Bundle.entry[0].resource.subject"
    assert found(validator, bundle) == [("reference-type", place)]


def test_a_relative_reference_of_another_base_means_another_resource(validator: Validator) -> None:
    other = entry("https://other.org/fhir/Patient/p", {"resourceType": "Patient"})
    bundle = collection(entry(f"{BASE}/Observation/o", observation("Patient/p")), other)
    assert found(validator, bundle) == []


def test_a_dangling_urn_is_a_warning_in_every_bundle(validator: Validator) -> None:
    bundle = copy.deepcopy(BUNDLE)
    bundle["entry"][1]["resource"]["subject"]["reference"] = UUID[:-1] + "f"
    assert validator.validate(bundle).valid
    place = "Bundle.entry[1].resource.subject"
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
        ("Condition/a", ["reference-type-likely"]),
        ("https://x.org/fhir/Condition/a", ["reference-type-likely"]),
        ("Patient/ a", ["reference-url", "reference-format"]),
        ("Patiant/a", ["reference-format"]),
        ("a", ["reference-format"]),
        ("#a", ["reference-contained", "constraint-broken"]),
    ],
)
def test_literal_references(validator: Validator, reference: str, rules: list[str]) -> None:
    assert [rule for rule, _ in found(validator, observation(reference))] == rules


def test_the_declared_type_must_agree(validator: Validator) -> None:
    assert found(validator, observation("Patient/a", type="Patient")) == []
    place = "Observation.subject"
    group = observation("Patient/a", type="Group")
    assert found(validator, group) == [("reference-type", place)]
    condition = observation("Patient/a", type="Condition")
    assert found(validator, condition) == [("reference-type", place)] * 2
    only = {**observation("Patient/a"), "subject": {"type": "Condition", "display": "x"}}
    assert found(validator, only) == [("reference-type-likely", place)]


def test_contained_resources_are_found_by_id(validator: Validator) -> None:
    assert found(validator, PATIENT) == []
    patient = copy.deepcopy(PATIENT)
    patient["contained"][0]["id"] = "other"
    assert found(validator, patient) == [
        ("contained-orphan", "Patient.contained[0]"),
        ("reference-contained", "Patient.managingOrganization"),
        ("constraint-broken", "Patient.managingOrganization"),
    ]
    patient["contained"] = [{"resourceType": "Location", "id": "org"}]
    # It is neither what the Reference says it is, nor what may stand there.
    assert [rule for rule, _ in found(validator, patient)] == ["reference-type"] * 2


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
    place = "Bundle.entry[1].resource.subject"
    rules = ["reference-contained", "constraint-broken"]
    assert found(validator, bundle) == [(rule, place) for rule in rules]


def test_a_reference_is_relative_to_the_full_url_of_its_entry(validator: Validator) -> None:
    bundle = collection(entry(UUID, observation("Patient/a")))
    assert found(validator, bundle) == []
    del bundle["entry"][0]["fullUrl"]
    assert sorted(found(validator, bundle)) == [
        ("bundle-full-url-missing", "Bundle.entry[0]"),
        ("bundle-reference-base", "Bundle.entry[0]"),
        ("reference-base", "Bundle.entry[0].resource.subject"),
    ]
    bundle["type"] = "batch-response"
    bundle["entry"][0]["response"] = {"status": "200"}
    assert found(validator, bundle) == []


@pytest.mark.parametrize(
    ("kind", "reference", "rules"),
    [
        ("collection", "Patient?identifier=a", ["reference-url"]),
        ("transaction", "Patient?identifier=a", []),
        ("batch", "Patient?identifier=a", []),
        ("batch", "Patiant?identifier=a", ["reference-url"]),
        ("transaction", "Patient", ["reference-url"]),
        ("collection", "a", ["reference-url"]),
    ],
)
def test_what_is_no_reference_in_a_bundle(
    validator: Validator, kind: str, reference: str, rules: list[str]
) -> None:
    one = entry(UUID, observation(reference))
    if kind != "collection":
        one["request"] = {"method": "POST", "url": "Observation"}
    assert [rule for rule, _ in found(validator, {**collection(one), "type": kind})] == rules


def test_beside_a_urn_the_id_finds_the_entry_and_the_type_must_agree(validator: Validator) -> None:
    target = entry(UUID, {"resourceType": "Group", "type": "person", "actual": True})
    own = entry(UUID[:-1] + "2", observation(f"Group/{UUID.rpartition(':')[2]}"))
    assert found(validator, collection(target, own)) == []
    own["resource"]["subject"]["reference"] = f"Patient/{UUID.rpartition(':')[2]}"
    place = "Bundle.entry[1].resource.subject"
    assert found(validator, collection(target, own)) == [("reference-entry-type", place)]


def test_parameters_refer_to_each_other_by_type_and_id(validator: Validator) -> None:
    wrong = {"resourceType": "Organization", "id": "a", "name": "x"}
    part = {"name": "b", "part": [{"name": "c", "resource": wrong}]}
    parameters = {
        "resourceType": "Parameters",
        "parameter": [{"name": "a", "resource": observation("Organization/a")}, part],
    }
    place = "Parameters.parameter[0].resource.subject"
    assert found(validator, parameters) == [("reference-type", place)]


def test_references_that_lead_out_are_followed_as_far_as_asked(tmp_path: Path) -> None:
    known = {"resourceType": "Organization", "id": "a", "name": "x"}
    (tmp_path / "organization-a.json").write_text(json.dumps(known))
    (tmp_path / "b.xml").write_text(
        '<Patient xmlns="http://hl7.org/fhir"><id value="b"/></Patient>'
    )

    def rules(reference: str, level: References, resources: Any = tmp_path) -> list[str]:
        validator = Validator(options=Options(references=level), resources=resources)
        return [e.rule for e in validator.validate(observation(reference)).errors]

    for supplied in (tmp_path, [known]):
        assert rules("Organization/a", References.NONE, supplied) == []
        assert rules("Organization/a", References.TYPE, supplied) == ["reference-type"]
        assert rules("Organization/a", References.EXISTS, supplied) == ["reference-type"]
    assert rules("Patient/b", References.EXISTS) == []
    assert rules("Patient/c", References.TYPE) == []
    assert rules("Patient/c", References.EXISTS) == ["reference-not-found"]
    assert rules("Group/b", References.EXISTS) == ["reference-not-found"]
    assert rules("https://example.org/Patient/c", References.EXISTS) == []
    trusting = Validator(options=Options(trust_server_references=True))
    assert [e.rule for e in trusting.validate(observation("Condition/a")).errors] == [
        "reference-type"
    ]


PATIENT_ENTRY = {"fullUrl": f"{BASE}/Patient/p", "resource": {"resourceType": "Patient", "id": "p"}}
ANSWERED = {"resource": {"resourceType": "Patient"}, "response": {"status": "200"}}
REQUEST = {"method": "POST", "url": "Patient"}


@pytest.mark.parametrize(
    ("bundle", "keys"),
    [
        ({"type": "transaction", "entry": [PATIENT_ENTRY]}, ["bdl-3"]),
        ({"type": "collection", "entry": [{**PATIENT_ENTRY, "request": REQUEST}]}, ["bdl-3"]),
        ({"type": "collection", "entry": [{"fullUrl": "urn:x"}]}, ["bdl-5"]),
        ({"type": "batch-response", "entry": [ANSWERED]}, []),
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
    broken = [issue for issue in outcome if issue.rule == "constraint-broken"]
    assert [issue.message.partition(":")[0] for issue in broken] == keys


@pytest.mark.parametrize("full_url", ["a", f"{BASE}/Patient/q", f"{BASE}/Group/p"])
def test_a_full_url_fits_its_resource(validator: Validator, full_url: str) -> None:
    bundle = collection({**PATIENT_ENTRY, "fullUrl": full_url})
    assert found(validator, bundle) == [("bundle-full-url", "Bundle.entry[0]")]


def test_history_may_repeat_a_resource(validator: Validator) -> None:
    response = {"status": "200"}
    versions = [
        {**PATIENT_ENTRY, "request": {"method": "PUT", "url": "Patient/p"}, "response": response}
    ] * 2
    bundle = {"resourceType": "Bundle", "type": "history", "entry": versions}
    assert found(validator, bundle) == []


@pytest.mark.parametrize("full_url", [UUID, f"{BASE}/Nothing/q", f"{BASE}/Patient/p"])
def test_a_full_url_need_not_be_that_of_a_server(validator: Validator, full_url: str) -> None:
    assert found(validator, collection({**PATIENT_ENTRY, "fullUrl": full_url})) == []


def test_a_resource_on_a_server_has_an_id(validator: Validator) -> None:
    bundle = collection({**PATIENT_ENTRY, "resource": {"resourceType": "Patient"}})
    assert found(validator, bundle) == [("bundle-full-url", "Bundle.entry[0]")]


@pytest.mark.parametrize(
    ("kind", "more", "rules"),
    [
        ("collection", {}, ["bundle-full-url-missing"]),
        ("searchset", {}, ["bundle-full-url-missing"]),
        ("batch", {"request": REQUEST}, []),
        ("transaction", {"request": REQUEST}, []),
    ],
)
def test_who_is_on_the_way_to_a_server_needs_no_full_url(
    validator: Validator, kind: str, more: dict[str, Any], rules: list[str]
) -> None:
    entries = [{"resource": {"resourceType": "Patient"}, **more}]
    bundle = {"resourceType": "Bundle", "type": kind, "entry": entries}
    assert [rule for rule, _ in found(validator, bundle)] == rules


def test_a_relation_of_paging_has_one_link(validator: Validator) -> None:
    links = [{"relation": name, "url": f"{BASE}/Patient"} for name in ("self", "x", "x", "self")]
    bundle = {**collection(PATIENT_ENTRY), "link": links}
    assert found(validator, bundle) == [("bundle-link", "Bundle.link[3].relation")]


def test_a_reference_to_one_of_several_versions_names_it(validator: Validator) -> None:
    versions = [
        {"fullUrl": f"{BASE}/Patient/p", "resource": {
            "resourceType": "Patient", "id": "p", "meta": {"versionId": version}}}
        for version in "12"
    ]  # fmt: skip
    for reference, rules in (("Patient/p", ["reference-ambiguous"]), ("Patient/p/_history/1", [])):
        bundle = collection(entry(f"{BASE}/Observation/o", observation(reference)), *versions)
        assert [rule for rule, _ in found(validator, bundle)] == rules


COMPOSITION = {
    "resourceType": "Composition", "status": "final", "type": {"text": "x"}, "title": "t",
    "date": "2020-01-01", "author": [{"display": "a"}], "subject": {"reference": UUID},
}  # fmt: skip


def document(composition: dict[str, Any], *entries: dict[str, Any]) -> dict[str, Any]:
    patient = entry(UUID, {"resourceType": "Patient"})
    return {
        "resourceType": "Bundle", "type": "document", "timestamp": "2020-01-01T00:00:00Z",
        "identifier": {"system": "urn:ietf:rfc:3986", "value": "urn:uuid:" + UUID[-36:]},
        "entry": [entry(UUID[:-1] + "c", {**COMPOSITION, **composition}), patient, *entries],
    }  # fmt: skip


SECTION = {"title": "s", "text": {"status": "generated", "div": (
    '<div xmlns="http://www.w3.org/1999/xhtml">x</div>')}}  # fmt: skip
OUTSIDE = {"reference": f"{BASE}/Practitioner/p"}


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({}, None),
        ({"author": [OUTSIDE]}, "author[0]"),
        ({"custodian": {"reference": "Organization/o"}}, "custodian"),
        ({"attester": [{"mode": "legal"}, {"mode": "legal", "party": OUTSIDE}]},
         "attester[1].party"),
        ({"section": [{**SECTION, "entry": [{"reference": UUID}, OUTSIDE]}]},
         "section[0].entry[1]"),
        ({"section": [{"title": "t", "section": [{**SECTION, "entry": [OUTSIDE]}]}]},
         "section[0].section[0].entry[0]"),
        ({"relatesTo": [{"code": "appends", "targetReference": {
            "reference": f"{BASE}/Composition/c"}}]}, None),
    ],
)  # fmt: skip
def test_a_document_holds_what_its_composition_refers_to(
    validator: Validator, more: dict[str, Any], place: str | None
) -> None:
    expected = [] if place is None else [f"Bundle.entry[0].resource.{place}"]
    issues = validator.validate(document(more)).errors
    assert [(i.rule, i.expression) for i in issues] == [("document-reference", e) for e in expected]


def test_every_entry_of_a_document_hangs_together_with_its_composition(
    validator: Validator,
) -> None:
    about, of_it, lost = (UUID[:-2] + end for end in ("a1", "a2", "a3"))
    provenance = {
        "resourceType": "Provenance", "recorded": "2020-01-01T00:00:00Z",
        "target": [{"reference": about}], "agent": [{"who": {"display": "x"}}],
    }  # fmt: skip
    good = document({}, entry(about, observation(UUID)), entry(of_it, provenance))
    assert validator.validate(good).errors == ()
    bad = document({}, entry(about, observation(UUID)), entry(lost, {"resourceType": "Patient"}))
    issues = validator.validate(bad).errors
    assert [(i.rule, i.expression) for i in issues] == [("document-unreachable", "Bundle.entry[3]")]


def test_a_message_holds_its_focus(validator: Validator) -> None:
    header = {
        "resourceType": "MessageHeader", "eventUri": f"{BASE}/event",
        "source": {"endpoint": f"{BASE}/source"}, "focus": [{"reference": UUID}],
    }  # fmt: skip
    head = entry(UUID[:-1] + "c", header)
    bundle = {"resourceType": "Bundle", "type": "message", "entry": [head]}
    place = "Bundle.entry[0].resource.focus[0]"
    issues = validator.validate(bundle).errors
    assert [(i.rule, i.expression) for i in issues] == [("message-reference", place)]
    bundle["entry"].append(entry(UUID, {"resourceType": "Patient"}))
    assert validator.validate(bundle).errors == ()


HELLO = "aGVsbG8="


@pytest.mark.parametrize(
    ("more", "rules"),
    [
        ({"size": 5, "hash": "qvTGHdzF6KLavt4PO0gs2a6pQ00="}, []),
        ({"size": 6}, ["attachment-size"]),
        ({"hash": "qvTGHdzF6KLavt4PO0gs2a6pQ01="}, ["attachment-hash"]),
        ({"size": True, "data": "?"}, ["primitive-format", "primitive-type"]),
    ],
)
def test_an_attachment_is_as_long_as_it_says(
    validator: Validator, more: dict[str, Any], rules: list[str]
) -> None:
    content = {"contentType": "text/plain", "data": HELLO, **more}
    media = {"resourceType": "Media", "status": "completed", "content": content}
    assert sorted(rule for rule, _ in found(validator, media)) == rules


NAMED = "http://example.org/StructureDefinition/named"
PROFILE = {
    "resourceType": "StructureDefinition", "url": NAMED, "name": "Named", "status": "draft",
    "kind": "resource", "abstract": False, "type": "Patient", "derivation": "constraint",
    "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",
    "differential": {"element": [{"id": "Patient.name", "path": "Patient.name", "min": 1}]},
}  # fmt: skip


@pytest.mark.parametrize(
    ("key", "places"),
    [("Patient", [0, 2]), ("Patient:1", [2]), ("2", [2]), ("1", []), ("Patient:2", [])],
)
def test_profiles_are_asked_of_entries_by_type_and_place(key: str, places: list[int]) -> None:
    patient = {"resourceType": "Patient", "active": True}
    group = {"resourceType": "Group", "type": "person", "actual": True}
    bundle = collection(
        *(entry(UUID[:-1] + str(n), r) for n, r in enumerate((patient, group, dict(patient))))
    )
    validator = Validator([PROFILE], options=Options(bundle_entries={key: NAMED}))
    found = [e.expression for e in validator.validate(bundle).errors if e.rule == "cardinality-min"]
    assert found == [f"Bundle.entry[{place}].resource" for place in places]


def test_resources_inside_are_left_out_on_request() -> None:
    inner = {"resourceType": "Organization", "id": "a_b"}
    outer = {"resourceType": "Patient", "active": "yes", "contained": [inner]}
    rules = [e.rule for e in Validator().validate(outer).errors]
    assert sorted(rules) == [
        "constraint-broken",
        "contained-orphan",
        "primitive-format",
        "primitive-type",
    ]
    validator = Validator(options=Options(inner_resources=False))
    assert [e.rule for e in validator.validate(outer).errors] == ["primitive-type"]
