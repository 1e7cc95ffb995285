"""When a resource happened: which elements of which type say so, as a span.

Element names are those of https://hl7.org/fhir/R4/resourcelist.html. A type that is not listed has
no place in time here; its dates are still among its elements.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from fhirkit.report.dates import Interval, Span, instant, parse, period
from fhirkit.report.records import Entry, Record
from fhirkit.report.untrusted import dicts, text

# Type → elements to try in turn. A Period lasts, a date is a point.
_PLACES: dict[str, tuple[str, ...]] = {
    "AdverseEvent": ("date", "detected"),
    "AllergyIntolerance": ("onsetDateTime", "onsetPeriod", "recordedDate"),
    "Appointment": ("start",),
    "CarePlan": ("period", "created"),
    "CareTeam": ("period",),
    "Claim": ("billablePeriod", "created"),
    "ClinicalImpression": ("effectiveDateTime", "effectivePeriod", "date"),
    "Communication": ("sent", "received"),
    "Composition": ("date",),
    "Consent": ("dateTime",),
    "Coverage": ("period",),
    "DeviceRequest": ("occurrenceDateTime", "occurrencePeriod", "authoredOn"),
    "DeviceUseStatement": ("timingPeriod", "timingDateTime", "recordedOn"),
    "DiagnosticReport": ("effectiveDateTime", "effectivePeriod", "issued"),
    "DocumentReference": ("date",),
    "Encounter": ("period",),
    "EpisodeOfCare": ("period",),
    "ExplanationOfBenefit": ("billablePeriod", "created"),
    "FamilyMemberHistory": ("date",),
    "Flag": ("period",),
    "ImagingStudy": ("started",),
    "Immunization": ("occurrenceDateTime",),
    "List": ("date",),
    "Media": ("createdDateTime", "createdPeriod", "issued"),
    "MedicationAdministration": ("effectiveDateTime", "effectivePeriod"),
    "MedicationDispense": ("whenHandedOver", "whenPrepared"),
    "MedicationStatement": ("effectivePeriod", "effectiveDateTime", "dateAsserted"),
    "NutritionOrder": ("dateTime",),
    "Observation": ("effectiveDateTime", "effectivePeriod", "effectiveInstant", "issued"),
    "Procedure": ("performedDateTime", "performedPeriod"),
    "QuestionnaireResponse": ("authored",),
    "RiskAssessment": ("occurrenceDateTime", "occurrencePeriod"),
    "ServiceRequest": ("occurrenceDateTime", "occurrencePeriod", "authoredOn"),
    "Specimen": ("receivedTime",),
    "SupplyDelivery": ("occurrenceDateTime", "occurrencePeriod"),
    "Task": ("executionPeriod", "authoredOn"),
    "VisionPrescription": ("dateWritten",),
}
_GOING_ON = {"active", "in-progress", "on-hold", "recurrence", "relapse", "accepted", "onleave"}

_OVER = {"stopped", "completed", "finished", "cancelled", "revoked"}


@dataclass(frozen=True, slots=True)
class When:
    """A span and how we know it; ``note`` is empty when the resource says it itself."""

    span: Span
    note: str = ""

    @property
    def words(self) -> str:
        """In words, with the note."""
        return f"{self.span.words} ({self.note})" if self.note else self.span.words


def when_of(entry: Entry, record: Record) -> When | None:
    """When it happened, or None.

    A resource without a date of its own takes its encounter's; a result, else its report's.
    """
    resource = entry.resource
    special = _SPECIAL.get(entry.type)
    span = special(resource) if special else _first(resource, _PLACES.get(entry.type, ()))
    if span:
        return When(_closed(span, resource))
    if entry.type not in _PLACES and not special:
        return None
    holder = record.find(resource.get("encounter"))
    at = period(holder.resource.get("period")) if holder and holder is not entry else None
    report = record.report_of(entry) if at is None else None
    if report:
        given = _first(report.resource, _PLACES["DiagnosticReport"])
        return When(given, "date of its report") if given else None
    if at is None:
        return None
    if entry.type == "MedicationRequest" and at.start:
        lasting = Span(at.start, None, ongoing=_ongoing(resource))
        return When(_closed(lasting, resource), "begun at its encounter")
    return When(at, "date of its encounter")


def _closed(span: Span, resource: dict[str, Any]) -> Span:
    """With the status said, where something is over and its end is not given."""
    status = text(resource, "status") or text(resource, "lifecycleStatus")
    if span.end is None and status in _OVER:
        return replace(span, ended=status)
    return span


def _first(resource: dict[str, Any], names: tuple[str, ...]) -> Span | None:
    for name in names:
        value = resource.get(name)
        found = (
            period(value, ongoing=_ongoing(resource)) if isinstance(value, dict) else instant(value)
        )
        if found:
            return found
    return None


def _ongoing(resource: dict[str, Any]) -> bool:
    return bool({text(resource, "status"), text(resource, "lifecycleStatus")} & _GOING_ON)


def _condition(resource: dict[str, Any]) -> Span | None:
    """Onset and abatement; a Period of either is the uncertainty of that one moment."""
    start, started_by = _bound(resource, "onset", early=True)
    end, _ = _bound(resource, "abatement", early=False)
    status = resource.get("clinicalStatus")
    active = any(text(code, "code") in _GOING_ON for code in dicts(status, "coding"))
    if start is None and end is None:
        noted = parse(resource.get("recordedDate"))
        # Recorded then, so begun by then.
        return Span(noted, None, ongoing=active, started_by=True) if noted else None
    return Span(start, end, ongoing=active and end is None, started_by=started_by)


def _bound(resource: dict[str, Any], name: str, *, early: bool) -> tuple[Interval | None, bool]:
    at = parse(resource.get(f"{name}DateTime"))
    if at:
        return at, False
    value = resource.get(f"{name}Period")
    if not isinstance(value, dict):
        return None, False
    first, last = parse(value.get("start")), parse(value.get("end"))
    if first and last:
        return replace(first if early else last, first=first.first, last=last.last), False
    return first or last, last is not None


def _goal(resource: dict[str, Any]) -> Span | None:
    start = parse(resource.get("startDate"))
    for target in dicts(resource, "target"):
        due = parse(target.get("dueDate"))
        if due:
            return Span(start, due)
    if start is None:
        return instant(resource.get("statusDate"))
    return Span(start, None, ongoing=_ongoing(resource))


def _medication_request(resource: dict[str, Any]) -> Span | None:
    """The time the medicine is for if it is given, else from when it was written."""
    for dosage in dicts(resource, "dosageInstruction"):
        for timing in dicts(dosage, "timing"):
            for repeat in dicts(timing, "repeat"):
                bounds = period(repeat.get("boundsPeriod"))
                if bounds:
                    return replace(bounds, ongoing=bounds.end is None and _ongoing(resource))
    for dispense in dicts(resource, "dispenseRequest"):
        valid = period(dispense.get("validityPeriod"))
        if valid:
            return replace(valid, ongoing=valid.end is None and _ongoing(resource))
    written = parse(resource.get("authoredOn"))
    return Span(written, None, ongoing=_ongoing(resource)) if written else None


def _specimen(resource: dict[str, Any]) -> Span | None:
    for taken in dicts(resource, "collection"):
        found = instant(taken.get("collectedDateTime")) or period(taken.get("collectedPeriod"))
        if found:
            return found
    return _first(resource, _PLACES["Specimen"])


def _appointment(resource: dict[str, Any]) -> Span | None:
    return period(resource)


_SPECIAL = {
    "Appointment": _appointment,
    "Condition": _condition,
    "Goal": _goal,
    "MedicationRequest": _medication_request,
    "Specimen": _specimen,
}
