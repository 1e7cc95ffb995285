"""Data that are not there, and the reason: words an author writes, extensions FHIR wants.

https://hl7.org/fhir/R4/extension-data-absent-reason.html
"""

from __future__ import annotations

from typing import Any

_URL = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_SYSTEM = "http://terminology.hl7.org/CodeSystem/data-absent-reason"

#: What an author writes → code of data-absent-reason.
REASONS = {
    "not reported": "unknown",
    "unknown": "unknown",
    "not published": "masked",
    "masked": "masked",
    "not asked": "not-asked",
    "asked but unknown": "asked-unknown",
    "not applicable": "not-applicable",
    "not performed": "not-performed",
    "not permitted": "not-permitted",
}
_DISPLAYS = {
    "unknown": "Unknown",
    "masked": "Masked",
    "not-asked": "Not Asked",
    "asked-unknown": "Asked But Unknown",
    "not-applicable": "Not Applicable",
    "not-performed": "Not Performed",
    "not-permitted": "Not Permitted",
}


class Absent(str):
    """The reason why a value is missing, as a code of data-absent-reason."""

    __slots__ = ()


def absent(text: str) -> Absent | None:
    """The reason, if the text is one of the words for missing data."""
    code = REASONS.get(text.strip().lower())
    return Absent(code) if code is not None else None


def absent_element(reason: str = "unknown") -> dict[str, Any]:
    """What stands where a primitive value would (`_birthDate`): the extension alone."""
    return {"extension": [{"url": _URL, "valueCode": str(reason)}]}


def absent_concept(reason: str) -> dict[str, Any]:
    """Observation.dataAbsentReason and its like."""
    coding = {"system": _SYSTEM, "code": str(reason), "display": _DISPLAYS[reason]}
    return {"coding": [coding]}
