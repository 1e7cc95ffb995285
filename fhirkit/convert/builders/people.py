"""Patient, Organization, Practitioner, RelatedPerson, Encounter.

https://hl7.org/fhir/R4/patient.html · https://hl7.org/fhir/R4/encounter.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhirkit.convert.absent import Absent, absent, absent_element
from fhirkit.convert.codes import concept, concepts
from fhirkit.convert.kinds.wordlists import SAME_DAY_CLASSES
from fhirkit.convert.making import date_time, timed
from fhirkit.convert.model import At, Fact

if TYPE_CHECKING:
    from fhirkit.convert.making import Draft, Making

_DAY = len("2022-02-14")


def patient(fact: Fact, making: Making) -> list[Draft]:
    """The patient. Name and birth date that are missing say why (IPS wants both)."""
    body: dict[str, Any] = {
        "identifier": [_identifier(item) for item in fact.get("identifier") or ()],
        "name": [_name(fact.get("name") or Absent("unknown"))],
        **_gender(fact.get("sex")),
        **_birth_date(fact.get("birth-date")),
        **_deceased(fact.get("deceased"), making),
        "address": _addresses(fact),
    }
    return [_remarked(making.draft(fact, body, resource_type="Patient", kind="patient"), fact)]


def organization(fact: Fact, making: Making) -> list[Draft]:
    """An organization."""
    name = fact.get("name")
    body: dict[str, Any] = {"type": [{"coding": [fact.get("type")]}] if fact.get("type") else None}
    if isinstance(name, Absent):
        body["_name"] = absent_element(name)
    else:
        body["name"] = name
    body["address"] = _addresses(fact)
    return [_remarked(making.draft(fact, body), fact)]


def practitioner(fact: Fact, making: Making) -> list[Draft]:
    """A practitioner."""
    qualification = fact.get("qualification")
    body: dict[str, Any] = {
        "name": [_name(fact.get("name") or Absent("unknown"))],
        **_gender(fact.get("sex")),
        "qualification": [{"code": {"text": qualification}}] if qualification else None,
    }
    return [_remarked(making.draft(fact, body), fact)]


def related_person(fact: Fact, making: Making) -> list[Draft]:
    """A relative or friend."""
    name = fact.get("name")
    body: dict[str, Any] = {
        "patient": making.subject(),
        "relationship": [{"coding": [fact.get("relationship")]}],
        "name": [_name(name)] if name is not None else None,
        **_gender(fact.get("sex")),
    }
    return [_remarked(making.draft(fact, body), fact)]


def encounter(fact: Fact, making: Making) -> list[Draft]:
    """An encounter. A stay that was not over at the point seen from is still in progress."""
    until = fact.get("until")
    over = until is None or making.known(until) is not None
    period = _encounter_period(fact, until if over else None, making)
    performers = fact.get("performer")
    body: dict[str, Any] = {
        "status": fact.get("status") or ("finished" if over else "in-progress"),
        "class": fact.get("class"),
        "type": concepts(concept(fact.get("type"), fact.get("text"))),
        "subject": making.subject(),
        "participant": [
            {"individual": one}
            for one in making.references_to(performers, "Practitioner", "RelatedPerson")
        ],
        "period": period,
        "reasonCode": concepts(concept(text=fact.get("reason"))),
        "serviceProvider": next(iter(making.references_to(performers, "Organization")), None),
    }
    return [_remarked(making.draft(fact, body), fact)]


def _encounter_period(fact: Fact, until: Any, making: Making) -> dict[str, Any] | None:
    if fact.at is None:
        return None
    period = fact.at.when.as_period() or {}
    made: dict[str, Any] = {}
    if fact.at.point is not None:
        quotes = making.points.quotes.get(fact.at.point, ())
        found = making.derivation(quotes)
        if found:
            made["extension"] = found
    if "start" in period:
        made["start"] = period["start"]
    if isinstance(until, At):
        end = until.when.as_period() or {}
    else:
        same_day = (fact.get("class") or {}).get("code") in SAME_DAY_CLASSES
        end = period if same_day or not fact.at.when.is_point else {}
    if "end" in end:
        made["end"] = end["end"]
    return made if "start" in made or "end" in made else None


def _identifier(item: Fact) -> dict[str, Any]:
    return {key: item.values[key] for key in ("system", "value") if key in item.values}


def _name(name: Any) -> dict[str, Any]:
    if isinstance(name, str):
        return {"_text": absent_element(name)}
    keys = ("text", "family", "given", "prefix")
    return {key: name.values[key] for key in keys if key in name.values}


def _gender(sex: str | None) -> dict[str, Any]:
    if sex is None:
        return {}
    reason = absent(sex) if sex != "unknown" else None
    return {"gender": sex} if reason is None else {"_gender": absent_element(reason)}


def _birth_date(at: Any) -> dict[str, Any]:
    text = date_time(at)
    if text is not None:
        return {"birthDate": text[:_DAY]}
    return {"_birthDate": absent_element(at if isinstance(at, Absent) else "unknown")}


def _deceased(value: Any, making: Making) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"deceasedBoolean": value}
    at = making.known(value)
    if at is None:
        return {}
    return timed("deceased", at) if date_time(at) else {"deceasedBoolean": True}


def _addresses(fact: Fact) -> list[dict[str, Any]] | None:
    address = fact.get("address")
    if not isinstance(address, Fact):
        return None
    names = {"postal-code": "postalCode"}
    order = ("text", "line", "city", "district", "state", "postal-code", "country")
    return [{names.get(key, key): address.values[key] for key in order if key in address.values}]


def _remarked(draft: Draft, fact: Fact) -> Draft:
    # These types have no element for notes.
    draft.remarks += fact.get("note") or ()
    return draft
