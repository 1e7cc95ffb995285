"""One validator for all tests: it learns the definitions once."""

from __future__ import annotations

import pytest

from fhirkit import Validator


@pytest.fixture(scope="session")
def validator() -> Validator:
    return Validator()
