"""The example case, row by row: what each resource must hold, and what it must not."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
from convert_cases import RLS, Resources
from rls_rows import ROWS, SYSTEMS

from fhirkit.core.resource import references

DERIVATION = "http://hl7.org/fhir/StructureDefinition/derivation-reference"
ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"


def said(value: Any, resources: Resources) -> Any:
    """An element in the words of the table."""
    if isinstance(value, list):
        return [said(one, resources) for one in value]
    if not isinstance(value, dict):
        return value
    if "coding" in value:
        return " + ".join(said(one, resources) for one in value["coding"])
    if "system" in value and "value" not in value:
        system = value["system"]
        return f"{SYSTEMS.get(system, system.rpartition('/')[2])}#{value['code']}"
    if "reference" in value:
        inner = value["reference"]
        return said(inner, resources) if isinstance(inner, dict) else resources.named(value)
    if set(value) == {"text"}:
        return f"text “{value['text']}”"
    if "value" in value:
        return f"{value['value']} {value['code']}"
    if "detail" in value:
        detail = value["detail"]
        if isinstance(detail, list):
            return said(detail[0], resources)
        return ("NOT " if detail.get("doNotPerform") else "") + detail["description"]
    if "code" in value:
        found = value.get("valueString")
        amount = f"“{found}”" if found is not None else said(value["valueQuantity"], resources)
        return f"{said(value['code'], resources)} = {amount}"
    return f"{value.get('start', '')}…{value.get('end', '')}"


def test_there_are_as_many_resources_as_rows(rls: Resources) -> None:
    assert list(rls.by_name) == [f"{kind}/{key}" for kind, key, _ in ROWS]
    assert len({kind for kind, _, _ in ROWS}) == 15


@pytest.mark.parametrize(("kind", "key", "held"), ROWS, ids=[row[1] for row in ROWS])
def test_row(kind: str, key: str, held: dict[str, Any], rls: Resources) -> None:
    resource = rls[f"{kind}/{key}"]
    assert {name: said(resource.get(name), rls) for name in held} == held


@pytest.mark.parametrize(("kind", "key", "held"), ROWS, ids=[row[1] for row in ROWS])
def test_it_is_about_the_patient(kind: str, key: str, held: dict[str, Any], rls: Resources) -> None:
    resource = rls[f"{kind}/{key}"]
    if kind in ("Patient", "Organization", "Device", "Provenance"):
        return
    who = resource.get("subject") or resource["patient"]
    assert rls.named(who) == "Patient/patient"


def test_the_iron_is_a_tablet_of_two_codes(rls: Resources) -> None:
    (medication,) = rls["MedicationRequest/ferrous-sulfate"]["contained"]
    assert said(medication["code"], rls) == "atc#B03AA07 + rxnorm#24947"
    assert said(medication["form"], rls) == "sct#385055001"


def test_missing_name_and_birth_date_say_why(rls: Resources) -> None:
    patient = rls["Patient/patient"]
    assert patient["name"] == [{"_text": {"extension": [{"url": ABSENT, "valueCode": "masked"}]}}]
    assert patient["_birthDate"] == {"extension": [{"url": ABSENT, "valueCode": "unknown"}]}


def test_a_missing_value_is_never_a_value_and_a_reason(rls: Resources) -> None:
    for key in ("hb-visit", "hb-follow-up"):
        observation = rls[f"Observation/{key}"]
        assert not [name for name in observation if name.startswith("value")]


def test_no_date_is_more_precise_than_the_report(rls: Resources) -> None:
    dates = [text for text in _strings(rls.bundle) if re.match(r"(19|20)\d\d-\d\d(\b|T)", text)]
    # Only the time stamps of the Bundle and its provenance are instants: they tell of the record.
    stamps = {rls.bundle["timestamp"], rls["Provenance/conversion"]["recorded"]}
    assert {text for text in dates if text not in stamps} == {"2021-02", "2022-02", "2022-03"}


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for name, one in value.items() if name != "div" for text in _strings(one)]
    if isinstance(value, list):
        return [text for one in value for text in _strings(one)]
    return []


def test_no_dose_is_made_up(rls: Resources) -> None:
    for key in ("ferrous-sulfate", "vitamin-c", "ropinirole", "diazepam"):
        request = rls[f"MedicationRequest/{key}"]
        assert "dosageInstruction" not in request
        assert request["note"] == [{"text": "Not in the source: dose, frequency, route."}]


def test_vital_signs_of_a_month_claim_no_profile(rls: Resources) -> None:
    assert not [name for name, resource in rls.by_name.items() if "meta" in resource]


def test_what_is_not_about_this_patient_is_no_resource(rls: Resources) -> None:
    for words in ("crawling", "irresistible", "blood flow", "Willis", "augmentation"):
        for name, resource in rls.by_name.items():
            assert words not in "\n".join(_strings(resource)), name


def test_nobody_is_a_practitioner(rls: Resources) -> None:
    assert not [name for name in rls.by_name if name.startswith("Practitioner")]


def test_the_second_scale_is_a_note_and_no_component(rls: Resources) -> None:
    temperature = rls["Observation/temperature"]
    assert "component" not in temperature
    assert "97.9 degF" in temperature["note"][0]["text"]


def test_every_reference_resolves(rls: Resources) -> None:
    for name, resource in rls.by_name.items():
        inside = {f"#{one['id']}" for one in resource.get("contained", ())}
        for reference in references(resource):
            assert reference["reference"] in rls.names or reference["reference"] in inside, name


def test_every_resource_leads_to_its_sentences(rls: Resources) -> None:
    """Offset and length cut the quoted words out of the attached report; hash and size hold."""
    attachment = rls["DocumentReference/source"]["content"][0]["attachment"]
    data = base64.b64decode(attachment["data"])
    assert data == (RLS.parent / "report.md").read_bytes()
    assert attachment["contentType"] == "text/markdown;charset=utf-8"
    assert attachment["size"] == len(data)
    assert base64.b64decode(attachment["hash"]) == hashlib.sha1(data).digest()  # noqa: S324  # what FHIR asks for
    text = data.decode()
    for name, resource in rls.by_name.items():
        spans = [one for one in resource.get("extension", ()) if one["url"] == DERIVATION]
        if name in ("DocumentReference/source", "Device/fhirkit", "Provenance/conversion"):
            assert not spans
            continue
        assert spans, name
        for span in spans:
            parts = {one["url"]: one for one in span["extension"]}
            reference = parts["reference"]["valueReference"]
            assert rls.named(reference) == "DocumentReference/source"
            offset = parts["offset"]["valueInteger"]
            quoted = text[offset : offset + parts["length"]["valueInteger"]]
            line = text[:offset].count("\n") + 1
            assert reference["display"] == f"report.md, line {line}"
            assert quoted.split()[0] in text.splitlines()[line - 1]
            assert f"“{' '.join(quoted.split())}”" in _unescaped(resource["text"]["div"])


def _unescaped(div: str) -> str:
    return div.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def test_nested_items_lead_to_their_own_sentences(rls: Resources) -> None:
    plan = rls["CarePlan/lifestyle"]
    assert all(activity["extension"][0]["url"] == DERIVATION for activity in plan["activity"])
    week = rls["Observation/progress-week-1"]
    assert all(part["extension"][0]["url"] == DERIVATION for part in week["component"])


def test_provenance_covers_everything_but_the_report_and_itself(rls: Resources) -> None:
    provenance = rls["Provenance/conversion"]
    targets = {rls.named(one) for one in provenance["target"]}
    assert targets == set(rls.by_name) - {"DocumentReference/source", "Provenance/conversion"}
    assert rls.named(provenance["agent"][0]["who"]) == "Device/fhirkit"
    assert rls.named(provenance["entity"][0]["what"]) == "DocumentReference/source"


def test_assumptions_are_said_in_the_record(rls: Resources) -> None:
    assert "Assumed, not stated" in rls["CarePlan/lifestyle"]["note"][0]["text"]
    assert "Assumed, not stated" in rls["Encounter/visit"]["text"]["div"]


def test_seen_from_the_visit_the_disease_is_active(rls_at_visit: Resources) -> None:
    for key in ("ida", "rls"):
        condition = rls_at_visit[f"Condition/{key}"]
        assert said(condition["clinicalStatus"], rls_at_visit) == "condition-clinical#active"
        assert not [name for name in condition if name.startswith("abatement")]
    for key in ("ferrous-sulfate", "vitamin-c", "ropinirole", "diazepam"):
        assert rls_at_visit[f"MedicationRequest/{key}"]["status"] == "active"
    plan = rls_at_visit["CarePlan/treatment"]
    assert plan["status"] == "active"
    assert plan["period"] == {"start": "2022-02"}
    goal = rls_at_visit["Goal/correct-anemia"]
    assert goal["lifecycleStatus"] == "active"
    assert "achievementStatus" not in goal


def test_seen_from_the_visit_nothing_later_is_known(rls_at_visit: Resources) -> None:
    later = {
        "Encounter/follow-up",
        "Observation/hb-follow-up",
        "DiagnosticReport/blood-follow-up",
        "Goal/prevent-relapse",
        "CarePlan/lifestyle",
        *(f"Observation/progress-{at}" for at in ("week-1", "week-2", "week-3", "follow-up")),
        "Observation/progress-partner",
    }
    expected = {f"{kind}/{key}" for kind, key, _ in ROWS} - later
    assert set(rls_at_visit.by_name) == expected
    for resource in rls_at_visit.by_name.values():
        for reference in references(resource):
            assert reference["reference"] in {*rls_at_visit.names, "#medication"}


@pytest.mark.parametrize("as_of", ["visit", "week-1", "week-2", "week-3", "follow-up"])
def test_each_point_knows_what_came_before(as_of: str) -> None:
    from fhirkit.convert import convert

    bundle = convert(RLS, "collection", as_of=as_of)
    keys = {entry["resource"]["id"].removeprefix("rls-ida-") for entry in bundle["entry"]}
    points = ["visit", "week-1", "week-2", "week-3", "follow-up"]
    reached = points[: points.index(as_of) + 1]
    for point in points[1:]:
        assert (f"progress-{point}" in keys) == (point in reached)


def test_the_bundles_in_the_repository_are_those_of_today() -> None:
    from fhirkit.convert import convert
    from fhirkit.core.jsonio import dumps

    for to in ("transaction", "collection", "document"):
        written = (RLS.parent / f"{to}.json").read_text(encoding="utf-8")
        assert written == dumps(convert(RLS, to)), f"run scripts/bundles ({to})"


def test_the_place_of_the_case_leaves_no_trace(tmp_path: Path) -> None:
    from fhirkit.convert import convert

    for name in ("case.yaml", "report.md"):
        (tmp_path / name).write_bytes((RLS.parent / name).read_bytes())
    assert convert(tmp_path / "case.yaml") == convert(RLS)
