"""What a resource is called, what it says in a word, and its statuses: the head of its card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fhirkit.report.phrases import absent_reason, absent_words, concept, phrase
from fhirkit.report.records import Entry, Record

#: Where a resource keeps its name, the most telling first; ``a.b`` is a step down.
_TITLES = (
    "code",
    "medicationCodeableConcept",
    "medicationReference",
    "vaccineCode",
    "name",
    "title",
    "description",
    "summary",
    "type",
    "serviceType",
    "relationship",
    "class",
    "procedureCode",
    "modality",
    "activity",
    "productCodeableConcept",
    "deviceName",
    "topic",
    "reason",
    "reasonCode",
    "category",
)
# Types whose first title above is not what a person calls them.
_OWN_TITLES: dict[str, tuple[str, ...]] = {
    "ImagingStudy": ("description", "procedureCode", "modality"),
    "DocumentReference": ("description", "type"),
    "Encounter": ("type", "serviceType", "class"),
    "AllergyIntolerance": ("code",),
    "Provenance": ("activity",),
    "CarePlan": ("title", "description", "category"),
    "Composition": ("title", "type"),
    "Consent": ("scope", "category"),
    "Location": ("name", "description"),
    "Observation": ("code",),
    "Procedure": ("code", "category"),
}
_STATUS = (
    "status",
    "clinicalStatus",
    "verificationStatus",
    "lifecycleStatus",
    "achievementStatus",
    "interpretation",
    "criticality",
    "severity",
)
_TONES = {
    "active": "live",
    "in-progress": "live",
    "recurrence": "live",
    "relapse": "live",
    "H": "high",
    "HH": "high",
    "HU": "high",
    "L": "low",
    "LL": "low",
    "LU": "low",
    "A": "high",
    "AA": "high",
    "N": "normal",
    "entered-in-error": "wrong",
    "refuted": "wrong",
    "high": "high",
    "severe": "high",
}
#: Said of nearly every resource, so silence is the better sign.
_UNREMARKABLE = {"final", "confirmed", "current", "finished", "available"}


@dataclass(frozen=True, slots=True)
class Chip:
    """A short status word and its tone (live, high, low, normal, wrong or plain)."""

    text: str
    tone: str = "plain"


def title_of(resource: dict[str, Any], record: Record) -> str:
    """What the resource is about, in a few words; nothing when it does not say."""
    kind = str(resource.get("resourceType", ""))
    for name in _OWN_TITLES.get(kind, _TITLES):
        text = _in_words(resource.get(name), resource, record)
        if text:
            return " ".join(text.split())[:200]
    return ""


def _in_words(value: Any, resource: dict[str, Any], record: Record) -> str:
    if isinstance(value, list):
        words = [_in_words(item, resource, record) for item in value[:3]]
        return ", ".join(dict.fromkeys(word for word in words if word))
    if isinstance(value, dict):
        if "reference" in value:
            return target_title(value, resource, record)
        return phrase(value) or concept(value) or _first_text(value)
    return value if isinstance(value, str) else ""


def _first_text(value: dict[str, Any]) -> str:
    name = value.get("name") or value.get("text")
    return name if isinstance(name, str) else ""


def target_title(reference: dict[str, Any], resource: dict[str, Any], record: Record) -> str:
    """The name of what a reference means: its display, a contained resource's or another's title.

    Empty when nothing names it.
    """
    if isinstance(reference.get("display"), str):
        return str(reference["display"])
    link = reference.get("reference")
    if isinstance(link, str) and link.startswith("#"):
        contained = resource.get("contained")
        for inner in contained if isinstance(contained, list) else ():
            if isinstance(inner, dict) and inner.get("id") == link[1:]:
                return title_of(inner, record)
        return ""
    found = record.find(link)
    return (entry_title(found, record)) if found and found.resource is not resource else ""


def entry_title(entry: Entry, record: Record) -> str:
    """The title of an entry, with ``Type/id`` (or the type) when it has none."""
    if entry.type == "Patient":
        return patient_name(entry.resource) or "Patient"
    if entry.type in ("MedicationRequest", "MedicationStatement"):
        # Not through target_title's own reference cycle guard: medications name themselves.
        return title_of(entry.resource, record) or entry.type
    named = title_of(entry.resource, record)
    return named or (f"{entry.type}/{entry.id}" if entry.id else entry.type)


def patient_name(resource: dict[str, Any]) -> str:
    """The first name that is given in words; empty when it is withheld or missing."""
    names = resource.get("name")
    for name in names if isinstance(names, list) else ():
        if isinstance(name, dict):
            text = phrase({key: part for key, part in name.items() if not key.startswith("_")})
            if text:
                return text
    return ""


def value_of(resource: dict[str, Any]) -> tuple[str, bool]:
    """The value of an Observation or component in words, and whether it is a missing one."""
    for name, value in resource.items():
        if name.startswith("value") and value is not None:
            return phrase(value) or "", False
    for name, extra in resource.items():
        if name.startswith("_value") and absent_reason(extra):
            return f"value not reported: {absent_reason(extra)}", True
    reason = resource.get("dataAbsentReason")
    if isinstance(reason, dict):
        codes = reason.get("coding")
        coding = (
            codes[0] if isinstance(codes, list) and codes and isinstance(codes[0], dict) else {}
        )
        words = absent_words(coding["code"]) if "code" in coding else concept(reason)
        return f"value not reported: {words}", True
    return "", False


def chips_of(resource: dict[str, Any]) -> tuple[Chip, ...]:
    """The statuses worth a word; ordinary ones (final, confirmed) stay in the details."""
    found: list[Chip] = []
    for name in _STATUS:
        value = resource.get(name)
        for item in value if isinstance(value, list) else [value]:
            code = _code(item)
            text = concept(item) if isinstance(item, dict) else code
            if text and code not in _UNREMARKABLE:
                chip = Chip(_LETTERS.get(code, text), _TONES.get(code, "plain"))
                if chip not in found:
                    found.append(chip)
    if resource.get("doNotPerform") is True:
        found.append(Chip("do not", "wrong"))
    return tuple(found)


_LETTERS = {"H": "high", "HH": "critically high", "L": "low", "LL": "critically low", "N": "normal"}


def _code(value: Any) -> str:
    if isinstance(value, str):
        return value
    codings = value.get("coding") if isinstance(value, dict) else None
    for coding in codings if isinstance(codings, list) else ():
        if isinstance(coding, dict) and isinstance(coding.get("code"), str):
            return str(coding["code"])
    return ""
