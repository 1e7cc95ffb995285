"""One rule: its severity, its issue type and what it means in one line."""

from __future__ import annotations

from typing import NamedTuple

from fhirkit.core.issues import Severity


class Rule(NamedTuple):
    """One rule. ``incomplete`` marks what could not be checked, rather than what is wrong."""

    id: str
    severity: Severity
    issue_type: str
    meaning: str
    incomplete: bool = False
