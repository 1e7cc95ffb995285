"""Profiles by their differentials, instances for each, and HL7's verdict on them.

``verdicts.json`` holds one set a line: definitions of our own making, the profile that is asked
for (or none), and instances with the verdict that HL7's validator 6.9.4, offline, gave on them
(2026-11-26). ``@narrative`` stands for a narrative. Whatever changes here is judged otherwise than
HL7 judges it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fhirkit import Validator
from fhirkit.core.jsonio import loads

NARRATIVE = {
    "status": "generated",
    "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>',
}
SETS = loads((Path(__file__).parent / "verdicts.json").read_bytes())


def completed(value: Any) -> Any:
    """The value with its narratives."""
    if value == "@narrative":
        return NARRATIVE
    if isinstance(value, dict):
        return {key: completed(part) for key, part in value.items()}
    return [completed(part) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize("one", SETS, ids=[one["name"] for one in SETS])
def test_the_verdict_is_that_of_hl7(one: dict[str, Any]) -> None:
    kinds = {"resourceType": "StructureDefinition", "fhirVersion": "4.0.1"}
    validator = Validator([kinds | definition for definition in one["definitions"]])
    profiles = [one["profile"]] if one["profile"] else []
    for name, instance in one["instances"].items():
        outcome = validator.validate(completed(instance["resource"]), profiles)
        errors = [issue for issue in outcome if issue.is_error]
        assert (not errors) == instance["valid"], (name, errors)


def test_both_verdicts_occur() -> None:
    verdicts = [instance["valid"] for one in SETS for instance in one["instances"].values()]
    assert len(verdicts) > 400
    assert 0.3 < sum(verdicts) / len(verdicts) < 0.7
