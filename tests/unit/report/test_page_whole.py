"""The page as a whole: nothing from outside, nothing live from the input, nothing lost silently."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhirkit.core.issues import Issue, Outcome, Severity
from fhirkit.core.jsonio import loads
from fhirkit.report.page import GENERATOR, render

GOUT = Path(__file__).with_name("gout.json").read_bytes()
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\" ' `${1}` {{ 7*7 }}"


@pytest.fixture(scope="module")
def gout() -> dict[str, Any]:
    return loads(GOUT)


@pytest.fixture(scope="module")
def page(gout: dict[str, Any]) -> str:
    return render(gout)


def everywhere(value: Any, text: str) -> Any:
    """The same structure with hostile text behind every string but those that carry meaning."""
    if isinstance(value, dict):
        keep = ("resourceType", "system", "url", "reference", "fullUrl", "code", "data", "id")
        return {k: v if k in keep else everywhere(v, text) for k, v in value.items()}
    if isinstance(value, list):
        return [everywhere(item, text) for item in value]
    return value + text if isinstance(value, str) else value


def test_only_its_own_style_and_script_may_run(page: str) -> None:
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1])
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for kind in ("style", "script"):
        inside = re.findall(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        assert len(inside) == 1
        digest = base64.b64encode(hashlib.sha256(inside[0].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert not re.search(r"\sstyle=|\son[a-z]+=|<link|<img|<iframe|@import|url\(http", page)
    assert GENERATOR in page[:4000]


def test_nothing_is_fetched(page: str) -> None:
    links = re.findall(r'(?:href|src|action|data)="([^"]*)"', page)
    assert links
    assert all(link.startswith("#") for link in links)
    anchors = set(re.findall(r'\bid="([^"]*)"', page))
    assert {link[1:] for link in links} <= anchors


def test_every_id_is_there_once(page: str) -> None:
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids))


def test_the_same_record_gives_the_same_page(gout: dict[str, Any], page: str) -> None:
    assert render(gout) == page


def test_hostile_text_is_only_text(gout: dict[str, Any]) -> None:
    outcome = Outcome.of(
        [
            Issue(
                Severity.ERROR,
                HOSTILE,
                HOSTILE,
                f"Bundle.entry[1].resource.{HOSTILE}",
                file=HOSTILE,
            )
        ]
    )
    page = render(everywhere(gout, HOSTILE), outcome, title=HOSTILE, not_reported=[HOSTILE])
    assert page.count("<script>") == 1
    assert page.count("</script>") == 1
    assert "<img" not in page
    assert "onerror=alert(2)&gt;" in page
    assert "{{ 7*7 }}" in page


def test_a_source_text_is_only_text(gout: dict[str, Any]) -> None:
    bundle = loads(GOUT)
    attachment = bundle["entry"][0]["resource"]["content"][0]["attachment"]
    attachment["data"] = base64.b64encode(HOSTILE.encode() + b"\x1b[31m\xe2\x80\xae").decode()
    page = render(bundle)
    assert page.count("</script>") == 1
    assert "⟨U+001B⟩" in page
    assert "⟨U+202E⟩" in page
    assert "\u202e" not in page


@pytest.mark.parametrize("char", ["\x00", "\x1b", "\x7f", "\x9f", "\u202e", "\ud800", "\ufeff"])
def test_hidden_characters_are_shown(char: str) -> None:
    page = render({"resourceType": "Patient", "id": "p", "name": [{"text": f"A{char}B"}]})
    assert char not in page
    assert f"A⟨U+{ord(char):04X}⟩B" in page
    page.encode()


def test_decimals_keep_their_digits(page: str) -> None:
    assert "36.70 °C" in page
    assert "&#34;value&#34;: 36.70" in page


def test_very_long_strings_are_cut_and_said_to_be() -> None:
    page = render({"resourceType": "Patient", "id": "p", "name": [{"text": "x" * 3_000_000}]})
    assert len(page) < 100_000
    assert "more characters" in page
    assert "shortened here (1)" in page


def test_huge_numbers_are_shown_and_not_drawn() -> None:
    value = Decimal("1e400")
    observation = {
        "resourceType": "Observation",
        "id": "o",
        "status": "final",
        "category": [{"coding": [{"code": "laboratory"}]}],
        "code": {"text": "Count"},
        "effectiveDateTime": "2020",
        "valueQuantity": {"value": value, "unit": "1"},
    }
    assert str(value) in render(observation)


def test_findings_stand_beside_their_resource(gout: dict[str, Any]) -> None:
    issues = [
        Issue(Severity.ERROR, "r-one", "wrong colour", "Bundle.entry[6].resource.code.text"),
        Issue(Severity.WARNING, "r-two", "odd bundle", "Bundle.type"),
    ]
    page = render(gout, Outcome.of(issues))
    card = re.search(r'<article class="card" id="r6".*?</article>', page, re.DOTALL)[0]
    assert "wrong colour" in card
    assert "Condition.code.text" in card
    assert "odd bundle" not in card
    assert "1 error, 1 warning" in page
    assert page.count("wrong colour") == 2  # beside its resource, and in the list


def test_the_folder_of_the_input_stays_private(gout: dict[str, Any]) -> None:
    issue = Issue(Severity.ERROR, "r", "m", "Bundle", file="/home/someone/case.json", line=3)
    page = render(gout, Outcome.of([issue]))
    assert "case.json:3" in page
    assert "someone" not in page


def test_the_verdicts_differ(gout: dict[str, Any]) -> None:
    warning = Outcome.of([Issue(Severity.WARNING, "r", "hm")])
    assert "not validated" in render(gout, None)
    assert "Validation found nothing" in render(gout, Outcome())
    assert "valid, 1 warning<" in render(gout, warning)


def test_what_is_not_known_is_said(gout: dict[str, Any]) -> None:
    page = render(gout, not_reported=["allergies of any kind"])
    assert "allergies of any kind" in page
    assert "name withheld" in page
    assert "birth date not known" in page
    missing = page[page.index('id="missing"') :]
    assert "Birth date of" in missing
    assert len(re.findall(r"Value of <a[^>]*>Uric acid", missing)) == 2


def test_a_foreign_bundle_has_no_source_panel() -> None:
    page = render({"resourceType": "Bundle", "type": "searchset", "entry": [{"search": {}}]})
    assert "<aside" not in page
    assert "There is no resource" in page
    assert "1 Bundle entries hold no resource" in page


def test_ten_thousand_resources_give_a_usable_page() -> None:
    patient = {"resourceType": "Patient", "id": "p", "name": [{"text": "Test Person"}]}
    observations = [
        {
            "resourceType": "Observation",
            "id": f"o{n}",
            "status": "final",
            "category": [{"coding": [{"code": "laboratory"}]}],
            "code": {"text": f"Test {n % 7}"},
            "subject": {"reference": "Patient/p"},
            "effectiveDateTime": f"20{n % 20:02}-0{n % 9 + 1}-1{n % 10}",
            "valueQuantity": {"value": Decimal(n % 100), "unit": "mg"},
        }
        for n in range(10_000)
    ]
    broken = Issue(Severity.ERROR, "r", "broken", "Bundle.entry[9999].resource.status")
    began = time.process_time()
    page = render([*observations, patient], Outcome.of([broken]))
    assert time.process_time() - began < 20
    assert len(page) < 8_000_000
    assert page.count('<article class="card"') == 1000
    assert 'id="r10000"' in page, "the one Patient is not crowded out"
    assert 'id="r9999"' in page, "what has an error is shown"
    assert "9001 more of this kind are not listed" in page
    assert "highest and lowest kept" in page
    links = set(re.findall(r'href="#([^"]*)"', page))
    assert links <= set(re.findall(r'\bid="([^"]*)"', page)), "a link into what is folded"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5) | st.just(Decimal("1.0")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["coding", "code", "value", "start", "extension", "reference", "url"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    return [(*path, key) for key, _ in items] + [
        found for key, inner in items for found in places(inner, (*path, key))
    ]


def _shape(path: tuple[Any, ...]) -> tuple[Any, ...]:
    return (path[0], *(key for key in path[1:] if isinstance(key, str)))


# One of each kind of place, and elements that the record doesn't have.
_HELD = {_shape(path): path for path in places(loads(GOUT)["entry"]) if 2 < len(path) < 8}
_MORE = [
    "dosageInstruction dispenseRequest authoredOn medicationReference _name onsetDateTime",
    "abatementPeriod target startDate referenceRange valueInteger _valueString valueSampledData",
    "collection participant section emptyReason contained name text meta extension description",
]
PLACES = [
    *_HELD.values(),
    *((entry, "resource", name) for entry in range(17) for name in " ".join(_MORE).split()),
]


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changes=st.lists(st.tuples(st.sampled_from(PLACES), JSON), min_size=1, max_size=8))
def test_no_shape_of_input_breaks_it(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    bundle = loads(GOUT)
    for path, value in changes:
        holder = bundle["entry"]
        try:
            for key in path[:-1]:
                holder = holder[key]
            holder[path[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    page = render(bundle)
    assert page.endswith("</html>")
    json.dumps(page)
