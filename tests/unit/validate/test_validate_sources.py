"""What can be validated, and how it is told apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from samples import PATIENT

from fhirkit import Validator
from fhirkit.core.errors import UsageError

BROKEN = {"resourceType": "Patient", "gender": "x"}
TEXT = '{\n  "resourceType": "Patient",\n  "gender": "x"\n}'


def test_every_kind_of_source_gives_the_same_issues(validator: Validator, tmp_path: Path) -> None:
    path = tmp_path / "patient.json"
    path.write_text(TEXT)
    sources = [BROKEN, TEXT, TEXT.encode(), path, str(path)]
    found = {
        tuple((issue.rule, issue.expression) for issue in validator.validate(source))
        for source in sources
    }
    assert found == {(("binding-required", "Patient.gender"), ("code-not-found", "Patient.gender"))}


def test_a_text_knows_its_places(validator: Validator, tmp_path: Path) -> None:
    path = tmp_path / "patient.json"
    path.write_text(TEXT)
    issue = validator.validate(path).issues[0]
    assert (issue.file, issue.line, issue.column) == (str(path), 3, 3)
    assert validator.validate(BROKEN).issues[0].line is None


def test_models_are_validated(validator: Validator) -> None:
    from fhir.resources.R4B.observation import Observation
    from fhir.resources.R4B.patient import Patient

    text = json.dumps({**PATIENT, "photo": [{"contentType": "image/png", "data": "AAAA"}]})
    assert validator.validate(Patient.model_validate_json(text)).issues == ()
    observation = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "x"},
        "effectiveDateTime": "2024-03-01T10:00:00+01:00",
        "valueTime": "10:00:00",
        "referenceRange": [{"low": {"value": 1.50}}],
    }
    model = Observation.model_validate_json(json.dumps(observation))
    assert validator.validate(model).issues == ()


@pytest.mark.parametrize("source", [None, 1, [], object()])
def test_other_things_are_refused(validator: Validator, source: Any) -> None:
    with pytest.raises(UsageError):
        validator.validate(source)


def test_a_missing_file_is_a_usage_error(validator: Validator) -> None:
    with pytest.raises(UsageError, match="no such file"):
        validator.validate("no/such/file.json")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("{", "json-syntax"),
        ('{"resourceType": "Patient",}', "json-comma"),
        ('{"resourceType": "Patient" "id": "a"}', "json-comma"),
        ('{resourceType: "Patient"}', "json-quotes"),
        ('{"resourceType": "Patient"} // now', "json-comment"),
        ('{"resourceType": "Patient", "name": [{"text": "a\tb"}]}', "json-string"),
        ('{"resourceType": "Patient"} {}', "json-syntax"),
        ('{"resourceType": "Patient", "resourceType": "Patient"}', "json-duplicate-key"),
        ('{"resourceType": "Patient", "\\u0069d": "a", "id": "b"}', "json-duplicate-key"),
        ('{"resourceType": "Patient", "multipleBirthInteger": 01}', "json-number"),
        ("[]", "resource-missing"),
        ("{}", "resource-type-missing"),
        ('{"resourceType":"Patient","extension":' + "[" * 300, "too-deep"),
        ("<Patient", "xml-syntax"),
    ],
)
def test_texts_that_are_no_resource(validator: Validator, text: str, rule: str) -> None:
    outcome = validator.validate(text)
    assert [issue.rule for issue in outcome] == [rule]
    assert not outcome.valid


@pytest.mark.parametrize("data", [b"", b" \n", b"null", b"1", b'"x"', "{}".encode("utf-16")])
def test_bytes_that_are_no_resource(validator: Validator, data: bytes) -> None:
    assert not validator.validate(data).valid


def test_ndjson_in_a_json_file_is_named(validator: Validator) -> None:
    two = b'{"resourceType":"Patient"}\n{"resourceType":"Patient"}\n'
    issue = validator.validate(two).issues[0]
    assert issue.rule == "json-syntax"
    assert "NDJSON" in (issue.advice or "")


def test_the_outcome_is_an_operation_outcome(validator: Validator) -> None:
    outcome = validator.validate(BROKEN).to_operation_outcome()
    assert validator.validate(outcome).valid
    assert outcome["issue"][0]["expression"] == ["Patient.gender"]
