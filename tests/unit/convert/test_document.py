"""The patient summary: order, sections, reachability, and silence that is no finding."""

from __future__ import annotations

from typing import Any

import pytest
from convert_cases import RLS, ROOT, small_case

from fhirkit.convert import convert
from fhirkit.core.resource import references

SECTIONS = [
    ("11450-4", "Problems", 0),
    ("48765-2", "Allergies and intolerances", 0),
    ("10160-0", "Medications", 4),
    ("11348-0", "Past illness", 2),
    ("30954-2", "Results", 5),
    ("8716-3", "Vital signs", 4),
    ("18776-5", "Plan of care", 2),
    ("47519-4", "Procedures", 1),
]


def sections(bundle: dict[str, Any]) -> list[tuple[str, str, int]]:
    return [
        (one["code"]["coding"][0]["code"], one["title"], len(one.get("entry", ())))
        for one in bundle["entry"][0]["resource"]["section"]
    ]


@pytest.fixture(scope="module")
def summary() -> dict[str, Any]:
    bundle = convert(RLS, "document")
    assert isinstance(bundle, dict)
    return bundle


def test_it_is_a_document(summary: dict[str, Any]) -> None:
    first, second = (entry["resource"] for entry in summary["entry"][:2])
    assert summary["type"] == "document"
    assert summary["identifier"]["system"] == "urn:ietf:rfc:3986"
    assert summary["identifier"]["value"].startswith("urn:uuid:")
    assert summary["timestamp"].endswith("Z")
    assert (first["resourceType"], second["resourceType"]) == ("Composition", "Patient")
    assert first["type"]["coding"][0]["code"] == "60591-5"
    assert first["subject"]["reference"] == summary["entry"][1]["fullUrl"]
    assert not [entry for entry in summary["entry"] if "request" in entry]


def test_its_sections(summary: dict[str, Any]) -> None:
    assert sections(summary) == SECTIONS
    assert len(summary["entry"]) == 33


def test_every_section_has_text_and_either_entries_or_a_reason(summary: dict[str, Any]) -> None:
    for section in summary["entry"][0]["resource"]["section"]:
        assert section["text"]["status"] == "generated"
        assert section["text"]["div"].startswith('<div xmlns="http://www.w3.org/1999/xhtml">')
        assert ("entry" in section) != ("emptyReason" in section)
        if "emptyReason" in section:
            assert section["emptyReason"]["coding"][0]["code"] == "unavailable"


def test_nobody_claims_that_there_is_no_allergy(summary: dict[str, Any]) -> None:
    assert "716186003" not in str(summary)
    assert "nilknown" not in str(summary)


def test_it_holds_what_is_reachable_and_nothing_else(summary: dict[str, Any]) -> None:
    by_url = {entry["fullUrl"]: entry["resource"] for entry in summary["entry"]}
    start = summary["entry"][0]["fullUrl"]
    reached, waiting = {start}, [start]
    while waiting:
        for reference in references(by_url[waiting.pop()]):
            target = reference["reference"]
            if target in by_url and target not in reached:
                reached.add(target)
                waiting.append(target)
            assert target in by_url or target == "#medication"
    assert reached == set(by_url)


def test_at_the_visit_the_problems_are_active() -> None:
    bundle = convert(RLS, "document", as_of="visit")
    found = {code: count for code, _, count in sections(bundle)}
    assert found["11450-4"] == 2
    assert "11348-0" not in found
    assert found["18776-5"] == 1


def test_further_sections_come_with_their_facts() -> None:
    path = ROOT / "tests/golden/convert/wheeze/case.yaml"
    found = {title: count for _, title, count in sections(convert(path, "document"))}
    assert found["Immunizations"] == 3
    assert found["Allergies and intolerances"] == 2
    assert found["Family history"] == 2
    assert found["Social history"] == 1
    assert found["Medications"] == 2


def test_a_refuted_condition_is_no_problem() -> None:
    path = ROOT / "tests/golden/convert/ward/case.yaml"
    found = {title: count for _, title, count in sections(convert(path, "document"))}
    assert found["Problems"] == 2
    assert "Past illness" not in found


def test_a_case_of_nothing_is_still_a_summary() -> None:
    bundle = convert(small_case(timeline=None, defaults=None), "document")
    assert sections(bundle) == [(code, title, 0) for code, title, _ in SECTIONS[:3]]
    assert [entry["resource"]["resourceType"] for entry in bundle["entry"]] == [
        "Composition",
        "Patient",
        "Device",
    ]


def test_the_time_stamp() -> None:
    bundle = convert(RLS, "document", timestamp="2026-01-31T12:00:00Z")
    assert bundle["timestamp"] == "2026-01-31T12:00:00Z"
    assert bundle["entry"][0]["resource"]["date"] == "2026-01-31T12:00:00Z"
    # Without one, the case's own; without that, the end of what it tells, no finer than it is.
    written = small_case(written="2026-02-01T00:00:00Z")
    assert convert(written, "document")["timestamp"] == "2026-02-01T00:00:00Z"
    case = small_case(timeline={"visit": "2022-02", "later": "visit + 4 wk"})
    for as_of, end, month in (
        (None, "2022-03-28T23:59:59Z", "2022-03"),
        ("visit", "2022-02-28T23:59:59Z", "2022-02"),
    ):
        bundle = convert(case, "document", as_of=as_of)
        assert bundle["timestamp"] == end
        assert bundle["entry"][0]["resource"]["date"] == month
