"""Times as servers write them."""

from __future__ import annotations

from typing import Any

import pytest

from fhirkit.remote.instant import utc


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000000+00:00"),
        ("2026-01-01T02:00:00.5+02:00", "2026-01-01T00:00:00.500000+00:00"),
        ("2025-12-31T19:00:00.1234567-05:00", "2026-01-01T00:00:00.123456+00:00"),
    ],
)
def test_one_spelling(text: str, same: str) -> None:
    assert utc(text) == same


@pytest.mark.parametrize(
    "text",
    [
        None, 7, "", "now", "2026", "2026-01-01", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z",
        "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00",
    ],
)  # fmt: skip
def test_what_is_no_time(text: Any) -> None:
    assert utc(text) is None
