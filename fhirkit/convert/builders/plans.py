"""Goal and CarePlan.

https://hl7.org/fhir/R4/goal.html · https://hl7.org/fhir/R4/careplan.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fhirkit.convert.builders.findings import known
from fhirkit.convert.codes import concept
from fhirkit.convert.making import date_time, item_notes, notes

if TYPE_CHECKING:
    from fhirkit.convert.making import Draft, Making
    from fhirkit.convert.model import Fact

_ACHIEVEMENT = "http://terminology.hl7.org/CodeSystem/goal-achievement"
#: Statuses of a plan at which it is over.
_ENDED = frozenset({"completed", "revoked"})


def goal(fact: Fact, making: Making) -> list[Draft]:
    """A goal, and whether it was reached once that can be said."""
    status = making.latest(fact, "status", "active")
    achieved = _achieved(fact, making)
    due = date_time(fact.get("due"))
    body: dict[str, Any] = {
        "lifecycleStatus": status,
        "achievementStatus": {"coding": [known(_ACHIEVEMENT, achieved)]} if achieved else None,
        "description": concept(fact.get("code"), fact.get("text")) or {"text": fact.name},
        "subject": making.subject(),
        "startDate": _day(date_time(fact.at)),
        "target": [{"dueDate": _day(due)}] if due else None,
        "addresses": making.references(fact.get("for")),
        "note": notes(fact.get("note")),
    }
    return [making.draft(fact, body)]


def _achieved(fact: Fact, making: Making) -> str | None:
    changes = fact.get("achieved")
    if not changes:
        return None
    if changes[0].point is None:
        # A plain word tells how it ended, so it holds once the last status does.
        status = fact.get("status") or []
        if len(making.points.reached(status, making.as_of)) < len(status):
            return None
    reached = making.points.reached(changes, making.as_of)
    return reached[-1].value if reached else None


def care_plan(fact: Fact, making: Making) -> list[Draft]:
    """A plan and its activities; whether the patient did them is not known unless said."""
    status = making.latest(fact, "status", "active")
    body: dict[str, Any] = {
        "status": status,
        "intent": "plan",
        "title": fact.get("title"),
        "description": fact.get("text"),
        "subject": making.subject(),
        "encounter": making.encounter(fact),
        "period": _plan_period(fact, making, status),
        "author": making.reference(_first(fact.get("author"))),
        "addresses": making.references(fact.get("addresses")),
        "goal": making.references(fact.get("goals")),
        "activity": [
            part for item in fact.get("activities") or () for part in _activities(item, making)
        ],
        "note": notes(fact.get("note")),
    }
    return [making.draft(fact, body)]


def _plan_period(fact: Fact, making: Making, status: str) -> dict[str, Any] | None:
    made = {}
    start = date_time(fact.at)
    if start is not None:
        made["start"] = start
    if status in _ENDED:
        reached = making.points.reached(fact.get("status") or (), making.as_of)
        last = reached[-1].point if reached else None
        end = date_time(making.point(last)) if last is not None else None
        if end is not None:
            made["end"] = end
    return made or None


def _activities(item: Fact, making: Making) -> list[dict[str, Any]]:
    extension: dict[str, Any] = {}
    extensions = making.derivation(item.quotes)
    if extensions:
        extension["extension"] = extensions
    # An activity refers to orders; a statement of what is taken is none.
    orders = making.references_to(item.get("medication"), "MedicationRequest")
    said = item_notes(item)
    # Beside a reference R4 allows no detail (cpl-3), yet progress.
    progress: dict[str, Any] = {"progress": said} if said else {}
    if "medication" in item.values:
        return [{**extension, **progress, "reference": one} for one in orders]
    words = item.get("avoid") or item.get("do")
    detail: dict[str, Any] = {}
    code = concept(item.get("code"))
    if code is not None:
        detail["code"] = code
    detail["status"] = item.get("status") or "unknown"
    if item.get("avoid"):
        detail["doNotPerform"] = True
    detail["description"] = words
    return [{**extension, **progress, "detail": detail}]


def _day(text: str | None) -> str | None:
    return text[: len("2022-02-14")] if text is not None else None


def _first(names: list[str] | None) -> str | None:
    return names[0] if names else None
