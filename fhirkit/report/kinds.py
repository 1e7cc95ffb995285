"""The order and headings of resource types on the page, and which cards fit when there are many."""

from __future__ import annotations

import re
from collections.abc import Iterable

from fhirkit.report.records import Entry

# Type → heading, in reading order: the person, what is wrong, what is done, what was found.
_HEADINGS = {
    "Patient": "Patient",
    "Condition": "Conditions",
    "AllergyIntolerance": "Allergies and intolerances",
    "MedicationRequest": "Prescriptions",
    "MedicationStatement": "Medications taken",
    "CarePlan": "Care plans",
    "Goal": "Goals",
    "Encounter": "Encounters",
    "Observation": "Observations",
    "DiagnosticReport": "Reports",
    "ImagingStudy": "Imaging studies",
    "Procedure": "Procedures",
    "Immunization": "Immunizations",
    "MedicationAdministration": "Doses given",
    "MedicationDispense": "Dispensed medicines",
    "Medication": "Medicines",
    "ServiceRequest": "Requests for services",
    "FamilyMemberHistory": "Family history",
    "ClinicalImpression": "Clinical impressions",
    "RiskAssessment": "Risk assessments",
}
# Last: who recorded it and how, rarely what a reader came for.
_BACKGROUND = (
    "Composition",
    "DocumentReference",
    "RelatedPerson",
    "Practitioner",
    "PractitionerRole",
    "Organization",
    "Location",
    "Device",
    "Binary",
    "OperationOutcome",
    "Parameters",
    "AuditEvent",
    "Provenance",
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def heading(kind: str) -> str:
    """The heading of a type: ``BodyStructure`` → ``Body structures``."""
    if kind in _HEADINGS:
        return _HEADINGS[kind]
    words = _CAMEL.sub(" ", kind).lower().capitalize()
    if words.endswith("y") and words[-2:-1] not in "aeiou":
        return f"{words[:-1]}ies"
    return words if words.endswith("s") else f"{words}s"


def in_reading_order(kinds: Iterable[str]) -> list[str]:
    """The types, clinical ones first, unknown ones by name, background last."""
    front, back = list(_HEADINGS), list(_BACKGROUND)

    def place(kind: str) -> tuple[int, int, str]:
        if kind in _HEADINGS:
            return 0, front.index(kind), kind
        return (2, back.index(kind), kind) if kind in back else (1, 0, kind)

    return sorted(set(kinds), key=place)


def chosen(entries: Iterable[Entry], most: int, first: Iterable[int]) -> set[int]:
    """Which entries get a card when only ``most`` fit: those in ``first``, then fairly by type.

    Fairly: every type gets as many as the others until it has none left, so that one Patient is
    never crowded out by ten thousand Observations.
    """
    by_kind: dict[str, list[int]] = {}
    everything: list[int] = []
    for entry in entries:
        everything.append(entry.index)
        by_kind.setdefault(entry.type, []).append(entry.index)
    if len(everything) <= most:
        return set(everything)
    known = set(everything)
    kept = set([index for index in first if index in known][: most // 2])
    queues = {kind: [i for i in found if i not in kept] for kind, found in by_kind.items()}
    room = most - len(kept)
    for position, kind in enumerate(sorted(queues, key=lambda kind: len(queues[kind]))):
        share = room // (len(queues) - position)
        taken = queues[kind][:share]
        kept.update(taken)
        room -= len(taken)
    return kept
