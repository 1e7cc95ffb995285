"""The International Patient Summary: a document of what a case says about the patient's health.

IPS 2.0.0: https://hl7.org/fhir/uv/ips/STU2 · documents: https://hl7.org/fhir/R4/documents.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fhirkit.convert.bundle import finish
from fhirkit.convert.codes import coding
from fhirkit.convert.identity import full_url, logical_id, name_uuid
from fhirkit.convert.kinds.findings import ABATED
from fhirkit.convert.narrative import list_narrative, section_narrative
from fhirkit.core.resource import references
from fhirkit.terminology.codes import lookup
from fhirkit.terminology.systems import LOINC

if TYPE_CHECKING:
    from fhirkit.convert.making import Draft, Making

_IPS = "http://hl7.org/fhir/uv/ips/StructureDefinition/"
_EMPTY = "http://terminology.hl7.org/CodeSystem/list-empty-reason"
_KEY = "summary"


class _Section(NamedTuple):
    code: str
    title: str
    kinds: tuple[str, ...]
    required: bool = False
    nothing: str = ""


_PROBLEMS = "11450-4"
_PAST = "11348-0"
_SECTIONS = (
    _Section(_PROBLEMS, "Problems", ("conditions",), required=True,
             nothing="The source names no active problem; it does not say that there is none."),
    _Section("48765-2", "Allergies and intolerances", ("allergies",), required=True,
             nothing="The source says nothing about allergies and intolerances."),
    _Section("10160-0", "Medications", ("medications",), required=True,
             nothing="The source says nothing about medications."),
    _Section("11369-6", "Immunizations", ("immunizations",)),
    _Section(_PAST, "Past illness", ("conditions",)),
    _Section("30954-2", "Results", ("labs", "reports")),
    _Section("8716-3", "Vital signs", ("vitals",)),
    _Section("29762-2", "Social history", ("social-history",)),
    _Section("10157-6", "Family history", ("family-history",)),
    _Section("18776-5", "Plan of care", ("care-plans",)),
    _Section("47519-4", "Procedures", ("procedures",)),
)  # fmt: skip


def document(
    drafts: list[Draft], making: Making, timestamp: str, stamped: str | None
) -> dict[str, Any]:
    """The document Bundle: Composition, Patient, then whatever these lead to and nothing else.

    ``stamped`` is the time stamp that was asked for, if any: without one the composition's date
    is only as precise as the case.
    """
    case = making.case
    url = full_url(case.id, "Composition", _KEY)
    composition = _composition(drafts, making, stamped or _date(making) or timestamp)
    by_url = {draft.url: draft for draft in drafts}
    finished: dict[str, dict[str, Any]] = {}
    waiting = [reference["reference"] for reference in references(composition)]
    while waiting:
        at = waiting.pop()
        if at in by_url and at not in finished:
            finished[at] = finish(by_url[at], making)
            waiting += [reference["reference"] for reference in references(finished[at])]
    patient = making.patient
    rest = [draft.url for draft in drafts if draft.url in finished and draft.url != patient]
    return {
        "resourceType": "Bundle",
        "id": case.id,
        "meta": {"profile": [_IPS + "Bundle-uv-ips"]},
        "identifier": {
            "system": "urn:ietf:rfc:3986",
            "value": "urn:uuid:"
            + name_uuid(f"{case.id}/document/{making.as_of or ''}/{timestamp}"),
        },
        "type": "document",
        "timestamp": timestamp,
        "entry": [
            {"fullUrl": url, "resource": composition},
            *({"fullUrl": each, "resource": finished[each]} for each in (patient, *rest)),
        ],
    }


def _composition(drafts: list[Draft], making: Making, date: str) -> dict[str, Any]:
    case = making.case
    title = case.title or "Patient summary"
    made: dict[str, Any] = {
        "resourceType": "Composition",
        "id": logical_id(case.id, _KEY),
        "meta": {"profile": [_IPS + "Composition-uv-ips"]},
    }
    if case.language:
        made["language"] = case.language
    intro = "Patient summary" + (f" as of {making.as_of}." if making.as_of else ".")
    made["text"] = list_narrative(title, intro, case.not_in_report, case.language)
    device = next(draft for draft in drafts if draft.type == "Device")
    made.update(
        {
            "status": "final",
            "type": {"coding": [_loinc("60591-5")]},
            "subject": making.subject(),
            "date": date,
            "author": [{"reference": device.url, "display": device.label}],
            "title": title,
            "section": [
                section
                for section in (_section(each, drafts) for each in _SECTIONS)
                if section is not None
            ],
        }
    )
    return made


def _section(section: _Section, drafts: list[Draft]) -> dict[str, Any] | None:
    """One section; a required one without entries says that nothing is known, not that all is well.

    The reason is `unavailable`, never `nilknown`: silence of the source is no finding.
    """
    found = [draft for draft in drafts if _belongs(draft, section)]
    if not found and not section.required:
        return None
    made: dict[str, Any] = {
        "title": section.title,
        "code": {"coding": [_loinc(section.code)]},
        "text": section_narrative(found, section.nothing),
    }
    if found:
        made["entry"] = [{"reference": draft.url, "display": draft.label} for draft in found]
    else:
        made["emptyReason"] = {"coding": [coding(_EMPTY, "unavailable", "Unavailable")]}
    return made


def _belongs(draft: Draft, section: _Section) -> bool:
    if draft.kind not in section.kinds or draft.type == "ImagingStudy":
        return False
    if draft.type != "Condition":
        return True
    over = draft.body["clinicalStatus"]["coding"][0]["code"] in ABATED
    refuted = draft.body["verificationStatus"]["coding"][0]["code"] == "refuted"
    return not refuted and over == (section.code == _PAST)


def _date(making: Making) -> str | None:
    point = making.as_of or making.points.last
    return making.points.times[point].as_date_time() if point is not None else None


def _loinc(code: str) -> dict[str, Any]:
    return coding(LOINC, code, lookup(LOINC, code))
