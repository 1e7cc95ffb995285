"""Procedure, Immunization, AllergyIntolerance, FamilyMemberHistory.

https://hl7.org/fhir/R4/allergyintolerance.html · https://hl7.org/fhir/R4/immunization.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhirkit.convert.builders.findings import known
from fhirkit.convert.codes import concept, concepts
from fhirkit.convert.making import date_time, item_notes, notes, timed
from fhirkit.convert.measured import plain_quantity
from fhirkit.convert.model import At
from fhirkit.convert.read.nodes import Scalar

if TYPE_CHECKING:
    from fhirkit.convert.making import Draft, Making
    from fhirkit.convert.model import Fact

_HL7 = "http://terminology.hl7.org/CodeSystem/"


def procedure(fact: Fact, making: Making) -> list[Draft]:
    """A procedure; IPS wants to know when, or that nobody knows."""
    status = making.latest(fact, "status", "completed")
    if status == "completed" and making.goes_on(fact.at):
        status = "in-progress"
    body: dict[str, Any] = {
        "status": status,
        "code": concept(fact.get("code"), fact.get("text")) or {"text": fact.name},
        "subject": making.subject(),
        "encounter": making.encounter(fact),
        **({} if status == "not-done" else timed("performed", making.seen(fact.at), absent=True)),
        "performer": [
            {"actor": one}
            for one in making.references_to(
                fact.get("performer"), "Organization", "Practitioner", "RelatedPerson"
            )
        ],
        "reasonCode": concepts(concept(text=fact.get("reason"))),
        "reasonReference": making.references(fact.get("for")),
        "bodySite": concepts(concept(fact.get("site"))),
        "outcome": concept(text=_outcome(fact, making, status)),
        "note": notes(fact.get("note")),
    }
    return [making.draft(fact, body)]


def _outcome(fact: Fact, making: Making, status: str) -> str | None:
    """How it came out, once it is completed or nothing more is said to come of it."""
    changes = fact.get("status") or ()
    waits = making.goes_on(fact.at) or len(making.points.reached(changes, making.as_of)) < len(
        changes
    )
    told: str | None = fact.get("outcome")
    return told if status == "completed" or not waits else None


def immunization(fact: Fact, making: Making) -> list[Draft]:
    """A vaccination. Its date is its own; the time of the fact is when it was recorded."""
    reason = concept(text=fact.get("reason"))
    done = (fact.get("status") or "completed") == "completed"
    date = fact.get("date")
    if date is None and "at" in fact.own:
        date = fact.at
    date = making.seen(date)
    when = timed("occurrence", date)
    if "occurrenceDateTime" not in when:
        # Immunization knows no period, and readers of R4 want one of the two elements to be there
        # (an extension in its place is legal and often refused), so words stand in.
        when = {"occurrenceString": date.text if isinstance(date, At) else "not reported"}
    number = fact.get("dose-number")
    body: dict[str, Any] = {
        "status": fact.get("status") or "completed",
        "statusReason": None if done else reason,
        "vaccineCode": concept(fact.get("code"), fact.get("text")) or {"text": fact.name},
        "patient": making.subject(),
        "encounter": making.encounter(fact) if fact.own & {"at", "encounter"} else None,
        **when,
        "recorded": date_time(fact.at),
        "lotNumber": fact.get("lot"),
        "site": concept(fact.get("site")),
        "performer": [
            {"actor": one}
            for one in making.references_to(
                fact.get("performer") if "performer" in fact.own else (),
                "Organization",
                "Practitioner",
            )
        ],
        "note": notes(fact.get("note")),
        "reasonCode": concepts(reason) if done else None,
        "protocolApplied": [_dose_number(number)] if isinstance(number, Scalar) else None,
    }
    return [making.draft(fact, body)]


def _dose_number(number: Scalar) -> dict[str, Any]:
    text = number.text.strip()
    if text.isascii() and text.isdigit() and 0 < int(text) < 1000:  # a series has a few doses
        return {"doseNumberPositiveInt": int(text)}
    return {"doseNumberString": text}


def allergy(fact: Fact, making: Making) -> list[Draft]:
    """An allergy or intolerance."""
    category = fact.get("category")
    body: dict[str, Any] = {
        "clinicalStatus": {
            "coding": [
                known(_HL7 + "allergyintolerance-clinical", making.latest(fact, "status", "active"))
            ]
        },
        "verificationStatus": {
            "coding": [
                known(
                    _HL7 + "allergyintolerance-verification",
                    fact.get("certainty") or "confirmed",
                )
            ]
        },
        "type": fact.get("type"),
        "category": [category] if category else None,
        "criticality": fact.get("criticality"),
        "code": concept(fact.get("code"), fact.get("text")) or {"text": fact.name},
        "patient": making.subject(),
        "encounter": making.encounter(fact),
        **timed("onset", making.seen(fact.get("onset"))),
        "recordedDate": date_time(fact.at),
        "note": notes(fact.get("note")),
        "reaction": [
            _reaction(one, making) for one in fact.get("reaction") or () if making.has_begun(one)
        ],
    }
    return [making.draft(fact, body)]


def _reaction(item: Fact, making: Making) -> dict[str, Any]:
    made: dict[str, Any] = {}
    extensions = making.derivation(item.quotes)
    if extensions:
        made["extension"] = extensions
    made["manifestation"] = [concept(item.get("finding"), item.get("text")) or {"text": "reaction"}]
    onset = date_time(making.seen(item.get("onset")))
    if onset is not None:
        made["onset"] = onset
    if item.get("severity"):
        made["severity"] = item.get("severity")
    said = item_notes(item)
    if said:
        made["note"] = said
    return made


def family(fact: Fact, making: Making) -> list[Draft]:
    """What a relative has or had."""
    relationship = fact.get("relationship")
    sex = fact.get("sex")
    body: dict[str, Any] = {
        "status": "completed",
        "patient": making.subject(),
        "date": date_time(fact.at),
        "name": fact.get("text"),
        "relationship": {"coding": [relationship]} if relationship else {"text": fact.name},
        "sex": {"coding": [known("http://hl7.org/fhir/administrative-gender", sex)]}
        if sex
        else None,
        "deceasedBoolean": fact.get("deceased") == "yes" if fact.get("deceased") else None,
        "note": notes(fact.get("note")),
        "condition": [_relatives_condition(one, making) for one in fact.get("conditions") or ()],
    }
    return [making.draft(fact, body)]


def _relatives_condition(item: Fact, making: Making) -> dict[str, Any]:
    made: dict[str, Any] = {}
    extensions = making.derivation(item.quotes)
    if extensions:
        made["extension"] = extensions
    made["code"] = concept(item.get("code"), item.get("text")) or {"text": "condition"}
    if item.get("outcome"):
        made["outcome"] = {"text": item.get("outcome")}
    onset = item.get("onset")
    if onset is not None:
        age = plain_quantity(onset)
        # Age (https://hl7.org/fhir/R4/datatypes.html#Age) is a Quantity of a time.
        made.update({"onsetAge": age} if age and age["code"] in _AGES else {"onsetString": onset})
    said = item_notes(item)
    if said:
        made["note"] = said
    return made


_AGES = frozenset({"a", "mo", "wk", "d", "h", "min"})
