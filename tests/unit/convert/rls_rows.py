"""What the example case must become: one row a resource, in the order of the report.

A value is written as a test reads it: `system#code` for a coding (short system names below),
`text “…”` for a concept without a code, `128 mm[Hg]` for a quantity, `a…b` for a period,
`Type/key` for a reference. Lists compare in order.
"""

from __future__ import annotations

from typing import Any

SYSTEMS = {
    "http://snomed.info/sct": "sct",
    "http://loinc.org": "loinc",
    "http://hl7.org/fhir/sid/icd-10": "icd10",
    "http://www.whocc.no/atc": "atc",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "rxnorm",
    "http://dicom.nema.org/resources/ontology/DCM": "dcm",
}

_LABORATORY = {"status": "final", "category": ["observation-category#laboratory"]}
_VITAL = {
    "status": "final",
    "category": ["observation-category#vital-signs"],
    "interpretation": ["v3-ObservationInterpretation#N"],
    "effectiveDateTime": "2022-02",
    "encounter": "Encounter/visit",
}
_EXAM = {
    "status": "final",
    "category": ["observation-category#exam"],
    "interpretation": ["v3-ObservationInterpretation#N"],
    "effectiveDateTime": "2022-02",
    "encounter": "Encounter/visit",
}
_SYMPTOM = {
    "status": "final",
    "category": None,
    "code": "loinc#75325-1",
    "effectiveDateTime": "2022-02",
    "encounter": "Encounter/visit",
}
_PROGRESS = {"status": "final", "code": "loinc#75325-1", "effectivePeriod": "2022-02…2022-03"}
_OVER = {
    "clinicalStatus": "condition-clinical#resolved",
    "verificationStatus": "condition-ver-status#confirmed",
    "category": ["condition-category#problem-list-item"],
    "abatementDateTime": "2022-03",
    "encounter": "Encounter/visit",
}
_STOPPED = {
    "status": "stopped",
    "intent": "order",
    "encounter": "Encounter/visit",
    "dosageInstruction": None,
    "authoredOn": None,
    "requester": None,
}

Row = tuple[str, str, dict[str, Any]]

