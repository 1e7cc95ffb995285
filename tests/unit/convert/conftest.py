"""The example case, converted once."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from convert_cases import RLS, Resources

from fhirkit.convert import convert_case


@pytest.fixture(scope="session")
def _rls_collection() -> dict[str, Any]:
    bundle = convert_case(RLS, "collection").output
    assert isinstance(bundle, dict)
    return bundle


@pytest.fixture
def rls(_rls_collection: dict[str, Any]) -> Resources:
    return Resources(copy.deepcopy(_rls_collection), "rls-ida")


@pytest.fixture(scope="session")
def rls_at_visit() -> Resources:
    bundle = convert_case(RLS, "collection", as_of="visit").output
    assert isinstance(bundle, dict)
    return Resources(bundle, "rls-ida")
