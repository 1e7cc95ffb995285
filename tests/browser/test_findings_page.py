"""The page of findings in a real browser: filters, keyboard, narrow and dark, and no request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fhirkit.core.issues import Issue, Outcome, Severity
from fhirkit.report.formats import FileOutcome, Settings, format_named

pytestmark = pytest.mark.browser

HOSTILE = "</script><script>window.hacked=1</script><img src=https://evil.test/x onerror=hacked=1>"
ISSUES = (
    Issue(Severity.ERROR, "rule-one", "first", "Patient.name[0]", line=3, column=4),
    Issue(Severity.ERROR, "rule-two", HOSTILE, "Patient.gender", advice="mend it"),
    Issue(Severity.WARNING, "rule-one", "second", "Patient.name[1]"),
    Issue(Severity.INFORMATION, "rule-three", "third"),
)

Open = Callable[..., Any]


def page(*findings: FileOutcome) -> str:
    form = format_named("html", Settings(meanings={"rule-one": "The first rule."}, version="1.0"))
    parts = [form.add(one) for one in findings]
    return "".join([*parts, form.end()])


@pytest.fixture
def opened(chromium: Any, tmp_path: Path) -> Iterator[Open]:
    """Open a page from the file system; at the end it has asked for and complained of nothing."""
    contexts: list[Any] = []
    requests: list[str] = []
    complaints: list[str] = []

    def open_page(*, width: int = 1280, scheme: str = "light") -> Any:
        path = tmp_path / f"findings {len(contexts)}.html"
        path.write_text(page(FileOutcome(f"{HOSTILE}.json", Outcome(ISSUES))))
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme
        )
        contexts.append(context)
        tab = context.new_page()
        tab.on("request", lambda request: requests.append(request.url))
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.goto(path.as_uri())
        return tab

    yield open_page
    assert all(url.startswith("file:") for url in requests), requests
    assert complaints == []
    for context in contexts:
        context.close()


def shown(tab: Any) -> list[str]:
    rows = tab.locator("#rows tr:visible")
    return [rows.nth(n).get_attribute("data-rule") for n in range(rows.count())]


def test_filters_by_severity_rule_and_text(opened: Open) -> None:
    tab = opened()
    assert shown(tab) == ["rule-one", "rule-two", "rule-one", "rule-three"]
    tab.get_by_label("error (2)").uncheck()
    assert shown(tab) == ["rule-one", "rule-three"]
    tab.get_by_label("error (2)").check()
    tab.get_by_role("button", name="rule-one").click()
    assert shown(tab) == ["rule-one", "rule-one"]
    assert tab.locator("#shown").text_content() == "2 of 4 shown"
    tab.locator("select[name=rule]").select_option("")
    tab.locator("input[name=text]").fill("THIRD")
    assert shown(tab) == ["rule-three"]
    tab.locator("input[name=text]").fill("nowhere")
    assert shown(tab) == []
    assert tab.get_by_text("No finding fits these filters.").is_visible()


def test_no_text_of_a_finding_runs(opened: Open) -> None:
    tab = opened()
    assert tab.evaluate("window.hacked") is None
    assert tab.locator("img").count() == 0


def test_the_keyboard_reaches_the_filters(opened: Open) -> None:
    tab = opened()
    for _ in range(30):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.name") == "text":
            break
    tab.keyboard.type("second")
    assert shown(tab) == ["rule-one"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 768, 1440])
def test_nothing_sticks_out(opened: Open, width: int, scheme: str) -> None:
    tab = opened(width=width, scheme=scheme)
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_without_a_script_everything_is_there(chromium: Any, tmp_path: Path) -> None:
    path = tmp_path / "plain.html"
    path.write_text(page(FileOutcome("a.json", Outcome(ISSUES))))
    context = chromium.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(path.as_uri())
    assert tab.locator("#rows tr:visible").count() == 4
    assert not tab.locator("#filters").is_visible()
    context.close()
