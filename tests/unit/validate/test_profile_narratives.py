"""Narratives that a profile holds to their sources and languages."""

from __future__ import annotations

from typing import Any

import pytest
from samples import XHTML

from fhirkit import Validator

PROFILE = "http://example.org/StructureDefinition/held"
CONTROL = "http://hl7.org/fhir/StructureDefinition/narrative-{}-control"


def rules(control: str, code: str, inner: str, **more: Any) -> list[str]:
    """What is found in the narrative of a Patient that a profile controls."""
    element = {"id": "Patient.text", "path": "Patient.text",
               "extension": [{"url": CONTROL.format(control), "valueCode": code}]}  # fmt: skip
    profile = {
        "resourceType": "StructureDefinition", "url": PROFILE, "name": "Held", "status": "draft",
        "kind": "resource", "abstract": False, "type": "Patient", "derivation": "constraint",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",
        "differential": {"element": [element]},
    }  # fmt: skip
    text = {"status": "generated", "div": f"<div {XHTML}>{inner}</div>"}
    patient = {"resourceType": "Patient", "text": text, **more}
    found = Validator([profile]).validate(patient, [PROFILE])
    return [one.rule for one in found if one.rule.startswith("narrative-")]


@pytest.mark.parametrize(
    ("inner", "count"),
    [
        ("<p class='generated x'>a</p><p class='original'>b</p>", 0),
        ("<p class='boilerplate'>a</p><p> </p>", 0),
        ("<p>a</p><p class='other'>b</p>", 2),
        ("a<p class='original'>b</p>c", 2),
    ],
)
def test_each_part_says_where_it_is_from(inner: str, count: int) -> None:
    assert rules("source", "error", inner) == ["narrative-source"] * count


EN = "<div xml:lang='en' lang='en'>a</div>"
DE = "<div xml:lang='de' lang='de'>a</div>"


@pytest.mark.parametrize(
    ("code", "inner", "language", "expected"),
    [
        ("_no", "a", None, []),
        ("_no", EN, None, ["narrative-language"]),
        ("_yes", EN, None, []),
        ("_yes", "a", None, ["narrative-language"]),
        ("_resource", EN + DE, "de", []),
        ("_resource", EN, "de", ["narrative-language"]),
        ("_resource", "a", "de", ["narrative-language-advised"]),
        ("_resource", EN, None, ["narrative-language-advised"]),
        ("en", EN, None, []),
        ("en", DE, None, ["narrative-language"]),
        ("en", "a", None, ["narrative-language-advised"]),
    ],
)
def test_parts_are_in_the_languages_asked_for(
    code: str, inner: str, language: str | None, expected: list[str]
) -> None:
    more = {"language": language} if language else {}
    assert rules("language", code, inner, **more) == expected


def test_an_unreadable_narrative_is_told_by_its_own_rule() -> None:
    found = rules("source", "error", "<p>a")
    assert "narrative-xhtml" in found
    assert "narrative-source" not in found
