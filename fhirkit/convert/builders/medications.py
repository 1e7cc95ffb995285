"""MedicationRequest and MedicationStatement.

https://hl7.org/fhir/R4/medicationrequest.html · https://hl7.org/fhir/R4/medicationstatement.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhirkit.convert.absent import Absent
from fhirkit.convert.builders.spans import period_of_use, words_of_use
from fhirkit.convert.codes import concept, concepts
from fhirkit.convert.making import date_time, notes
from fhirkit.convert.measured import plain_quantity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fhirkit.convert.making import Draft, Making
    from fhirkit.convert.model import Fact


def medication(fact: Fact, making: Making) -> list[Draft]:
    """An order, or a statement of what is taken. A dose that is not reported is not made up."""
    code = concept(fact.get("code"), fact.get("text")) or {"text": fact.name}
    contained = None
    medicine: dict[str, Any] = {"medicationCodeableConcept": code}
    form = concept(fact.get("form"))
    if form is not None:
        contained = [{"resourceType": "Medication", "id": "medication", "code": code, "form": form}]
        medicine = {"medicationReference": {"reference": "#medication"}}
    make = _statement if fact.get("as") == "statement" else _order
    draft = making.draft(fact, make(fact, making, medicine))
    draft.contained = contained
    return [draft]


def _order(fact: Fact, making: Making, medicine: dict[str, Any]) -> dict[str, Any]:
    return {
        "status": making.latest(fact, "status", "active"),
        "intent": "order",
        **medicine,
        "subject": making.subject(),
        "encounter": making.encounter(fact),
        "authoredOn": date_time(making.known(fact.get("started"))),
        "requester": making.reference(next(iter(fact.get("prescriber") or ()), None)),
        "performer": _performer(fact, making),
        "reasonCode": concepts(concept(text=fact.get("reason"))),
        "reasonReference": making.references(fact.get("for")),
        "courseOfTherapyType": {"coding": [dict(fact.get("course"))]}
        if fact.get("course")
        else None,
        # R4's order has no element for an end, nor for a begin that is no date.
        "note": notes(words_of_use(fact, making), *_not_given(fact), fact.get("note")),
        "dosageInstruction": _dosage(fact),
    }


def _statement(fact: Fact, making: Making, medicine: dict[str, Any]) -> dict[str, Any]:
    period, unfitting = period_of_use(fact, making)
    return {
        "status": making.latest(fact, "status", "active"),
        **medicine,
        "subject": making.subject(),
        "context": making.encounter(fact),
        "effectivePeriod": period,
        "dateAsserted": date_time(fact.at),
        "informationSource": _performer(fact, making),
        "reasonCode": concepts(concept(text=fact.get("reason"))),
        "reasonReference": making.references(fact.get("for")),
        "note": notes(unfitting, *_of_an_order(fact, making), *_not_given(fact), fact.get("note")),
        "dosage": _dosage(fact),
    }


def _performer(fact: Fact, making: Making) -> dict[str, Any] | None:
    """Who said so, or is to give it: only where the fact itself says, never by default."""
    names = fact.get("performer") if "performer" in fact.own else None
    return next(iter(making.references(names)), None)


def _of_an_order(fact: Fact, making: Making) -> Iterator[str]:
    """What only an order has elements for, in words: who prescribed it, and the kind of course."""
    for prescriber in making.references(fact.get("prescriber")):
        yield f"Prescribed by {prescriber['display']}."
    course = fact.get("course")
    if course:
        yield f"Course of therapy: {course.get('display') or course['code']}."


def _not_given(fact: Fact) -> Iterator[str]:
    """What the author says is missing about the begin and the dose, in words."""
    if isinstance(fact.get("started"), Absent):
        yield "Not in the source: when it was started."
    told = [key for key in ("dose", "frequency") if isinstance(fact.get(key), Absent)]
    if not told:
        return
    missing = [
        key
        for key in ("dose", "frequency", "route")
        if key not in fact.values or isinstance(fact.get(key), Absent)
    ]
    yield f"Not in the source: {', '.join(missing)}."


def _dosage(fact: Fact) -> list[dict[str, Any]] | None:
    dose, frequency = (
        None if isinstance(fact.get(key), Absent) else fact.get(key)
        for key in ("dose", "frequency")
    )
    route = concept(fact.get("route"))
    words = ", ".join(word for word in (dose, frequency) if word)
    made: dict[str, Any] = {}
    if words:
        made["text"] = words
    if frequency:
        made["timing"] = {"code": {"text": frequency}}
    if route is not None:
        made["route"] = route
    quantity = plain_quantity(dose)
    if quantity is not None:
        made["doseAndRate"] = [{"doseQuantity": quantity}]
    return [made] if made else None
