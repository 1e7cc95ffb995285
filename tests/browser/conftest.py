"""A real headless Chromium for the case page; skipped without one, unless one is demanded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

_PLACES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def _missing(why: str) -> None:
    if os.environ.get("FHIRKIT_REQUIRE_BROWSER") == "1":
        pytest.fail(f"{why}, and FHIRKIT_REQUIRE_BROWSER=1 demands a browser")
    pytest.skip(f"{why}: the page is not tried in a browser")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The browser, one for all tests."""
    program = next((found for name in _PLACES if (found := shutil.which(name))), None)
    if program is None:
        _missing("no Chromium on PATH")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("the Python package playwright is not installed")
    quiet = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]  # fmt: skip
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=quiet)
        yield browser
        browser.close()
