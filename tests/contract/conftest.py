"""The contract on a server elsewhere runs only where one is named."""

from __future__ import annotations

import os

collect_ignore = [] if os.environ.get("FHIRKIT_CONTRACT_URL") else ["test_contract_elsewhere.py"]
