"""What the page says of a record: quotes, series, bars, missing things, and which cards fit."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from fhirkit.core.errors import UsageError
from fhirkit.core.issues import Issue, Outcome, Severity
from fhirkit.core.jsonio import loads
from fhirkit.report.charts import MOST_MARKS, panels_of
from fhirkit.report.elements import Reader
from fhirkit.report.facts import Facts, facts_of
from fhirkit.report.kinds import chosen, heading, in_reading_order
from fhirkit.report.manyfiles import read_folder, read_lines
from fhirkit.report.measures import series_of
from fhirkit.report.phrases import label, phrase
from fhirkit.report.records import Record, issues_by_entry, record_of
from fhirkit.report.schedule import when_of
from fhirkit.report.source import DERIVATION, Sources
from fhirkit.report.timeline import timeline_of

GOUT = Path(__file__).with_name("gout.json").read_bytes()


@pytest.fixture(scope="module")
def record() -> Record:
    return record_of(loads(GOUT))


@pytest.fixture(scope="module")
def facts(record: Record) -> Facts:
    return facts_of(record, None)


def card(facts: Facts, title: str) -> Any:
    return next(c for group in facts.groups for c in group.cards if c.title == title)


def lab(when: str | None, value: Any = None, flag: str = "", **rest: Any) -> dict[str, Any]:
    resource: dict[str, Any] = {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"code": "laboratory"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}], "text": "Hb"},
        **rest,
    }
    if when:
        resource["effectiveDateTime"] = when
    if value is not None:
        resource["valueQuantity"] = {"value": value, "unit": "g/dL"}
    if flag:
        resource["interpretation"] = [{"coding": [{"code": flag}]}]
    return resource


# Quotes


def test_a_fact_knows_its_sentence(facts: Facts) -> None:
    gout = card(facts, "Gout of the big toe")
    text = facts.documents[0].text
    assert [text[q.offset : q.end] for q in gout.quotes] == [
        "Pain in the right big toe on and off for over two years",
        "uric acid was back to normal",
    ]
    assert [q.label for q in gout.quotes] == ["line 6", "line 10"]


def test_nested_elements_have_quotes_of_their_own(facts: Facts) -> None:
    rows = {row.value: row for row in card(facts, "Living with gout").rows}
    assert [q.label for q in rows["Drink water"].quotes] == ["line 9"]
    assert "do not: Beer" in rows


def test_lines_put_together_are_the_text(facts: Facts) -> None:
    document = facts.documents[0]
    lines = ["".join(s.text for s in line.segments) for line in document.lines()]
    assert "\n".join(lines) == document.text
    cited = [s for line in document.lines() for s in line.segments if s.facts]
    assert {s.text for s in cited} >= {"Uric acid was high; the value is not given."}


@pytest.mark.parametrize(("offset", "length"), [(-1, 3), (0, 0), (2, 99999), (9, 1)])
def test_a_place_outside_the_text_is_said_to_be(offset: Any, length: Any) -> None:
    extension = {
        "url": DERIVATION,
        "extension": [
            {"url": "reference", "valueReference": {"reference": "DocumentReference/d"}},
            {"url": "offset", "valueInteger": offset},
            {"url": "length", "valueInteger": length},
        ],
    }
    attachment = {"contentType": "text/plain", "data": base64.b64encode("ä b".encode()).decode()}
    document = {
        "resourceType": "DocumentReference",
        "id": "d",
        "content": [{"attachment": attachment}],
    }
    sources = Sources(record_of([document]))
    (quote,) = sources.quotes({"extension": [extension]}, "r1")
    assert quote.document is None
    assert "outside" in quote.label


@pytest.mark.parametrize(
    "attachment",
    [
        {"contentType": "application/pdf", "data": "QUJD"},
        {"contentType": "text/plain", "data": "not base64!"},
        {"contentType": "text/plain", "data": "/w=="},
        {"contentType": "text/plain", "url": "https://example.org/report.txt"},
        {"contentType": 3, "data": ["QUJD"]},
    ],
)
def test_what_is_no_text_is_no_source(attachment: Any) -> None:
    document = {"resourceType": "DocumentReference", "content": [{"attachment": attachment}]}
    assert Sources(record_of([document])).documents == []


# Measurements


def test_blood_pressure_is_a_pair(record: Record) -> None:
    pressure = next(s for s in series_of(record) if s.paired)
    assert [(v.number, v.low) for v in pressure.values] == [(146, 91), (131, 82)]
    assert pressure.values[0].text == "146 / 91 mmHg"


def test_a_result_without_a_number_is_drawn_hollow_on_a_scale_of_words(record: Record) -> None:
    panels = panels_of(series_of(record))
    urate = next(panel for panel in panels if panel.series.title == "Uric acid")
    assert not urate.series.numeric
    assert all(mark.hollow for mark in urate.marks)
    assert [mark.level for mark in urate.marks] == [1, 0]
    assert urate.marks[0].y < urate.marks[1].y


def test_a_month_only_date_is_as_wide_as_its_month(record: Record) -> None:
    mark = panels_of(series_of(record))[0].marks[0]
    assert mark.x2 - mark.x1 > 10


def test_units_are_never_mixed() -> None:
    other = lab("2020-02-01", 120)
    other["valueQuantity"]["unit"] = "g/L"
    units = [s.unit for s in series_of(record_of([lab("2020-01-01", 12), other]))]
    assert units == ["g/dL", "g/L"]


def test_a_flagged_result_joins_the_numbers_of_its_code() -> None:
    (series,) = series_of(record_of([lab("2020-02-01", flag="L"), lab("2020-01-01", 12)]))
    assert [(v.number, v.absent) for v in series.values] == [(12, False), (None, True)]


def test_an_error_or_a_word_is_no_measurement() -> None:
    wrong = lab("2020", 99, status="entered-in-error")
    words = lab("2020", valueString="cloudy", flag="A")
    assert series_of(record_of([wrong, words])) == []


def test_thinning_keeps_the_peak() -> None:
    values = [lab(f"2020-{n % 12 + 1:02}-{n % 28 + 1:02}", n % 50) for n in range(3000)]
    values.append(lab("2020-06-15", 977))
    (panel,) = panels_of(series_of(record_of(values)))
    assert len(panel.marks) <= MOST_MARKS
    assert panel.thinned == 3001 - len(panel.marks)
    assert 977 in [mark.value.number for mark in panel.marks]


def test_a_reference_range_is_a_band_if_all_agree() -> None:
    limits = {"low": {"value": 10, "unit": "g/dL"}, "high": {"value": 16, "unit": "g/dL"}}
    same = [lab("2020-01-01", 12, referenceRange=[limits]), lab("2020-02-01", 17)]
    (panel,) = panels_of(series_of(record_of(same)))
    assert panel.band is not None
    other = lab("2020-03-01", 12, referenceRange=[{"low": {"value": 11, "unit": "g/dL"}}])
    (panel,) = panels_of(series_of(record_of([*same, other])))
    assert panel.band is None


# Time


def looks(record: Record, label: str) -> list[str]:
    timeline = timeline_of(record)
    assert timeline is not None
    tracks = [track for lane in timeline.lanes for track in lane.tracks]
    return [piece.look for track in tracks if track.label == label for piece in track.pieces]


def test_bars_show_what_is_not_known(record: Record) -> None:
    assert looks(record, "First visit") == ["unsure"]
    assert looks(record, "Gout of the big toe") == ["before", "sure", "unsure"]
    assert looks(record, "Colchicine") == ["unsure", "open"]
    assert looks(record, "Living with gout") == ["unsure", "after"]


def test_exact_dates_have_no_unsure_part() -> None:
    exact = {
        "resourceType": "Encounter",
        "id": "e",
        "period": {"start": "2020-01-01", "end": "2020-01-09"},
    }
    later = {"resourceType": "Procedure", "id": "p", "performedDateTime": "2020-02-01"}
    assert looks(record_of([exact, later]), "Encounter/e") == ["sure"]


def test_a_prescription_without_a_date_begins_at_its_encounter(record: Record) -> None:
    entry = next(e for e in record if e.type == "MedicationRequest")
    at = when_of(entry, record)
    assert at is not None
    assert at.words == "from Mar 2021, stopped, date not given (begun at its encounter)"


def test_a_result_without_a_date_takes_its_reports() -> None:
    report = {
        "resourceType": "DiagnosticReport",
        "effectiveDateTime": "2020-01-03",
        "result": [{"reference": "Observation/o"}],
    }
    record = record_of([lab(None, 3, id="o"), lab(None, 3, id="x"), report])
    assert [at and at.words for at in (when_of(entry, record) for entry in record)] == [
        "3 Jan 2020 (date of its report)",
        None,
        "3 Jan 2020",
    ]


def test_a_record_without_dates_has_no_timeline() -> None:
    assert timeline_of(record_of([{"resourceType": "Condition", "id": "c"}])) is None


# Words and references


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"text": "Cough", "coding": [{"code": "1"}]}, "Cough"),
        ({"coding": [{"code": "1"}, {"display": "Cough"}]}, "Cough"),
        ({"value": 5, "comparator": "<", "code": "mg"}, "<5 mg"),
        ({"value": 5, "unit": "%"}, "5%"),
        ({"start": "2020-01", "end": "2020-02"}, "Jan 2020 – Feb 2020"),
        ({"family": "Doe", "given": ["A", "B"], "use": "usual"}, "A B Doe"),
        ({"line": ["1 Road"], "city": "Town"}, "1 Road, Town"),
        ({"low": {"value": 1}, "high": {"value": 2}}, "1 – 2"),
        ({"system": "phone", "value": "1", "rank": 1}, "1"),
        ({"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}}, "2 times every 1 d"),
        ({"contentType": "text/plain", "title": "a.txt"}, "a.txt (text/plain)"),
        (True, "yes"),
        ({"linkId": "1", "answer": []}, None),
    ],
)
def test_datatypes_in_words(value: Any, words: str | None) -> None:
    assert phrase(value) == words


def test_element_names_in_words() -> None:
    assert label("onsetPeriod") == "Onset"
    assert label("reasonReference") == "Reason"
    assert label("billablePeriod") == "Billable period"
    assert label("bodySite") == "Body site"


def test_references_find_by_full_url_type_and_id_and_version() -> None:
    patient = {"resourceType": "Patient", "id": "p"}
    entry = {"fullUrl": "https://example.org/fhir/Patient/p", "resource": patient}
    record = record_of({"resourceType": "Bundle", "entry": [entry]})
    for text in ("Patient/p", entry["fullUrl"], "Patient/p/_history/3"):
        assert record.find({"reference": text}) is record.entries[0]
    assert record.find({"reference": "#p"}) is None
    assert record.find({"reference": "Patient/q"}) is None


def test_a_bundle_in_a_bundle_is_opened() -> None:
    inner = {"resourceType": "Bundle", "entry": [{}, {"resource": {"resourceType": "Patient"}}]}
    device = {"resourceType": "Device", "id": "d"}
    outer = {"resourceType": "Bundle", "entry": [{"resource": inner}, {"resource": device}]}
    record = record_of(outer)
    assert [(entry.type, entry.anchor) for entry in record] == [("Patient", "r0"), ("Device", "r1")]
    places = {
        "Bundle.entry[0].resource.entry[1].resource.gender": 0,
        "Bundle.entry[1]": 1,
        "Bundle.entry[1].resource/*Device/d*/.status": 1,
        "Bundle.entry[0].resource.type": None,
        "Bundle.entry[10].resource": None,
        "": None,
    }
    for expression, index in places.items():
        outcome = Outcome.of([Issue(Severity.ERROR, "r", "m", expression)])
        beside, whole = issues_by_entry(record, outcome)
        assert list(beside) == ([] if index is None else [index]), expression
        assert len(whole) == (index is None)


def test_an_issue_of_a_single_resource_is_its_own() -> None:
    outcome = Outcome.of([Issue(Severity.ERROR, "r", "m", "Device.status")])
    beside, _ = issues_by_entry(record_of({"resourceType": "Device"}), outcome)
    assert beside[0][0][0] == "Device.status"


def test_references_that_go_round_end() -> None:
    round_trip = [
        {"resourceType": "MedicationRequest", "id": a, "medicationReference":
         {"reference": f"MedicationRequest/{b}"}} for a, b in (("a", "b"), ("b", "a"), ("c", "c"))
    ]  # fmt: skip
    assert len(facts_of(record_of(round_trip), None).shown) == 4


def test_rows_are_folded_and_counted() -> None:
    record = record_of({"resourceType": "Basic", "note": [{"text": str(n)} for n in range(100)]})
    rows, folded = Reader(record, Sources(record)).rows(record.entries[0])
    assert (len(rows), folded) == (60, 40)


# Kinds


def test_kinds_are_in_reading_order() -> None:
    kinds = ["Provenance", "Zebra", "Observation", "Patient", "BodyStructure", "Condition"]
    assert in_reading_order(kinds) == [
        "Patient", "Condition", "Observation", "BodyStructure", "Zebra", "Provenance",
    ]  # fmt: skip
    assert [heading(k) for k in ("BodyStructure", "Library")] == ["Body structures", "Libraries"]


@pytest.mark.parametrize("most", [1, 2, 3, 10, 57, 103])
def test_exactly_as_many_cards_as_fit(most: int) -> None:
    many = [{"resourceType": "Observation"}] * 90
    record = record_of([*many, *([{"resourceType": "Goal"}] * 12), {"resourceType": "Patient"}])
    kept = chosen(record, most, first=[89, 4000])
    assert len(kept) == most
    if most > 3:
        assert {89, 102} <= kept


# Files


def test_a_folder_is_read_with_its_bad_files_said(tmp_path: Path) -> None:
    (tmp_path / "Patient").mkdir()
    (tmp_path / "Patient" / "p.json").write_text('{"resourceType": "Patient", "id": "p"}')
    (tmp_path / "Patient" / "bad.json").write_text("{")
    (tmp_path / ".fhirkit").mkdir()
    (tmp_path / ".fhirkit" / "base.json").write_text('{"resourceType": "Patient", "id": "q"}')
    (tmp_path / "bundle.json").write_text('{"resourceType": "Bundle"}')
    found = read_folder(tmp_path)
    assert [r["id"] for r in found.resources] == ["p"]
    assert [Path(str(i.file)).name for i in found.issues] == ["bad.json"]


def test_a_folder_of_bundles_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "bundle.json").write_text('{"resourceType": "Bundle"}')
    with pytest.raises(UsageError) as caught:
        read_folder(tmp_path)
    assert "bundle.json" in str(caught.value.advice)


def test_ndjson_gives_the_line_of_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "p.ndjson"
    path.write_text('{"resourceType": "Patient"}\n\n{"resourceType"\n')
    found = read_lines(path)
    assert len(found.resources) == 1
    assert [issue.line for issue in found.issues] == [3]
