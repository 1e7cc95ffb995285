"""Every kind of fact of case/1, in the order their resources are written."""

from __future__ import annotations

from fhirkit.convert.kinds import care, findings, people

#: The one fact that is not in a map of named facts.
PATIENT = people.PATIENT

_ALL = (
    people.ORGANIZATIONS,
    people.PRACTITIONERS,
    people.PEOPLE,
    people.ENCOUNTERS,
    findings.CONDITIONS,
    care.ALLERGIES,
    findings.VITALS,
    findings.LABS,
    findings.OBSERVATIONS,
    findings.SOCIAL_HISTORY,
    findings.SYMPTOMS,
    findings.EXAM,
    findings.PROGRESS,
    findings.IMAGING,
    findings.REPORTS,
    care.MEDICATIONS,
    care.IMMUNIZATIONS,
    care.PROCEDURES,
    care.GOALS,
    care.CARE_PLANS,
    care.FAMILY_HISTORY,
)

#: Name of the kind in a case file → kind.
KINDS = {kind.name: kind for kind in _ALL}
