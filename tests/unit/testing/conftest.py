"""A validator for all tests of a module: what it learns about the definitions it keeps."""

from __future__ import annotations

import pytest

from fhirkit import Validator


@pytest.fixture(scope="module")
def validator() -> Validator:
    return Validator()
