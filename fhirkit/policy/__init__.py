"""Which issues count: a project's configuration, selection of rules, suppressions, baseline."""

from __future__ import annotations

from fhirkit.policy.baseline import Baseline
from fhirkit.policy.config import Config, find_config, read_config
from fhirkit.policy.policy import Policy

__all__ = ["Baseline", "Config", "Policy", "find_config", "read_config"]
