"""One builder a kind of fact: facts in, resources out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhirkit.convert.builders import findings, history, medications, people, plans, source
from fhirkit.convert.model import Fact

if TYPE_CHECKING:
    from collections.abc import Callable

    from fhirkit.convert.making import Draft, Making

    Builder = Callable[[Fact, Making], list[Draft]]

#: Kind → what builds its resources.
BUILDERS: dict[str, Builder] = {
    "organizations": people.organization,
    "practitioners": people.practitioner,
    "people": people.related_person,
    "encounters": people.encounter,
    "conditions": findings.condition,
    "allergies": history.allergy,
    "vitals": findings.observation,
    "labs": findings.observation,
    "observations": findings.observation,
    "social-history": findings.observation,
    "symptoms": findings.symptom,
    "exam": findings.observation,
    "progress": findings.progress,
    "imaging": findings.imaging,
    "reports": findings.report,
    "medications": medications.medication,
    "immunizations": history.immunization,
    "procedures": history.procedure,
    "goals": plans.goal,
    "care-plans": plans.care_plan,
    "family-history": history.family,
}
#: The kinds whose resources are written before the patient's age.
_BEFORE_AGE = ("organizations", "practitioners", "people", "encounters")


def build_all(making: Making, *, provenance: bool, recorded: str) -> list[Draft]:
    """Every resource of the case: source, patient, facts in the order of kinds, provenance."""
    drafts = source.document(making) + people.patient(making.case.patient, making)
    groups = [fact for fact in making.facts if fact.kind.name in _BEFORE_AGE]
    rest = [fact for fact in making.facts if fact.kind.name not in _BEFORE_AGE]
    for fact in groups:
        drafts += BUILDERS[fact.kind.name](fact, making)
    drafts += _age(making)
    for fact in rest:
        drafts += BUILDERS[fact.kind.name](fact, making)
    drafts.append(source.device(making))
    if provenance:
        drafts.append(source.provenance(making, drafts, recorded))
    return drafts


def _age(making: Making) -> list[Draft]:
    """The patient's age; what it does not say itself it takes from the patient."""
    patient = making.case.patient
    age = patient.get("age")
    if not isinstance(age, Fact) or not making.points.includes(age.at, making.as_of):
        return []
    made = Fact(
        age.kind,
        "age",
        patient.key,
        age.node,
        age.values,
        age.own,
        age.quotes or patient.quotes,
        age.basis,
        age.why,
        age.at,
    )
    return findings.age(made, making)
