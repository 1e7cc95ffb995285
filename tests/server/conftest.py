"""One real HAPI FHIR server for all tests of this folder, started once a session."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fhirkit import server
from fhirkit.core.errors import UsageError
from fhirkit.server.tools import find_java, find_maven, require_compiler

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.server)
            # The first start of all downloads the server.
            item.add_marker(pytest.mark.timeout(1800))
            if config.pluginmanager.hasplugin("xdist"):
                item.add_marker(pytest.mark.xdist_group("server"))


@pytest.fixture(scope="session")
def java_and_maven() -> None:
    """Skips where the server cannot be built; with FHIRKIT_REQUIRE_SERVER=1 that is a failure."""
    try:
        java = find_java(os.environ)
        find_maven(os.environ)
        require_compiler(java)
    except UsageError as missing:
        reason = f"no real HAPI FHIR server here: {missing.message}; {missing.advice}"
        if os.environ.get("FHIRKIT_REQUIRE_SERVER") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


@pytest.fixture(scope="session")
def hapi(
    java_and_maven: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[server.ServerInfo]:
    """A real server in memory; ``hapi.url`` is its base URL. It ends with the session."""
    home = tmp_path_factory.mktemp("hapi")
    info = server.start(
        port=0, memory=True, attached=True, timeout=600, home=home, environment=os.environ
    )
    yield info
    server.stop(info, home=home)
