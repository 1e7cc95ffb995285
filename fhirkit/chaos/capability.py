"""The CapabilityStatement of a chaos server, and the types it knows."""

from __future__ import annotations

from typing import Any

from fhirkit.chaos.behaviour import Behaviour
from fhirkit.chaos.searching import KNOWN

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
