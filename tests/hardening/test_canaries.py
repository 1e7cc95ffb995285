"""No value of a record leaves by way of an issue: canaries in every text, every rule's example.

Canonicals (url, system, profile and the like) are named in issues: they say which definition is
missing, and identify no one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fhirkit import Outcome, Validator, loads
from fhirkit.core.errors import FhirkitError
from fhirkit.core.jsonio import dumps
from fhirkit.report.formats import FORMATS, FileOutcome, Settings, format_named
from fhirkit.validate.catalogue import RULES
from fhirkit.validate.explanation import Explanation, explanation
from fhirkit.validate.options import Options

CANARY = "Zq7Canary"
#: Definitions are no records of people, and what is wrong with one has to be named.
DEFINITIONS = frozenset(
    {"StructureDefinition", "ValueSet", "CodeSystem", "ConceptMap", "SearchParameter",
     "OperationDefinition", "CapabilityStatement", "Measure", "Questionnaire", "NamingSystem",
     "StructureMap"}
)  # fmt: skip
#: Properties whose values are names of definitions, not of people.
NAMED = frozenset(
    {"resourceType", "url", "system", "profile", "valueSet", "questionnaire", "canonical",
     "valueUri", "valueCanonical", "instantiatesCanonical", "type", "path", "base", "measure",
     "xmlns"}
)  # fmt: skip


def records() -> Iterator[tuple[str, Explanation, Any]]:
    """The failing example of every rule that is JSON."""
    for rule in RULES:
        found = explanation(rule)
        if found is None or found.failing_encoding != "utf-8" or len(found.failing_bytes()) > 9999:
            continue
        try:
            record = loads(found.failing_bytes())
        except FhirkitError:
            continue
        if isinstance(record, dict) and record.get("resourceType") not in DEFINITIONS:
            yield rule, found, record


RECORDS = [pytest.param(found, record, id=rule) for rule, found, record in records()]


def planted(value: Any, path: tuple[Any, ...] | None, here: tuple[Any, ...] = ()) -> Any:
    """The value with the canary behind the text at ``path``, or behind every text."""
    if isinstance(value, dict):
        return {
            key: part if key in NAMED else planted(part, path, (*here, key))
            for key, part in value.items()
        }
    if isinstance(value, list):
        return [planted(part, path, (*here, index)) for index, part in enumerate(value)]
    if isinstance(value, str) and path in (None, here):
        return f"{value}{CANARY}"
    return value


def texts(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each text that a canary can be planted in."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key not in NAMED:
                yield from texts(part, (*here, key))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from texts(part, (*here, index))
    elif isinstance(value, str):
        yield here


def outcomes(found: Explanation, record: Any) -> Iterator[tuple[str, Outcome]]:
    """The record as text with canaries, all at once and one by one, and what is found in it."""
    validator = Validator(map(loads, found.definitions), options=Options(**found.options))
    for path in (None, *texts(record)):
        text = dumps(planted(record, path))
        yield text, validator.validate(text.encode(), file="record.json")


@pytest.mark.parametrize(("found", "record"), RECORDS)
def test_no_issue_quotes_a_record(found: Explanation, record: Any) -> None:
    for _, outcome in outcomes(found, record):
        for issue in outcome:
            said = (issue.message, issue.expression, issue.advice or "")
            assert not any(CANARY in part for part in said), issue


@pytest.mark.parametrize("name", FORMATS)
def test_no_report_quotes_a_record(name: str) -> None:
    form = format_named(name, Settings())
    written: list[str] = []
    for _, found, record in list(records())[::5]:
        for text, outcome in outcomes(found, record):
            one = FileOutcome("record.json", outcome, data=text.encode())
            written.append(form.add(one))
    written.append(form.end())
    report = "".join(written)
    assert CANARY not in report
    assert "record.json" in report


def test_the_canaries_are_there_to_be_found() -> None:
    assert len(RECORDS) > 60
    planted_texts = [text for _, found, record in records() for text, _ in outcomes(found, record)]
    assert sum(CANARY in text for text in planted_texts) > 200