ROWS: tuple[Row, ...] = (
    (
        "DocumentReference",
        "source",
        {"status": "current", "type": "text “Published case report”"},
    ),
    ("Patient", "patient", {"gender": "female", "birthDate": None}),
    (
        "Organization",
        "hospital",
        {"type": ["organization-type#prov"], "name": "Henan Provincial People's Hospital"},
    ),
    ("RelatedPerson", "partner", {"relationship": ["v3-RoleCode#SIGOTHR"]}),
    (
        "Encounter",
        "visit",
        {"status": "finished", "class": "v3-ActCode#AMB", "period": "2022-02…2022-02"},
    ),
    (
        "Encounter",
        "follow-up",
        {
            "status": "finished",
            "class": "v3-ActCode#AMB",
            "type": ["sct#390906007"],
            "period": "2022-03…2022-03",
        },
    ),
    (
        "Observation",
        "age",
        {
            "status": "final",
            "category": ["observation-category#social-history"],
            "code": "loinc#30525-0",
            "valueQuantity": "42 a",
            "effectiveDateTime": "2022-02",
        },
    ),
    (
        "Condition",
        "ida",
        {
            **_OVER,
            "code": "sct#87522002 + icd10#D50.9",
            "evidence": ["Observation/hb-visit"],
        },
    ),
    (
        "Condition",
        "rls",
        {
            **_OVER,
            "code": "sct#32914008 + icd10#G25.8",
            "onsetPeriod": "…2021-02",
            "onsetDateTime": None,
            "evidence": [
                "Observation/symptom-discomfort",
                "Observation/symptom-numbness",
                "Observation/symptom-heaviness",
                "Observation/symptom-sleep",
                "Observation/symptom-fatigue",
                "Observation/hb-visit",
            ],
        },
    ),
    ("Observation", "temperature", {**_VITAL, "code": "loinc#8310-5", "valueQuantity": "36.6 Cel"}),
    ("Observation", "heart-rate", {**_VITAL, "code": "loinc#8867-4", "valueQuantity": "76 /min"}),
    (
        "Observation",
        "respiratory-rate",
        {**_VITAL, "code": "loinc#9279-1", "valueQuantity": "19 /min"},
    ),
    (
        "Observation",
        "blood-pressure",
        {
            **_VITAL,
            "code": "loinc#85354-9",
            "component": ["loinc#8480-6 = 128 mm[Hg]", "loinc#8462-4 = 76 mm[Hg]"],
        },
    ),
    (
        "Observation",
        "hb-visit",
        {
            **_LABORATORY,
            "code": "loinc#718-7",
            "dataAbsentReason": "data-absent-reason#unknown",
            "interpretation": ["v3-ObservationInterpretation#L"],
            "effectiveDateTime": "2022-02",
            "performer": ["Organization/hospital"],
            "encounter": "Encounter/visit",
        },
    ),
    (
        "Observation",
        "hb-follow-up",
        {
            **_LABORATORY,
            "code": "loinc#718-7",
            "dataAbsentReason": "data-absent-reason#unknown",
            "interpretation": ["v3-ObservationInterpretation#N"],
            "effectiveDateTime": "2022-03",
            "performer": ["Organization/hospital"],
            "encounter": "Encounter/follow-up",
        },
    ),
    (
        "Observation",
        "symptom-discomfort",
        {**_SYMPTOM, "valueCodeableConcept": "text “Leg discomfort”"},
    ),
    ("Observation", "symptom-numbness", {**_SYMPTOM, "valueCodeableConcept": "sct#309537005"}),
    ("Observation", "symptom-heaviness", {**_SYMPTOM, "valueCodeableConcept": "sct#161873000"}),
    ("Observation", "symptom-sleep", {**_SYMPTOM, "valueCodeableConcept": "sct#26677001"}),
    ("Observation", "symptom-fatigue", {**_SYMPTOM, "valueCodeableConcept": "sct#84229001"}),
    (
        "Observation",
        "exam-skin",
        {
            **_EXAM,
            "code": "loinc#10206-1",
            "valueString": "No skin abnormalities in the legs",
            "bodySite": "sct#61685007",
        },
    ),
    (
        "Observation",
        "exam-circulation",
        {
            **_EXAM,
            "code": "loinc#10208-7",
            "valueString": "No circulation issues in the legs",
            "bodySite": "sct#61685007",
        },
    ),
    (
        "Observation",
        "exam-strength",
        {**_EXAM, "code": "loinc#10212-9", "valueString": "Muscle strength intact"},
    ),
    (
        "Observation",
        "progress-week-1",
        {
            **_PROGRESS,
            "component": [
                "sct#10601006 = “reduced”",
                "sct#260912008 = “fewer”",
                "sct#162221009 = “some persisted during quiet moments”",
            ],
        },
    ),
    (
        "Observation",
        "progress-week-2",
        {
            **_PROGRESS,
            "component": [
                "sct#309537005 = “nearly disappeared”",
                "sct#27635008 = “nearly disappeared”",
                "text “Ability to fall asleep” = “improved significantly”",
            ],
        },
    ),
    (
        "Observation",
        "progress-partner",
        {
            **_PROGRESS,
            "performer": ["RelatedPerson/partner"],
            "component": ["text “Nighttime leg jerks” = “fewer”"],
        },
    ),
    (
        "Observation",
        "progress-week-3",
        {
            **_PROGRESS,
            "component": [
                "text “Spontaneous leg movements” = “none even during prolonged inactivity”",
                "text “Sleep continuity” = “increased”",
                "text “Daytime energy levels” = “returned to normal”",
            ],
        },
    ),
    (
        "Observation",
        "progress-follow-up",
        {
            "status": "final",
            "code": "loinc#75325-1",
            "effectiveDateTime": "2022-03",
            "encounter": "Encounter/follow-up",
            "component": ["text “RLS symptoms” = “complete resolution”"],
        },
    ),
    (
        "ImagingStudy",
        "ct-brain",
        {
            "status": "available",
            "procedureCode": ["sct#34227000"],
            "modality": ["dcm#CT"],
            "series": None,
            "started": None,
            "encounter": "Encounter/visit",
        },
    ),
    (
        "DiagnosticReport",
        "ct-brain-report",
        {
            "status": "final",
            "category": ["v2-0074#CT"],
            "code": "loinc#24725-4",
            "conclusion": "No structural abnormalities",
            "conclusionCode": ["sct#408573005"],
            "effectiveDateTime": "2022-02",
            "imagingStudy": ["ImagingStudy/ct-brain"],
            "encounter": "Encounter/visit",
        },
    ),
    (
        "DiagnosticReport",
        "blood-visit",
        {
            "status": "final",
            "category": ["v2-0074#LAB"],
            "code": "loinc#11502-2",
            "conclusion": "low hemoglobin levels indicating iron-deficiency anemia",
            "conclusionCode": ["sct#87522002"],
            "effectiveDateTime": "2022-02",
            "result": ["Observation/hb-visit"],
            "encounter": "Encounter/visit",
        },
    ),
    (
        "DiagnosticReport",
        "blood-follow-up",
        {
            "status": "final",
            "category": ["v2-0074#LAB"],
            "code": "loinc#11502-2",
            "conclusion": "hemoglobin levels had normalized",
            "effectiveDateTime": "2022-03",
            "result": ["Observation/hb-follow-up"],
            "encounter": "Encounter/follow-up",
        },
    ),
    (
        "MedicationRequest",
        "ferrous-sulfate",
        {
            **_STOPPED,
            "medicationReference": "#medication",
            "reasonReference": ["Condition/ida"],
        },
    ),
    (
        "MedicationRequest",
        "vitamin-c",
        {
            **_STOPPED,
            "medicationCodeableConcept": "atc#A11GA01 + rxnorm#1151",
            "reasonReference": ["Condition/ida"],
        },
    ),
    (
        # RxNorm 72302 is confirmed by no source, so it stays out; the text stays.
        "MedicationRequest",
        "ropinirole",
        {
            **_STOPPED,
            "medicationCodeableConcept": "atc#N04BC04",
            "reasonReference": ["Condition/rls"],
        },
    ),
    (
        "MedicationRequest",
        "diazepam",
        {
            **_STOPPED,
            "medicationCodeableConcept": "atc#N05BA01 + rxnorm#3322",
            "courseOfTherapyType": "medicationrequest-course-of-therapy#acute",
            "reasonReference": ["Condition/rls"],
        },
    ),
    (
        "Procedure",
        "education",
        {
            "status": "completed",
            "code": "sct#311401005",
            "performedDateTime": "2022-02",
            "encounter": "Encounter/visit",
        },
    ),
    (
        "Goal",
        "correct-anemia",
        {
            "lifecycleStatus": "completed",
            "addresses": ["Condition/ida"],
            "achievementStatus": "goal-achievement#achieved",
        },
    ),
    (
        "Goal",
        "prevent-relapse",
        {"lifecycleStatus": "active", "addresses": ["Condition/rls"], "achievementStatus": None},
    ),
    (
        "CarePlan",
        "treatment",
        {
            "status": "completed",
            "intent": "plan",
            "addresses": ["Condition/rls", "Condition/ida"],
            "encounter": "Encounter/visit",
            "activity": [
                "MedicationRequest/ferrous-sulfate",
                "MedicationRequest/vitamin-c",
                "MedicationRequest/ropinirole",
                "MedicationRequest/diazepam",
                "NOT caffeine",
                "NOT alcohol",
                "NOT tannin-rich beverages like strong tea",
            ],
        },
    ),
    (
        "CarePlan",
        "lifestyle",
        {
            "status": "active",
            "intent": "plan",
            "addresses": ["Condition/rls", "Condition/ida"],
            "encounter": "Encounter/follow-up",
            "activity": [
                "Light stretching or massage after long periods of sitting",
                "Gentle calf massages",
                "Handheld percussive device",
                "Soak feet in warm water before bed",
                "Epsom salts in the foot bath (may ease muscular tension)",
                (
                    "Iron-rich foods: lean red meat, liver, egg yolks, spinach, lentils, "
                    "fortified cereals"
                ),
                "Pair with vitamin C-rich foods: oranges, bell peppers, strawberries",
                (
                    "NOT adjusting dosages or discontinuing prescribed drugs without consulting "
                    "the physician"
                ),
                "Return if symptoms recur",
            ],
        },
    ),
    ("Device", "fhirkit", {}),
    ("Provenance", "conversion", {"activity": "v3-DataOperation#CREATE"}),
)
