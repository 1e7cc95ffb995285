"""The CapabilityStatement of a chaos server, and the types it knows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from fhirkit.chaos.behaviour import Behaviour
from fhirkit.chaos.reply import Refusal, Reply
from fhirkit.chaos.searching import KNOWN
from fhirkit.core.jsonio import dump_bytes

TYPES = (
    "AllergyIntolerance", "Basic", "Bundle", "CarePlan", "CareTeam", "Claim", "Composition",
    "Condition", "Consent", "Coverage", "Device", "DeviceUseStatement", "DiagnosticReport",
    "DocumentReference", "Encounter", "EpisodeOfCare", "ExplanationOfBenefit",
    "FamilyMemberHistory", "Goal", "Group", "ImagingStudy", "Immunization", "List", "Location",
    "Media", "Medication", "MedicationAdministration", "MedicationDispense", "MedicationRequest",
    "MedicationStatement",
    "Observation", "Organization", "Patient", "Practitioner", "PractitionerRole", "Procedure",
    "Provenance", "Questionnaire", "QuestionnaireResponse", "RelatedPerson", "ServiceRequest",
    "Specimen", "Task", "ValueSet",
)  # fmt: skip


def statement(behaviour: Behaviour) -> dict[str, Any]:
    """https://hl7.org/fhir/R4/capabilitystatement.html, as far as clients look at it."""
    offered = ["read", "update", "delete", "create", "search-type"]
    if behaviour.instance_history:
        offered += ["vread", "history-instance"]
    if behaviour.type_history:
        offered.append("history-type")
    parameters = [
        {"name": name, "type": "token"} for name in ("_id", "_lastUpdated", "_tag", *KNOWN)
    ]
    resources = [
        {
            "type": kind,
            "interaction": [{"code": code} for code in offered],
            "versioning": "versioned-update",
            "updateCreate": behaviour.client_ids in ("any", "not-numeric"),
            "conditionalCreate": behaviour.conditional_create,
            "searchParam": parameters,
        }
        for kind in TYPES
    ]
    system = ["batch"] if behaviour.transactions == "refused" else ["transaction", "batch"]
    if behaviour.system_history:
        system.append("history-system")
    if behaviour.transactions == "unsaid":
        system = []
    operations = []
    if behaviour.export:
        canonical = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export"
        operations.append({"name": "export", "definition": canonical})
    rest = {
        "mode": "server",
        "resource": resources,
        "interaction": [{"code": code} for code in system],
        "operation": operations,
    }
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-01-01",
        "kind": "instance",
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json"],
        "software": {"name": behaviour.software},
        "rest": [rest],
    }


def stated(behaviour: Behaviour, elements: str | None, headers: Mapping[str, str]) -> Reply:
    """The answer to a request for it: whole, shortened to ``elements``, or "as you know it"."""
    whole = statement(behaviour)
    if elements is not None and behaviour.statement_elements == "refused":
        raise Refusal(400, "_elements is not known here")
    etag = f'W/"{hashlib.sha256(dump_bytes(whole, indent=False)).hexdigest()[:16]}"'
    more = {"ETag": etag} if behaviour.statement_etag else {}
    if behaviour.statement_etag and headers.get("If-None-Match") == etag:
        return Reply(304, None, more)
    if elements is None or behaviour.statement_elements == "ignored":
        return Reply(200, whole, more)
    wanted = [tuple(one.split(".")) for one in elements.split(",")]
    short = _only(whole, [("resourceType",), *wanted])
    return Reply(200, {**short, "meta": {"tag": [{"code": "SUBSETTED"}]}})


def _only(whole: dict[str, Any], paths: list[tuple[str, ...]]) -> dict[str, Any]:
    """An object with nothing but what is at these paths."""
    short: dict[str, Any] = {}
    for name in dict.fromkeys(path[0] for path in paths if path):
        below = [path[1:] for path in paths if path[0] == name]
        value = whole.get(name)
        if value is None:
            continue
        if () in below:
            short[name] = value
        elif isinstance(value, list):
            short[name] = [_only(one, below) for one in value]
        else:
            short[name] = _only(value, below)
    return short
