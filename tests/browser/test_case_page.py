"""The case page in a real browser: read, clicked, typed at, seen wide, narrow, light and dark."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fhirkit.core.issues import Issue, Outcome, Severity
from fhirkit.core.jsonio import loads
from fhirkit.report.page import render

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
GOUT = (ROOT / "tests/unit/report/gout.json").read_bytes()
WIDE, NARROW = (1440, 900), (375, 812)
FINDING = Issue(Severity.ERROR, "made-up", "a finding", "Bundle.entry[6].resource.code")
HOSTILE = "</script><script>window.hacked=1</script><img src=https://evil.test/x onerror=hacked=1>"

Open = Callable[..., Any]


class Watched:
    """A tab with all it requested and all it complained of."""

    def __init__(self, tab: Any) -> None:
        self.tab = tab
        self.requests: list[str] = []
        self.complaints: list[str] = []
        tab.on("request", lambda request: self.requests.append(request.url))
        tab.on("console", lambda message: self.complaints.append(message.text))
        tab.on("pageerror", lambda error: self.complaints.append(str(error)))


@pytest.fixture
def opened(chromium: Any, tmp_path: Path) -> Iterator[Open]:
    """Open a page's text from the file system; at the end it has asked and complained nothing."""
    watched: list[tuple[Watched, str]] = []
    contexts = []

    def open_page(
        text: str = "", size: tuple[int, int] = WIDE, scheme: str = "light", **more: Any
    ) -> Any:
        path = tmp_path / f"page {len(watched)} ü.html"
        path.write_text(text or render(loads(GOUT), Outcome.of([FINDING])))
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            reduced_motion="reduce",
            **more,
        )
        contexts.append(context)
        seen = Watched(context.new_page())
        watched.append((seen, path.as_uri()))
        seen.tab.goto(path.as_uri())
        return seen.tab

    yield open_page
    for context in contexts:
        context.close()
    for seen, address in watched:
        assert seen.complaints == []
        assert {url.partition("#")[0] for url in seen.requests} == {address}


def overflow(tab: Any) -> int:
    return int(tab.evaluate("document.documentElement.scrollWidth - innerWidth"))


def in_view(tab: Any, selector: str) -> bool:
    """Whether the element's middle is what a click there would hit."""
    return bool(
        tab.eval_on_selector(
            selector,
            """e => { const b = e.getClientRects()[0], x = b.left + b.width / 2,
                y = b.top + b.height / 2, hit = document.elementFromPoint(x, y);
                return !!hit && hit !== document.body && (e.contains(hit) || hit.contains(e)); }""",
        )
    )


def test_a_fact_leads_to_its_sentence_and_back(opened: Open) -> None:
    tab = opened()
    link = tab.locator("#r6 .meta a.quote").first
    link.click()
    lit = tab.locator("#source .part.lit")
    assert lit.all_inner_texts() == ["Pain in the right big toe on and off for over two years"]
    assert in_view(tab, "#source .part.lit")
    assert lit.first.evaluate("e => e === document.activeElement")
    tab.keyboard.press("Escape")
    assert link.evaluate("e => e === document.activeElement")


def test_a_sentence_leads_to_its_facts(opened: Open) -> None:
    tab = opened()
    part = tab.locator("a.part", has_text="uric acid was back to normal")
    part.click()
    cards = tab.locator(".card.lit")
    assert cards.count() == 2
    first = tab.evaluate("document.activeElement.id")
    part.click()
    second = tab.evaluate("document.activeElement.id")
    assert {first, second} == {"r6", "r12"}


def test_a_value_in_a_chart_leads_to_its_sentence(opened: Open) -> None:
    tab = opened()
    panel = tab.locator("figure", has_text="Uric acid")
    assert "value not reported" in panel.inner_text()
    panel.locator("a.quote").last.click()
    assert tab.locator(".part.lit").inner_text() == "Uric acid was high; the value is not given."


def test_the_fhir_is_one_click_away(opened: Open) -> None:
    tab = opened()
    card = tab.locator("#r8")
    assert not card.locator("pre").is_visible()
    card.locator("summary", has_text="FHIR").click()
    shown = card.locator("pre").inner_text()
    assert loads(shown) == loads(GOUT)["entry"][8]["resource"]
    assert '"value": 36.70' in shown
    assert card.locator("pre .n").count() > 0
    card.locator('pre a[href="#r1"]').first.click()
    assert tab.evaluate("location.hash") == "#r1"


