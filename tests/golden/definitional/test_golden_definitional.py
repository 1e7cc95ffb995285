"""Definitional resources, made up, good and damaged: what is wrong with each, and where.

Each file holds groups of cases with the definitions they need. HL7's own validator finds errors at
the same places in every one of them. ``FHIRKIT_APPROVE=1`` rewrites the expected errors.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from fhirkit import Validator

FILES = sorted(Path(__file__).parent.glob("*.json"))


def errors(validator: Validator, resource: dict[str, Any]) -> list[list[str]]:
    return [[one.rule, one.expression] for one in validator.validate(resource) if one.is_error]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_is_wrong_and_where(path: Path) -> None:
    groups = json.loads(path.read_text(encoding="utf-8"))
    for group in groups:
        validator = Validator(group["definitions"])
        found = {case["name"]: errors(validator, case["resource"]) for case in group["cases"]}
        if os.environ.get("FHIRKIT_APPROVE") and not os.environ.get("CI"):
            for case in group["cases"]:
                case["errors"] = found[case["name"]]
        assert found == {case["name"]: case["errors"] for case in group["cases"]}
        assert len(found) == len(group["cases"]), "two cases have one name"
    if os.environ.get("FHIRKIT_APPROVE") and not os.environ.get("CI"):
        path.write_text(_written(groups), encoding="utf-8")


def test_there_are_good_ones_and_bad_ones_in_every_file() -> None:
    for path in FILES:
        cases = [case for group in json.loads(path.read_text()) for case in group["cases"]]
        assert any(case["errors"] for case in cases), path.name
        assert any(not case["errors"] for case in cases), path.name


def _written(groups: list[dict[str, Any]]) -> str:
    """One line a definition and a case, so that a difference shows which one it is."""
    parts = []
    for group in groups:
        definitions, cases = (
            ",\n".join(f"      {json.dumps(one, ensure_ascii=False)}" for one in group[name])
            for name in ("definitions", "cases")
        )
        inner = f"\n{definitions}\n    " if definitions else ""
        parts.append(f'  {{\n    "definitions": [{inner}],\n    "cases": [\n{cases}\n    ]\n  }}')
    return "[\n" + ",\n".join(parts) + "\n]\n"
