"""The contract on every profile of the chaos server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from contract import *  # noqa: F403  # the tests themselves
from contract import There

from fhirkit.chaos import PROFILES, ChaosServer


@pytest.fixture(scope="module", params=list(PROFILES))
def there(request: pytest.FixtureRequest) -> Iterator[There]:
    behaviour = PROFILES[request.param]
    server = ChaosServer(behaviour.changed({}))
    yield There(
        server.url,
        {
            "client_ids": behaviour.client_ids in ("any", "not-numeric"),
            "transaction": True,
            "export": behaviour.export,
            "deleted_status": behaviour.deleted_status,
            "system_history": behaviour.system_history,
        },
    )
    server.close()
