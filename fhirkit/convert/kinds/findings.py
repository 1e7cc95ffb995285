"""Kinds of facts that were found: conditions, measurements, symptoms, images, reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fhirkit.convert.facts import Items
from fhirkit.convert.kinds.fields import (
    ALSO,
    AT,
    CODE,
    COMMON,
    ENCOUNTER,
    FINDING,
    PERFORMER,
    RANGE,
    REASON,
    SEEN_AS,
    SITE,
    TEXT,
    VALUE,
)
from fhirkit.convert.kinds.wordlists import (
    CONDITION_CATEGORY,
    MODALITY,
    OBSERVATION_CATEGORY,
    SECTION,
)
from fhirkit.convert.measured import check_finding, check_lab, check_vital
from fhirkit.convert.shape import Key, Kind
from fhirkit.convert.values import ByPoint, Choice, Codes, Names, Text, Time

if TYPE_CHECKING:
    from fhirkit.convert.model import Fact
    from fhirkit.convert.reading import Reading

CONDITION_STATUS = Choice("active", "recurrence", "relapse", "inactive", "remission", "resolved")
_OBSERVATIONS = ("vitals", "labs", "observations", "social-history", "symptoms", "exam", "progress")
_SEEN = (AT, ENCOUNTER, PERFORMER)
#: Statuses of a condition that is over, for now or for good.
ABATED = frozenset({"inactive", "remission", "resolved"})


def _check_condition(fact: Fact, reading: Reading) -> None:
    """con-4: an abated condition is inactive, in remission or resolved."""
    status = fact.get("status")
    last = status[-1].value if status else "active"
    if "abatement" in fact.values and last not in ABATED:
        message = f"the condition has an `abatement` and is {last}"
        reading.issue("case-conflict", fact.key or fact.node, message, "write `status: resolved`")
    reading.in_order(fact, "onset", "abatement")


CONDITIONS = Kind(
    "conditions",
    "Condition",
    "Diagnoses and problems.",
    (
        TEXT,
        CODE,
        Key("status", ByPoint(CONDITION_STATUS), "Clinical status, throughout or by time; "
            "default: active."),
        Key("certainty", Choice("unconfirmed", "provisional", "differential", "confirmed",
                                "refuted"), "How sure it is; default: confirmed."),
        Key("category", CONDITION_CATEGORY, "Default: problem-list-item."),
        Key("severity", Codes(), "How severe, coded."),
        SITE,
        Key("onset", Time(absentable=True), "When it began: a date, `before visit - 1 a` …"),
        Key("abatement", Time(), "When it ended; default: the time of the status that ends it."),
        Key("due-to", Names("conditions"), "The condition that causes it."),
        Key("evidence", Names(*_OBSERVATIONS, "reports", "imaging"), "Findings that speak for it."),
        AT,
        ENCOUNTER,
        *COMMON,
    ),
    one_of=(("text", "code"),),
    check=_check_condition,
    dated=("onset",),
)  # fmt: skip
VITALS = Kind(
    "vitals",
    "Observation",
    "Vital signs. The name is the word for the sign (`temperature`), or starts with it "
    "(`temperature-follow-up`).",
    (
        Key("vital", Text(), "The word for the sign, if the name is not it."),
        Key("value", VALUE.type, VALUE.help, required=True),
        ALSO, SEEN_AS, SITE, RANGE, *_SEEN, *COMMON,
    ),
    check=check_vital,
    short="value",
)  # fmt: skip
LABS = Kind(
    "labs",
    "Observation",
    "Laboratory tests.",
    (
        Key("test", Text(), "The word for a common test (`hemoglobin`), or the name is it."),
        CODE, TEXT,
        Key("value", VALUE.type, VALUE.help, required=True),
        FINDING, ALSO, SEEN_AS, RANGE, *_SEEN, *COMMON,
    ),
    check=check_lab,
    short="value",
)  # fmt: skip
_FINDINGS = (CODE, TEXT, VALUE, FINDING, ALSO, SEEN_AS, RANGE, SITE)
OBSERVATIONS = Kind(
    "observations",
    "Observation",
    "Any other observation: scores, tests of function, questionnaires.",
    (Key("category", OBSERVATION_CATEGORY, "What kind of observation."), *_FINDINGS,
     *_SEEN, *COMMON),
    one_of=(("code", "text"), ("value", "finding")),
    check=check_finding,
)  # fmt: skip
SOCIAL_HISTORY = Kind(
    "social-history",
    "Observation",
    "Smoking, alcohol, work, living conditions.",
    (*_FINDINGS, *_SEEN, *COMMON),
    one_of=(("code", "text"), ("value", "finding")),
    check=check_finding,
)
SYMPTOMS = Kind(
    "symptoms",
    "Observation",
    "What the patient feels.",
    (
        TEXT,
        FINDING,
        Key("presence", Choice("present", "absent"), "`absent` when the patient denies it."),
        SITE,
        Key("severity", Text(), "How bad, in words."),
        *_SEEN,
        *COMMON,
    ),
    one_of=(("text", "finding"),),
)
EXAM = Kind(
    "exam",
    "Observation",
    "What the examination showed; what was looked for and not found is a finding, too.",
    (*_FINDINGS, *_SEEN, *COMMON),
    one_of=(("code", "text"), ("value", "finding")),
    check=check_finding,
)
IMAGING = Kind(
    "imaging",
    "ImagingStudy",
    "Imaging: a study and its report.",
    (
        Key("modality", MODALITY, "The technique.", required=True),
        Key("procedure", Codes(), "What was done, coded."),
        Key("report", Codes(), "The kind of report, coded."),
        TEXT,
        REASON,
        Key("started", Time(), "When the images were taken, if the source says so."),
        Key("conclusion", Text(), "What was seen, in words."),
        Key("conclusion-code", Codes(), "What was seen, coded."),
        *_SEEN,
        *COMMON,
    ),
    one_of=(("procedure", "report", "text"),),
    suffixes=(("DiagnosticReport", "-report"),),
    dated=("started",),
)
REPORTS = Kind(
    "reports",
    "DiagnosticReport",
    "Reports of laboratories and other services.",
    (
        CODE,
        TEXT,
        Key("category", SECTION, "The service; default: LAB."),
        Key("result", Names(*_OBSERVATIONS), "The results it holds."),
        Key("conclusion", Text(), "What it concludes, in words."),
        Key("conclusion-code", Codes(), "What it concludes, coded."),
        Key("status", Choice("registered", "partial", "preliminary", "final", "amended",
                             "corrected", "cancelled", "unknown"), "Default: final."),
        *_SEEN,
        *COMMON,
    ),
    one_of=(("code", "text"),),
)  # fmt: skip
_CHANGE = Kind(
    "change",
    "",
    "One thing that changed.",
    (TEXT, FINDING, Key("value", VALUE.type, "How it is now.", required=True), *COMMON),
    one_of=(("text", "finding"),),
    check=check_finding,
    quoted=False,
)
PROGRESS = Kind(
    "progress",
    "Observation",
    "How the patient fared up to a time: one fact a time, one change a symptom.",
    (Key("changes", Items(_CHANGE), "What changed.", required=True), TEXT, *_SEEN, *COMMON),
)
