"""One validator for all damage: what it learns about the definitions it keeps."""

from __future__ import annotations

import pytest

from fhirkit import Validator


@pytest.fixture(scope="session")
def validator() -> Validator:
    return Validator()
