"""The catalogue and the code name the same rules."""

from __future__ import annotations

import re
from pathlib import Path

import fhirkit.validate
from fhirkit import Validator
from fhirkit.validate.catalogue import RULES

SOURCES = Path(fhirkit.validate.__file__).parent
FHIR_ISSUE_TYPES = "http://hl7.org/fhir/ValueSet/issue-type"


def test_every_rule_that_is_written_is_in_the_catalogue_and_the_other_way_round() -> None:
    pattern = re.compile(r'"([a-z]+(?:-[a-z]+)+)"')
    written: set[str] = set()
    for path in [
        *SOURCES.rglob("*.py"),
        SOURCES.parent / "core/jsonio.py",
        SOURCES.parent / "core/tolerant.py",
    ]:
        if path.name != "catalogue.py":
            written |= set(pattern.findall(path.read_text()))
    written |= set(pattern.findall((SOURCES.parent / "core/xmlio.py").read_text()))
    emitted = {rule for rule in written if rule in RULES}
    assert emitted == set(RULES), set(RULES) - emitted
    called = re.compile(r'(?:Finding|_report|_finding|Found|append\(\()\(?\s*"([a-z-]+)"')
    for path in SOURCES.rglob("*.py"):
        for rule in called.findall(path.read_text()):
            assert rule in RULES, f"{path.name}: {rule}"


def test_issue_types_are_codes_of_fhir(validator: Validator) -> None:
    schema = validator._store.value_set(FHIR_ISSUE_TYPES)
    assert schema is not None
    codes = {code for listed in schema.codes.values() for code in listed}
    assert {rule.issue_type for rule in RULES.values()} <= codes


def test_meanings_are_sentences() -> None:
    for rule in RULES.values():
        assert rule.meaning[0].isupper() or rule.meaning.startswith("null"), rule
        assert rule.meaning.endswith("."), rule