def test_a_finding_stands_in_its_card(opened: Open) -> None:
    tab = opened()
    assert tab.locator("#r6 .finding.error").is_visible()
    tab.locator("a.verdict").click()
    tab.locator("#findings a", has_text="Gout").click()
    assert tab.evaluate("location.hash") == "#r6"


def test_the_theme_follows_the_system_until_it_is_chosen(opened: Open) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    light, dark = opened(), opened(scheme="dark")
    assert light.evaluate(paper) != dark.evaluate(paper)
    before = light.evaluate(paper)
    light.locator("#theme").click()
    assert light.evaluate(paper) == dark.evaluate(paper)
    light.reload()
    assert light.evaluate(paper) == dark.evaluate(paper), "the choice is kept"
    light.locator("#theme").click()
    assert light.evaluate(paper) == before


CONTRAST = Path(__file__).with_name("contrast.js").read_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_contrast(opened: Open, scheme: str) -> None:
    tab = opened(scheme=scheme)
    tab.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    tab.locator("#r6 .meta a.quote").first.click()
    tab.wait_for_selector("#r6 pre .k")
    found = tab.evaluate(CONTRAST)
    assert found["seen"] > 200
    assert found["bad"] == []


@pytest.mark.parametrize("size", [WIDE, (1024, 768), (700, 900), NARROW, (320, 640)])
def test_no_width_scrolls_sideways(opened: Open, size: tuple[int, int]) -> None:
    tab = opened(size=size)
    assert overflow(tab) <= 0
    tab.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert overflow(tab) <= 0


def test_wide_has_two_columns_and_narrow_one(opened: Open) -> None:
    wide, narrow = opened(), opened(size=NARROW)
    main, aside = (wide.locator(name).bounding_box() for name in ("main", "#source"))
    assert aside["x"] >= main["x"] + main["width"]
    assert abs(aside["y"] - main["y"]) < 100
    assert not narrow.locator("#source").is_visible()
    assert narrow.locator("main").bounding_box()["width"] > 330


def test_on_a_phone_the_source_comes_up_and_goes(opened: Open) -> None:
    tab = opened(size=NARROW)
    link = tab.locator("#r13 .meta a.quote").first
    link.click()
    assert tab.locator("#source").is_visible()
    assert in_view(tab, "#source .part.lit")
    assert in_view(tab, "#r13 .meta a.quote"), "the fact stays in sight above its source"
    tab.locator("#hide-source").click()
    assert not tab.locator("#source").is_visible()
    assert link.evaluate("e => e === document.activeElement")


def test_the_keyboard_alone_is_enough(opened: Open) -> None:
    tab = opened()
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "main"
    for _ in range(12):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.matches('a.quote')"):
            break
    assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    label = tab.evaluate("document.activeElement.textContent")
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.matches('#source .part.lit')")
    assert tab.evaluate("document.activeElement.closest('li').value") == int(label.split()[1])
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.matches('.card.lit')")
    tab.focus("#r6 details.fhir summary")
    tab.keyboard.press("Enter")
    assert tab.locator("#r6 pre").is_visible()
    tab.focus("#theme")
    tab.keyboard.press("Space")
    assert tab.evaluate("document.documentElement.dataset.theme") == "dark"


def test_landmarks_headings_and_pictures_have_names(opened: Open) -> None:
    tab = opened()
    for landmark in ("header", "nav", "main", "aside", "footer"):
        assert tab.locator(landmark).count() >= 1
    levels = [int(n) for n in re.findall(r"<h([1-6])", tab.content())]
    assert levels.count(1) == 1
    unnamed = tab.evaluate(
        "[...document.querySelectorAll('svg')].filter(s => !s.closest('svg svg') && "
        "!(s.getAttribute('role') === 'img' && s.getAttribute('aria-label')) && "
        "s.getAttribute('aria-hidden') !== 'true' && !s.parentElement.closest('svg')).length"
    )
    assert unnamed == 0
    assert tab.get_by_role("img", name="Uric acid over time").count() == 1


