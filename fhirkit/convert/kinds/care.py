"""Kinds of facts about what is done: medications, procedures, goals, plans; and history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhirkit.convert.facts import Items
from fhirkit.convert.kinds.fields import (
    AT,
    CODE,
    COMMON,
    ENCOUNTER,
    FINDING,
    FOR,
    PERFORMER,
    REASON,
    SITE,
    TEXT,
)
from fhirkit.convert.kinds.wordlists import COURSE, ROLE
from fhirkit.convert.shape import Key, Kind
from fhirkit.convert.values import ByPoint, Choice, Codes, Names, Raw, Text, Time

if TYPE_CHECKING:
    from fhirkit.convert.model import Fact
    from fhirkit.convert.reading import Reading

_DONE = (AT, ENCOUNTER, PERFORMER)
_STATEMENT_ONLY = frozenset({"intended", "not-taken"})
_ORDER_ONLY = frozenset({"cancelled", "draft"})


def _medication_type(fact: Fact) -> str:
    return "MedicationStatement" if fact.get("as") == "statement" else "MedicationRequest"


def _check_medication(fact: Fact, reading: Reading) -> None:
    reading.in_order(fact, "started", "stopped")
    statement = fact.get("as") == "statement"
    wrong = _ORDER_ONLY if statement else _STATEMENT_ONLY
    for change in fact.get("status") or ():
        if change.value in wrong:
            what = "a statement" if statement else "an order"
            message = f"'{change.value}' is no status of {what}"
            advice = None if statement else "add `as: statement`, or use another status"
            reading.issue("case-value", fact.node, message, advice)


def _check_activity(fact: Fact, reading: Reading) -> None:
    given = [key for key in ("medication", "do", "avoid") if key in fact.values]
    if len(given) > 1:
        message = f"an activity is one of medication, do, avoid; here are {' and '.join(given)}"
        reading.issue("case-conflict", fact.node, message, "write one activity for each")
    if given == ["medication"]:
        own = [f"`{key}`" for key in ("code", "status") if key in fact.values]
        if own:
            # CarePlan cpl-3: an activity refers to an order, or tells details itself.
            message = (
                f"an activity with `medication` points to it and can have no {' or '.join(own)}"
            )
            advice = f"give {' and '.join(own)} to the medicine, or write a `do` activity"
            reading.issue("case-conflict", fact.node, message, advice)


MEDICATIONS = Kind(
    "medications",
    _medication_type,
    "Medicines: orders, or what the patient is said to take (`as: statement`).",
    (
        TEXT,
        CODE,
        Key("as", Choice("order", "statement"), "Ordered here (default), or taken already."),
        Key("status", ByPoint(Choice("active", "on-hold", "cancelled", "completed", "stopped",
                                     "draft", "intended", "not-taken", "unknown")),
            "Throughout or by time; default: active."),
        Key("form", Codes(), "Dose form, coded."),
        Key("dose", Text(absentable=True), "Dose as the source has it, or `not reported`."),
        Key("frequency", Text(absentable=True), "How often, as the source has it."),
        Key("route", Codes(), "Route, coded."),
        Key("started", Time(absentable=True),
            "When it was ordered or begun; before that it is left out."),
        Key("stopped", Time(), "When it ended."),
        FOR,
        REASON,
        Key("course", COURSE, "Kind of course."),
        Key("prescriber", Names("practitioners", "organizations", many=False), "Who ordered it."),
        *_DONE,
        *COMMON,
    ),
    one_of=(("text", "code"),),
    check=_check_medication,
    dated=("started",),
)  # fmt: skip
PROCEDURES = Kind(
    "procedures",
    "Procedure",
    "What was done.",
    (
        TEXT,
        CODE,
        Key("status", ByPoint(Choice("preparation", "in-progress", "not-done", "on-hold",
                                     "stopped", "completed", "unknown")), "Default: completed."),
        FOR,
        REASON,
        SITE,
        Key("outcome", Text(), "How it came out."),
        *_DONE,
        *COMMON,
    ),
    one_of=(("text", "code"),),
)  # fmt: skip
IMMUNIZATIONS = Kind(
    "immunizations",
    "Immunization",
    "Vaccinations. `at` is when it was recorded, `date` when it was given.",
    (
        TEXT,
        CODE,
        Key("status", Choice("completed", "not-done"), "Default: completed."),
        Key("date", Time(absentable=True), "When it was given."),
        Key("dose-number", Raw("a whole number"), "Which dose of the series."),
        Key("lot", Text(), "Lot number."),
        Key("reason", Text(), "Why it was given, or not given."),
        SITE,
        *_DONE,
        *COMMON,
    ),
    one_of=(("text", "code"),),
    dated=("date",),
)
_REACTION = Kind(
    "reaction",
    "",
    "One reaction.",
    (
        TEXT,
        FINDING,
        Key("severity", Choice("mild", "moderate", "severe"), "How bad."),
        Key("onset", Time(), "When."),
        *COMMON,
    ),
    one_of=(("text", "finding"),),
    short="text",
    quoted=False,
    dated=("onset",),
)
ALLERGIES = Kind(
    "allergies",
    "AllergyIntolerance",
    "Allergies and intolerances. Where the source is silent, leave the kind out.",
    (
        TEXT,
        CODE,
        Key("status", ByPoint(Choice("active", "inactive", "resolved")), "Default: active."),
        Key("certainty", Choice("unconfirmed", "confirmed", "refuted"), "Default: confirmed."),
        Key("type", Choice("allergy", "intolerance"), "Which of the two."),
        Key("category", Choice("food", "medication", "environment", "biologic"), "Of what."),
        Key("criticality", Choice("low", "high", "unable-to-assess"), "How dangerous."),
        Key("onset", Time(absentable=True), "When it began."),
        Key("reaction", Items(_REACTION), "What it does."),
        AT,
        ENCOUNTER,
        *COMMON,
    ),
    one_of=(("text", "code"),),
    dated=("onset",),
)
_FAMILY_CONDITION = Kind(
    "condition",
    "",
    "A condition of the relative.",
    (TEXT, CODE, Key("onset", Text(), "When or at what age, in words or as `50 a`."),
     Key("outcome", Text(), "What came of it."), *COMMON),
    one_of=(("text", "code"),),
    short="text",
    quoted=False,
)  # fmt: skip
FAMILY_HISTORY = Kind(
    "family-history",
    "FamilyMemberHistory",
    "What runs in the family: one fact a relative.",
    (
        Key("relationship", ROLE, "What the relative is to the patient.", required=True),
        Key("conditions", Items(_FAMILY_CONDITION), "What the relative has or had."),
        Key("sex", Choice("male", "female", "other", "unknown"), "Sex of the relative."),
        Key("deceased", Choice("yes", "no"), "Whether the relative has died."),
        TEXT,
        AT,
        *COMMON,
    ),
)
GOALS = Kind(
    "goals",
    "Goal",
    "What is to be reached.",
    (
        Key("text", Text(), "The goal, in words.", required=True),
        CODE,
        FOR,
        Key("status", ByPoint(Choice("proposed", "planned", "accepted", "active", "on-hold",
                                     "completed", "cancelled", "rejected")), "Default: active."),
        Key("achieved", ByPoint(Choice("in-progress", "improving", "worsening", "no-change",
                                       "achieved", "sustaining", "not-achieved", "no-progress",
                                       "not-attainable")),
            "Whether it was reached; holds from the last status on unless given by time."),
        Key("due", Time(), "By when."),
        AT,
        *COMMON,
    ),
)  # fmt: skip
_ACTIVITY = Kind(
    "activity",
    "",
    "One activity.",
    (
        Key("medication", Names("medications"), "Medicines of the plan."),
        Key("do", Text(), "Something to do."),
        Key("avoid", Text(), "Something not to do."),
        CODE,
        Key("status", Choice("not-started", "scheduled", "in-progress", "on-hold", "completed",
                             "cancelled", "stopped", "unknown"), "Default: unknown."),
        *COMMON,
    ),
    one_of=(("medication", "do", "avoid"),),
    check=_check_activity,
    short="do",
    quoted=False,
)  # fmt: skip
CARE_PLANS = Kind(
    "care-plans",
    "CarePlan",
    "Plans: what is to be done, taken and avoided.",
    (
        Key("title", Text(), "Title.", required=True),
        Key("text", Text(), "The plan in words."),
        Key("status", ByPoint(Choice("draft", "active", "on-hold", "revoked", "completed",
                                     "unknown")), "Default: active."),
        Key("addresses", Names("conditions"), "The conditions it is for."),
        Key("goals", Names("goals"), "Its goals."),
        Key("activities", Items(_ACTIVITY), "What it consists of."),
        Key("author", Names("practitioners", "organizations", many=False), "Who made it."),
        AT,
        ENCOUNTER,
        *COMMON,
    ),
)  # fmt: skip
