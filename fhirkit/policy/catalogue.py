"""What a project's own settings give rise to: rules about the configuration, not about records."""

from __future__ import annotations

from typing import NamedTuple

from fhirkit.core.issues import Severity


class Rule(NamedTuple):
    """One rule: its stable id, what it means and what to do."""

    id: str
    severity: Severity
    issue_type: str
    meaning: str
    cure: str


SUPPRESSION_UNUSED = Rule(
    "suppression-unused",
    Severity.WARNING,
    "informational",
    "A suppression of the configuration silences nothing.",
    "Take it out.",
)
SUPPRESSION_EXPIRED = Rule(
    "suppression-expired",
    Severity.WARNING,
    "expired",
    "A suppression's last day is over, so it silences nothing any more.",
    "Mend the findings, or renew it with a new day and reason.",
)
BASELINE_STALE = Rule(
    "baseline-stale",
    Severity.INFORMATION,
    "informational",
    "Findings of the baseline are gone.",
    "Run `fhirkit baseline` again, so that they cannot come back unseen.",
)

#: Rule id → rule.
CATALOGUE = {rule.id: rule for rule in (SUPPRESSION_UNUSED, SUPPRESSION_EXPIRED, BASELINE_STALE)}
