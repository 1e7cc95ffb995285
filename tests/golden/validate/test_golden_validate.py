"""The text of issues, side by side with the resource: a change of wording is seen and meant.

``FHIRKIT_APPROVE=1`` writes the expected files anew; look at the difference before committing.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fhirkit import Validator
from fhirkit.core.issues import Issue

HERE = Path(__file__).parent
CASES = sorted(path for path in HERE.iterdir() if path.is_dir() and path.name != "__pycache__")


def _own(issue: Issue) -> str:
    """The message without the sentence that the definitions say, which is not ours to repeat."""
    key, colon, _ = issue.message.partition(": ")
    return f"{key}{colon}…" if issue.rule.startswith("constraint-") else issue.message


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_issues(case: Path) -> None:
    (resource,) = case.glob("resource.*")
    outcome = Validator().validate(resource.read_bytes(), file=resource.name)
    lines = [
        f"{issue.place} {issue.severity} {issue.rule} {issue.expression}\n    {_own(issue)}\n"
        for issue in outcome
    ]
    expected = case / "expected.txt"
    if os.environ.get("FHIRKIT_APPROVE") and not os.environ.get("CI"):
        expected.write_text("".join(lines))
    assert "".join(lines) == expected.read_text()
