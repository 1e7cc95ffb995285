"""Condition, Observation, ImagingStudy, DiagnosticReport.

https://hl7.org/fhir/R4/condition.html · https://hl7.org/fhir/R4/observation.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhirkit.convert.codes import coding, concept, concepts
from fhirkit.convert.kinds.findings import ABATED
from fhirkit.convert.kinds.wordlists import (
    OBSERVATION_CATEGORY_SYSTEM,
    SECTION_OF_MODALITY,
)
from fhirkit.convert.making import item_notes, notes, timed
from fhirkit.convert.measured import found_concept, profile_trouble
from fhirkit.terminology.codes import lookup
from fhirkit.terminology.systems import LOINC

if TYPE_CHECKING:
    from fhirkit.convert.making import Draft, Making
    from fhirkit.convert.model import At, Fact

_HL7 = "http://terminology.hl7.org/CodeSystem/"
_DUE_TO = "http://hl7.org/fhir/StructureDefinition/condition-dueTo"
_SYMPTOM = "75325-1"
_AGE = "30525-0"
_REPORT = "11502-2"
#: Kind → code of observation-category; symptoms and progress have none in that system.
_CATEGORY = {
    "vitals": "vital-signs",
    "labs": "laboratory",
    "social-history": "social-history",
    "exam": "exam",
}


def known(system: str, code: str) -> dict[str, Any]:
    """A Coding with the display of the list at hand."""
    return coding(system, code, lookup(system, code))


def condition(fact: Fact, making: Making) -> list[Draft]:
    """A condition: its status as of the point, and an abatement only once that has come."""
    status = _clinical_status(fact, making)
    category = fact.get("category") or known(_HL7 + "condition-category", "problem-list-item")
    severity = fact.get("severity")
    body: dict[str, Any] = {
        "clinicalStatus": {"coding": [known(_HL7 + "condition-clinical", status)]},
        "verificationStatus": {
            "coding": [known(_HL7 + "condition-ver-status", fact.get("certainty") or "confirmed")]
        },
        "category": [{"coding": [category]}],
        "severity": concept(severity),
        "code": concept(fact.get("code"), fact.get("text")) or {"text": fact.name},
        "bodySite": concepts(concept(fact.get("site"))),
        "subject": making.subject(),
        "encounter": making.encounter(fact),
        **timed("onset", making.seen(fact.get("onset"))),
    }
    if status in ABATED:
        body.update(timed("abatement", _abatement(fact, making)))
    body["evidence"] = [{"detail": [one]} for one in making.references(fact.get("evidence"))]
    body["note"] = notes(fact.get("note"))
    draft = making.draft(fact, body)
    draft.extensions = [
        {"url": _DUE_TO, "valueReference": one} for one in making.references(fact.get("due-to"))
    ]
    return [draft]


def _clinical_status(fact: Fact, making: Making) -> str:
    """The status as of the point; a condition that certainly ends later has not ended."""
    status = making.latest(fact, "status", "active")
    ended = fact.get("abatement")
    if ended is None or making.known(ended) is not None or status not in ABATED:
        return status
    reached = making.points.reached(fact.get("status") or (), making.as_of)
    before = [change.value for change in reached if change.value not in ABATED]
    return before[-1] if before else "active"


def _abatement(fact: Fact, making: Making) -> At | None:
    """When the condition ended: as said, or at the change of status that ended it."""
    if fact.get("abatement") is not None:
        return making.points.seen(fact.get("abatement"), making.as_of)
    ended = None
    for change in making.points.reached(fact.get("status") or (), making.as_of):
        if change.value not in ABATED:
            ended = None
        elif ended is None and change.point is not None:
            ended = change.point
    return making.point(ended) if ended is not None else None


def age(fact: Fact, making: Making) -> list[Draft]:
    """The age of a patient as an Observation, so that no birth date is made of it."""
    quantity = fact.get("quantity")
    if quantity is None:
        return []
    body = _observation(
        fact,
        making,
        "social-history",
        {"coding": [known(LOINC, _AGE)]},
        {"valueQuantity": quantity},
    )
    return [making.draft(fact, body, resource_type="Observation", kind="age")]


def observation(fact: Fact, making: Making) -> list[Draft]:
    """A vital sign, a laboratory test, or anything else that was observed."""
    given = fact.get("category")
    category = given["code"] if given else _CATEGORY.get(fact.kind.name)
    code = concept(fact.get("code"), fact.get("text")) or {"text": fact.name}
    found = dict(fact.get("found") or {})
    finding = fact.get("finding")
    if finding:
        words = found.pop("valueString", None)
        found = {"valueCodeableConcept": concept(finding, words)}
    body = _observation(fact, making, category, code, found)
    if given and category:
        body["category"] = [{"coding": [given]}]
    draft = making.draft(fact, body)
    measurement = fact.get("measurement")
    if measurement is not None and measurement.profile and profile_trouble(fact) is None:
        draft.profile = measurement.profile
    return [draft]


def symptom(fact: Fact, making: Making) -> list[Draft]:
    """A symptom; one that the patient denies is the finding itself with the answer no."""
    if fact.get("presence") == "absent":
        code = concept(fact.get("finding"), fact.get("text")) or {"text": fact.name}
        value: dict[str, Any] = {"valueBoolean": False}
    else:
        code = {"coding": [known(LOINC, _SYMPTOM)]}
        value = {
            "valueCodeableConcept": found_concept(fact) or {"text": fact.get("text") or fact.name}
        }
    body = _observation(fact, making, None, code, value)
    severity = fact.get("severity")
    body["note"] = notes(fact.get("note"), f"Severity: {severity}" if severity else None)
    return [making.draft(fact, body)]


def progress(fact: Fact, making: Making) -> list[Draft]:
    """How the patient fared: one component a change, with its own quotes."""
    components = []
    for change in fact.get("changes") or ():
        code = concept(change.get("finding"), change.get("text")) or {"text": "change"}
        component: dict[str, Any] = {}
        extensions = making.derivation(change.quotes)
        if extensions:
            component["extension"] = extensions
        component["code"] = code
        component.update(change.get("found") or {})
        components.append(component)
    code = {"coding": [known(LOINC, _SYMPTOM)]}
    if fact.get("text"):
        code["text"] = fact.get("text")
    body = _observation(fact, making, None, code, {"component": components})
    # A component has no notes, so those of a change go to the whole.
    body["note"] += [one for change in fact.get("changes") or () for one in item_notes(change)]
    return [making.draft(fact, body)]


def _observation(
    fact: Fact,
    making: Making,
    category: str | None,
    code: dict[str, Any],
    found: dict[str, Any],
) -> dict[str, Any]:
    components = found.pop("component", None)
    seen_as = fact.get("interpretation")
    also = fact.get("also_text")
    reference_range = fact.get("reference_range")
    return {
        "status": "final",
        "category": [{"coding": [known(OBSERVATION_CATEGORY_SYSTEM, category)]}]
        if category
        else None,
        "code": code,
        "subject": making.subject(),
        "encounter": making.encounter(fact),
        **timed("effective", making.seen(fact.at), absent=True),
        "performer": making.references(fact.get("performer")),
        **found,
        "interpretation": [{"coding": [dict(seen_as)]}] if seen_as else None,
        "note": notes(
            f"The source also gives this amount as {also}." if also else None, fact.get("note")
        ),
        "bodySite": concept(fact.get("site")),
        "referenceRange": [reference_range] if reference_range else None,
        "component": components,
    }


def imaging(fact: Fact, making: Making) -> list[Draft]:
    """A study and its report. Without UIDs in the source there is no series."""
    modality = fact.get("modality")
    code = concept(fact.get("report"), fact.get("text")) or concept(fact.get("procedure"))
    study_body: dict[str, Any] = {
        "status": "available",
        "modality": [modality] if modality else None,
        "subject": making.subject(),
        "encounter": making.encounter(fact),
        **_started(fact, making),
        "procedureCode": concepts(concept(fact.get("procedure"))),
        "reasonCode": concepts(concept(text=fact.get("reason"))),
        "note": notes(fact.get("note")),
        "description": fact.get("text"),
    }
    study = making.draft(fact, study_body)
    section = SECTION_OF_MODALITY.get((modality or {}).get("code", ""), "IMG")
    report_body = _report(fact, making, known(_HL7 + "v2-0074", section), code)
    report_body["imagingStudy"] = [
        {"reference": study.url, "display": study.label},
    ]
    report_body.update(_concluded(fact))
    report = making.draft(
        fact, report_body, resource_type="DiagnosticReport", suffix="-report", kind="reports"
    )
    report.label = (code or {}).get("text") or _first_display(code) or study.label
    return [study, report]


def _started(fact: Fact, making: Making) -> dict[str, Any]:
    made = timed("started", making.seen(fact.get("started")))
    return {"started": made["startedDateTime"]} if "startedDateTime" in made else {}


def report(fact: Fact, making: Making) -> list[Draft]:
    """A report of a laboratory or another service."""
    category = fact.get("category") or known(_HL7 + "v2-0074", "LAB")
    code = concept(fact.get("code"), fact.get("text"))
    body = _report(fact, making, category, code)
    body["status"] = fact.get("status") or "final"
    body["result"] = making.references(fact.get("result"))
    body.update(_concluded(fact))
    draft = making.draft(fact, body)
    draft.remarks += fact.get("note") or ()
    return [draft]


def _report(
    fact: Fact, making: Making, category: dict[str, Any], code: dict[str, Any] | None
) -> dict[str, Any]:
    return {
        "status": "final",
        "category": [{"coding": [dict(category)]}],
        "code": code or {"coding": [known(LOINC, _REPORT)]},
        "subject": making.subject(),
        "encounter": making.encounter(fact),
        **timed("effective", making.seen(fact.at), absent=True),
        "performer": making.references_to(fact.get("performer"), "Organization", "Practitioner"),
    }


def _concluded(fact: Fact) -> dict[str, Any]:
    return {
        "conclusion": fact.get("conclusion"),
        "conclusionCode": concepts(concept(fact.get("conclusion-code"))),
    }


def _first_display(one: dict[str, Any] | None) -> str | None:
    found = (one or {}).get("coding") or [{}]
    shown: str | None = found[0].get("display")
    return shown
