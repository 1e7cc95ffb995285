"""What a resource is called, what it says in a word, and its statuses: the head of its card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fhirkit.report.phrases import absent_reason, absent_words, concept, phrase
from fhirkit.report.records import Entry, Record
from fhirkit.report.untrusted import dicts, first_code, text

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
_MOST = 200
#: Said of nearly every resource, so silence is the better sign.
_UNREMARKABLE = {"final", "confirmed", "current", "finished", "available"}


@dataclass(frozen=True, slots=True)
class Chip:
    """A short status word and its tone (live, high, low, normal, wrong or plain)."""

    text: str
    tone: str = "plain"


def title_of(resource: dict[str, Any], record: Record, *, follow: bool = True) -> str:
    """What the resource is about, in a few words; nothing when it does not say.

    ``follow`` one reference to another resource that names it; never more, for they may go round.
    """
    kind = str(resource.get("resourceType", ""))
    for name in _OWN_TITLES.get(kind, _TITLES):
        named = _in_words(resource.get(name), resource, record if follow else None)
        if named:
            return " ".join(named.split())[:_MOST]
    return ""


def _in_words(value: Any, resource: dict[str, Any], record: Record | None) -> str:
    if isinstance(value, list):
        words = [_in_words(item, resource, record) for item in value[:3]]
        return ", ".join(dict.fromkeys(word for word in words if word))
    if isinstance(value, dict):
        if "reference" in value:
            return target_title(value, resource, record) if record else text(value, "display")
        return phrase(value) or concept(value) or _first_text(value)
    return value if isinstance(value, str) else ""


def _first_text(value: dict[str, Any]) -> str:
    return text(value, "name") or text(value, "text")


def target_title(reference: dict[str, Any], resource: dict[str, Any], record: Record) -> str:
    """The name of what a reference means: its display, a contained resource's or another's title.

    Empty when nothing names it.
    """
    named = text(reference, "display")
    if named:
        return named
    link = text(reference, "reference")
    if link.startswith("#"):
        inside = (one for one in dicts(resource, "contained") if one.get("id") == link[1:])
        return next((title_of(one, record, follow=False) for one in inside), "")
    found = record.find(link)
    return entry_title(found, record, follow=False) if found else ""


def entry_title(entry: Entry, record: Record, *, follow: bool = True) -> str:
    """The title of an entry, with ``Type/id`` (or the type) when it has none."""
    if entry.type == "Patient":
        return patient_name(entry.resource) or "Patient"
    named = title_of(entry.resource, record, follow=follow)
    return named or (f"{entry.type}/{entry.id}" if entry.id else entry.type)


def patient_name(resource: dict[str, Any]) -> str:
    """The first name that is given in words; empty when it is withheld or missing."""
    for name in dicts(resource, "name"):
        words = phrase({key: part for key, part in name.items() if not key.startswith("_")})
        if words:
            return " ".join(words.split())[:_MOST]
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
        code = first_code(reason)
        words = absent_words(code) if code else concept(reason)
        return f"value not reported: {words}", True
    return "", False


def chips_of(resource: dict[str, Any]) -> tuple[Chip, ...]:
    """The statuses worth a word; ordinary ones (final, confirmed) stay in the details."""
    found: list[Chip] = []
    for name in _STATUS:
        value = resource.get(name)
        for item in value if isinstance(value, list) else [value]:
            code = _code(item)
            words = concept(item) if isinstance(item, dict) else code
            if words and code not in _UNREMARKABLE:
                chip = Chip(_LETTERS.get(code, words), _TONES.get(code, "plain"))
                if chip not in found:
                    found.append(chip)
    if resource.get("doNotPerform") is True:
        found.append(Chip("do not", "wrong"))
    return tuple(found)


_LETTERS = {"H": "high", "HH": "critically high", "L": "low", "LL": "critically low", "N": "normal"}


def _code(value: Any) -> str:
    return value if isinstance(value, str) else first_code(value)
