"""What HL7's validator (6.9.4, offline, every URL resolving) said of texts that we made up.

Each line of the files is a text with the places of the errors it told, as it writes them. Where
fhirkit differs, the line says how and why; those are few, and known.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from fhirkit import Validator
from fhirkit.validate import Expressions, Options

HERE = Path(__file__).parent


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (HERE / name).read_text("utf-8").splitlines()]


CASES = [case for path in sorted(HERE.glob("*.ndjson")) for case in lines(path.name)]


@pytest.fixture(scope="module")
def validator() -> Validator:
    return Validator(options=Options(expressions=Expressions.HL7))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"][:60])
def test_places_are_those_of_hl7(validator: Validator, case: dict[str, Any]) -> None:
    text = case["text"].encode() if "text" in case else base64.b64decode(case["base64"])
    found = Counter(issue.expression for issue in validator.validate(text).errors)
    assert found == Counter(case.get("ours", case["hl7"]))


def test_differences_are_few_and_have_their_reason() -> None:
    differing = [case for case in CASES if "ours" in case]
    assert len(CASES) > 450
    assert len(differing) <= 0.15 * len(CASES)
    assert all(case["why"] and Counter(case["ours"]) != Counter(case["hl7"]) for case in differing)
    verdicts = [case for case in differing if bool(case["ours"]) != bool(case["hl7"])]
    assert len(verdicts) <= 0.07 * len(CASES)


def test_documents_are_told_as_hl7_tells_them() -> None:
    assert not [case["name"] for case in lines("bundles.ndjson") if "ours" in case]
