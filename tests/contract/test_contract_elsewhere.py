"""The contract on a server that runs already; `scripts/helios` starts one and comes here."""

from __future__ import annotations

import json
import os

import pytest
from contract import *  # noqa: F403  # the tests themselves
from contract import There

URL = os.environ.get("FHIRKIT_CONTRACT_URL")


@pytest.fixture(scope="module")
def there() -> There:
    expected = os.environ.get("FHIRKIT_CONTRACT_EXPECTED", "{}")
    return There(URL or "", json.loads(expected))
