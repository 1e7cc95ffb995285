"""The contract on the real HAPI, and that the chaos server's profile of it is like it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests/contract"))

from contract import *  # noqa: E402, F403  # the tests themselves
from contract import There  # noqa: E402  # its folder is on the path since the line above

from fhirkit.chaos import PROFILES, ChaosServer  # noqa: E402
from fhirkit.remote import Client  # noqa: E402
from fhirkit.remote.probe import probe  # noqa: E402
from fhirkit.remote.probed import Probed  # noqa: E402

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def there(hapi: Any) -> There:
    return There(hapi.url, {"client_ids": True, "transaction": True, "transaction_atomic": True})


def test_the_profile_of_the_chaos_server_is_like_the_real_one(probed: Probed) -> None:
    server = ChaosServer(PROFILES["hapi"].changed({}))
    try:
        profile = msgspec.to_builtins(probe(Client(server.url)))
    finally:
        server.close()
    real = msgspec.to_builtins(probed)
    other = {"url", "at", "software"}
    assert {name: one for name, one in profile.items() if name not in other} == {
        name: one for name, one in real.items() if name not in other
    }