def test_the_filter_keeps_what_matches(opened: Open) -> None:
    tab = opened()
    tab.locator("#filter input").fill("colchicine")
    assert [c.get_attribute("id") for c in tab.locator(".card:visible").all()] == ["r13"]
    assert tab.locator("#filtered").inner_text() == "1 of 17 shown"
    tab.locator("#filter input").fill("")
    assert tab.locator(".card:visible").count() == 17


def test_without_a_script_it_is_whole(opened: Open) -> None:
    tab = opened(size=NARROW, java_script_enabled=False)
    assert tab.locator("#source").is_visible()
    assert not tab.locator("#theme").is_visible()
    tab.locator("#r6 .meta a.quote").first.click()
    assert tab.url.endswith("#s0-L6")
    tab.locator("#r6 summary", has_text="FHIR").click()
    assert tab.locator("#r6 pre").is_visible()


def test_hostile_text_does_nothing(opened: Open) -> None:
    def poison(value: Any) -> Any:
        if isinstance(value, dict):
            kept = ("resourceType", "system", "url", "reference", "fullUrl", "data", "contentType")
            return {k: v if k in kept else poison(v) for k, v in value.items()}
        if isinstance(value, list):
            return [poison(item) for item in value]
        return f"{value}{HOSTILE}" if isinstance(value, str) else value

    bad = Issue(Severity.ERROR, HOSTILE, HOSTILE, "Bundle.entry[1]", file=HOSTILE)
    tab = opened(render(poison(loads(GOUT)), Outcome.of([bad]), title=HOSTILE))
    tab.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    tab.locator("#filter input").fill("<script>")
    tab.locator("a.quote").first.click()
    tab.wait_for_selector("pre .k")
    assert tab.evaluate("window.hacked") is None
    assert tab.evaluate("document.scripts.length") == 1
    assert tab.locator("img").count() == 0


def test_injected_script_would_be_refused(opened: Open) -> None:
    """The policy itself holds: even markup that got in could not run or fetch."""
    text = render(loads(GOUT)).replace(
        "</main>", '<script>window.hacked = 1</script><b onclick="hacked=1" id="b">b</b></main>'
    )
    seen = opened("<!doctype html><title>empty</title>")
    path = Path(seen.url.removeprefix("file://").replace("%20", " ").replace("%C3%BC", "ü"))
    other = path.with_name("injected.html")
    other.write_text(text)
    tab = seen.context.new_page()
    tab.goto(other.as_uri())
    tab.locator("#b").click()
    assert tab.evaluate("window.hacked") is None


def test_it_prints_light_with_the_source_and_without_the_tools(opened: Open) -> None:
    tab = opened(size=NARROW, scheme="dark")
    tab.emulate_media(media="print")
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert tab.locator("#source").is_visible()
    assert not tab.locator("#theme").is_visible()
    assert not tab.locator("#r6 .behind").is_visible()


def test_a_foreign_bundle_has_no_source_panel(opened: Open) -> None:
    patient = {"resourceType": "Patient", "id": "p", "name": [{"text": "A. Nother"}]}
    tab = opened(render({"resourceType": "Bundle", "type": "searchset", "entry": [
        {"fullUrl": "https://example.org/fhir/Patient/p", "resource": patient}]}))  # fmt: skip
    assert tab.locator("aside").count() == 0
    assert tab.locator("h1").inner_text() == "A. Nother"
    assert overflow(tab) <= 0


def test_the_example_case_in_the_browser(opened: Open) -> None:
    bundle = loads((ROOT / "bundles/rls-ida/collection.json").read_bytes())
    tab = opened(render(bundle, title="Restless legs"))
    assert tab.locator(".card").count() == len(bundle["entry"])
    text = (ROOT / "bundles/rls-ida/report.md").read_text()
    quotes = tab.locator("main a.quote").all()
    assert len(quotes) > 60
    for link in quotes[::9]:
        link.click()
        start, stop = (int(link.get_attribute(f"data-{name}")) for name in ("from", "to"))
        lit = "".join(tab.locator(".part.lit").all_text_contents())
        assert lit.replace("\n", "") == text[start:stop].replace("\n", "")
    for size in (WIDE, NARROW):
        tab.set_viewport_size({"width": size[0], "height": size[1]})
        assert overflow(tab) <= 0
