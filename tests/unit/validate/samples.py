"""Valid resources of our own making, for tests to break."""

from __future__ import annotations

from typing import Any

XHTML = 'xmlns="http://www.w3.org/1999/xhtml"'

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "sample-1",
    "meta": {"lastUpdated": "2024-02-29T12:30:00.5+01:00", "tag": [{"code": "test"}]},
    "text": {"status": "generated", "div": f"<div {XHTML}><p>A <b>sample</b></p></div>"},
    "contained": [{"resourceType": "Organization", "id": "org", "name": "Clinic"}],
    "extension": [{"url": "http://example.org/fhir/one", "valueDecimal": 1}],
    "identifier": [{"use": "official", "system": "urn:oid:2.999.1.2", "value": "17"}],
    "active": True,
    "name": [
        {
            "use": "official",
            "family": "Sample",
            "given": ["Ann", None],
            "_given": [
                None,
                {"extension": [{"url": "http://example.org/x", "valueCode": "masked"}]},
            ],
        }
    ],
    "gender": "female",
    "birthDate": "1980-02-28",
    "_birthDate": {
        "extension": [{"url": "http://example.org/y", "valueDateTime": "1980-02-28T10:00:00Z"}]
    },
    "multipleBirthInteger": 2,
    "managingOrganization": {"reference": "#org", "type": "Organization"},
    "link": [{"other": {"reference": "Patient/other"}, "type": "seealso"}],
}

OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "2276-4"}], "text": "Ferritin"},
    "subject": {"reference": "Patient/sample-1"},
    "effectiveDateTime": "2024-03-01",
    "valueQuantity": {"value": 8, "comparator": "<", "unit": "ug/L"},
    "referenceRange": [{"low": {"value": 15}, "high": {"value": 150}}],
    "component": [{"code": {"text": "part"}, "valueString": "x"}],
}

QUESTIONNAIRE: dict[str, Any] = {
    "resourceType": "Questionnaire",
    "status": "draft",
    "item": [
        {
            "linkId": "1",
            "type": "group",
            "item": [{"linkId": "1.1", "type": "boolean", "initial": [{"valueBoolean": True}]}],
        }
    ],
}

_PATIENT_URL = "urn:uuid:0b0c4b5e-7a52-4f0e-9c80-1d5c8e6a0001"
_OBSERVATION_URL = "urn:uuid:0b0c4b5e-7a52-4f0e-9c80-1d5c8e6a0002"

BUNDLE: dict[str, Any] = {
    "resourceType": "Bundle",
    "type": "transaction",
    "entry": [
        {
            "fullUrl": _PATIENT_URL,
            "resource": {"resourceType": "Patient", "gender": "male"},
            "request": {"method": "POST", "url": "Patient"},
        },
        {
            "fullUrl": _OBSERVATION_URL,
            "resource": {**OBSERVATION, "subject": {"reference": _PATIENT_URL}},
            "request": {"method": "POST", "url": "Observation"},
        },
    ],
}

ALL = {"patient": PATIENT, "observation": OBSERVATION, "items": QUESTIONNAIRE, "bundle": BUNDLE}
