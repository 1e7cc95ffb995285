"""Servers for these tests, closed when they end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from raw_server import Raw


@pytest.fixture
def raw() -> Iterator[Raw]:
    server = Raw()
    yield server
    server.close()
