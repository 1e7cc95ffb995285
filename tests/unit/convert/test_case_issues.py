"""Each thing that can be wrong with a case: the rule, the place, and the cure that is offered."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from convert_cases import RLS, converted, small_case, write_case

from fhirkit.convert import Conversion, convert, convert_case
from fhirkit.convert.catalogue import CATALOGUE
from fhirkit.core.errors import InvalidInput, UsageError

HEAD = """\
fhirkit: case/1
id: t
timeline: {visit: 2024-05-06, later: visit + 2 wk}
defaults: {at: visit}
patient: {sex: male}
"""
# The body of the case starts at line 6.
WRONG = [
    ("unknown-top", "condition: {}", "case-unknown-key", "6:1", "did you mean conditions?"),
    ("unknown-key", "patientt: {}", "case-unknown-key", "6:1", "did you mean patient?"),
    (
        "unknown-in-fact",
        "conditions:\n  flu: {text: Flu, cod: 'sct:6142004'}",
        "case-unknown-key",
        "7:20",
        "did you mean code?",
    ),
    (
        "unknown-default",
        "vitals:\n  interpretaton: N",
        "case-unknown-key",
        "7:3",
        "did you mean interpretation?",
    ),
    (
        "unknown-in-defaults",
        "medications:\n  defaults: {doze: x}",
        "case-unknown-key",
        "7:14",
        "did you mean dose?",
    ),
    (
        "unknown-in-activity",
        "care-plans:\n  p: {title: P, activities: [{avoidd: x}]}",
        "case-unknown-key",
        "7:31",
        "did you mean avoid?",
    ),
    (
        "duplicate",
        "conditions:\n  flu: {text: Flu}\n  flu: {text: Flu}",
        "case-duplicate-key",
        "8:3",
        None,
    ),
    (
        "dangling",
        "conditions:\n  flu: {text: Flu, due-to: flux}\n  flux2: {text: F}",
        "case-unknown-name",
        "7:28",
        "did you mean flux2?",
    ),
    (
        "dangling-in-list",
        ("labs:\n  hb: {test: hemoglobin, value: 9 g/dL}\n"
        "conditions:\n  flu: {text: Flu, evidence: [hb, hbb]}"),
        "case-unknown-name",
        "9:35",
        "did you mean hb?",
    ),
    (
        "itself",
        "conditions:\n  flu: {text: Flu, due-to: flu}",
        "case-self-reference",
        "7:28",
        None,
    ),
    (
        "wrong-kind",
        "conditions:\n  flu: {text: Flu}\nmedications:\n  x: {text: X, prescriber: flu}",
        "case-wrong-kind",
        "9:28",
        None,
    ),
    (
        "name-twice",
        "conditions:\n  flu: {text: Flu}\nsymptoms:\n  flu: {text: Flu}",
        "case-name-twice",
        "9:3",
        None,
    ),
    ("reserved", "conditions:\n  patient: {text: Flu}", "case-name-twice", "7:3", None),
    (
        "derived-name",
        "imaging:\n  ct: {modality: CT, text: CT}\nreports:\n  ct-report: {text: R}",
        "case-name-twice",
        "9:3",
        None,
    ),
    ("bad-name", "conditions:\n  my flu: {text: Flu}", "case-id", "7:3", None),
    ("long-name", f"conditions:\n  {'a' * 63}: {{text: Flu}}", "case-id", "7:3", None),
    ("no-day", "labs:\n  hb: {value: 9 g/dL, test: hb, at: 2023-02-29}", "case-date", "7:37", None),
    ("slash", "labs:\n  hb: {value: 9 g/dL, test: hb, at: 03/04/2024}", "case-date", "7:37", None),
    (
        "point",
        "labs:\n  hb: {value: 9 g/dL, test: hb, at: latter}",
        "case-unknown-name",
        "7:37",
        "did you mean later?",
    ),
    (
        "status-point",
        "conditions:\n  flu: {text: Flu, status: {visit: active, latr: resolved}}",
        "case-unknown-name",
        "7:44",
        "did you mean later?",
    ),
    ("bad-unit", "vitals:\n  temperature: {value: 36.6 Celsus}", "case-unit", "7:24", None),
    ("no-unit", "vitals:\n  temperature: {value: 36.6}", "case-unit", "7:24", None),
    ("dimension", "vitals:\n  temperature: {value: 36.6 mg}", "case-dimension", "7:24", None),
    ("lab-dimension", "labs:\n  hemoglobin: {value: 9 mmHg}", "case-dimension", "7:23", None),
    ("comma", "labs:\n  hemoglobin: '9,5 g/dL'", "case-quantity", "7:15", None),
    ("word", "vitals:\n  temperatur: {value: 36.6 Cel}", "case-measurement", "7:3",
     "did you mean temperature?"),
    ("check-digit", "labs:\n  hb: {code: 'loinc:718-8', value: 9 g/dL}", "case-code", "7:14", None),
    ("no-system", "conditions:\n  flu: {code: '6142004'}", "case-code", "7:15", None),
    ("system", "conditions:\n  flu: {code: 'snomd:6142004'}", "case-code", "7:15", None),
    ("list-for-map", "conditions: [flu]", "case-shape", "6:13", None),
    ("text-for-map", "conditions:\n  flu: Flu", "case-shape", "7:8", None),
    ("map-for-text", "conditions:\n  flu: {text: {a: b}}", "case-shape", "7:15", None),
    ("empty", "conditions:\n  flu: {text: }", "case-shape", "7:15", None),
    ("missing", "goals:\n  g: {for: []}", "case-missing-key", "7:3", None),
    ("missing-one-of", "conditions:\n  flu: {note: x}", "case-missing-key", "7:3", None),
    ("missing-value", "vitals:\n  temperature: {note: x}", "case-missing-key", "7:3", None),
    (
        "word-of-status",
        "conditions:\n  flu: {text: Flu, status: activ}",
        "case-value",
        "7:28",
        "did you mean active?",
    ),
    ("no-boolean", "conditions:\n  flu: {text: Flu, certainty: NO}", "case-value", "7:31", None),
    ("class", "encounters:\n  e: {class: AMBB}", "case-value", "7:14", "did you mean AMB?"),
    ("assumed", "conditions:\n  flu: {text: Flu, basis: assumed}", "case-why", "7:3", None),
    (
        "quote-without-source",
        "conditions:\n  flu: {text: Flu, quote: x}",
        "case-quote-without-source",
        "7:27",
        None,
    ),
    (
        "two-activities",
        "care-plans:\n  p: {title: P, activities: [{do: a, avoid: b}]}",
        "case-conflict",
        "7:30",
        None,
    ),
    (
        "abated",
        "conditions:\n  flu: {text: Flu, abatement: later}",
        "case-conflict",
        "7:3",
        None,
    ),
    ("stay", "encounters:\n  e: {class: IMP, at: later, until: visit}", "case-order", "7:3", None),
    (
        "ended-before",
        "conditions:\n  f: {text: F, onset: later, abatement: visit, status: resolved}",
        "case-order",
        "7:3",
        None,
    ),
    (
        "order-status",
        "medications:\n  x: {text: X, status: not-taken}",
        "case-value",
        "7:6",
        "add `as: statement`, or use another status",
    ),
]  # fmt: skip


def rules(done: Conversion) -> list[tuple[str, str]]:
    return [(issue.rule, f"{issue.line}:{issue.column}") for issue in done.outcome.errors]


@pytest.mark.parametrize(
    ("body", "rule", "place", "advice"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG]
)
def test_wrong(body: str, rule: str | None, place: str, advice: str | None, tmp_path: Path) -> None:
    done = write_case(tmp_path, HEAD + body + "\n")
    assert rules(done) == ([(rule, place)] if rule else [])
    if rule is None:
        return
    assert done.output is None
    issue = done.outcome.errors[0]
    assert issue.place == f"case.yaml:{place}"
    assert issue.message
    assert issue.advice
    assert issue.issue_type == CATALOGUE[rule].issue_type
    if advice is not None:
        assert issue.advice == advice


def test_all_of_them_in_one_run(tmp_path: Path) -> None:
    body = dedent(
        """\
        conditions:
          flu: {text: Flu, cod: x}
          cold: {text: Cold, due-to: flue}
        vitals:
          temperature: {value: 36.6 mg}
          heart-rate: {value: 76}
        labs:
          hb: {code: 'loinc:718-8', value: 9 g/dL, at: 2023-02-29}
          hb: {value: 9 g/dL}
        goals: [x]
        gaols: {}
        """
    )
    done = write_case(tmp_path, HEAD + body)
    assert done.output is None
    assert rules(done) == [
        ("case-unknown-key", "7:20"),
        ("case-unknown-name", "8:30"),
        ("case-dimension", "10:24"),
        ("case-unit", "11:23"),
        ("case-code", "13:14"),
        ("case-date", "13:48"),
        ("case-duplicate-key", "14:3"),
        ("case-shape", "15:8"),
        ("case-unknown-key", "16:1"),
    ]


def test_convert_raises_with_every_issue(tmp_path: Path) -> None:
    path = tmp_path / "case.yaml"
    path.write_text(HEAD + "conditions:\n  flu: {cod: x}\ngoals: []\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"case\.yaml:7:9: 'cod' .*\(and 1 more\)") as caught:
        convert(path)
    assert [issue.rule for issue in caught.value.issues] == ["case-unknown-key", "case-shape"]


SOURCE = "source: {file: report.md}\n"


@pytest.mark.parametrize(
    ("report", "body", "expected"),
    [
        ("Fever since May.", "quote: Fever since June", [("case-quote-not-found", "8:27")]),
        ("Fever. Fever.", "quote: Fever", [("case-quote-twice", "8:27")]),
        ("Fever.", "quote: [Fever, Chills]", [("case-quote-not-found", "8:35")]),
        ("Fever.", "quote: ''", [("case-shape", "8:27")]),
    ],
)
def test_quotes(report: str, body: str, expected: list[tuple[str, str]], tmp_path: Path) -> None:
    text = HEAD + SOURCE + f"conditions:\n  flu: {{text: Flu, {body}}}\n"
    assert rules(write_case(tmp_path, text, report)) == expected


def test_a_fact_without_a_quote_is_a_warning(tmp_path: Path) -> None:
    done = write_case(tmp_path, HEAD + SOURCE + "conditions:\n  flu: {text: Flu}\n", "Fever.")
    assert done.output is not None
    told = [(issue.rule, issue.line) for issue in done.outcome]
    assert told == [("case-no-quote", 5), ("case-no-quote", 8)]


def test_without_a_source_nothing_has_to_be_quoted(tmp_path: Path) -> None:
    done = write_case(tmp_path, HEAD + "conditions:\n  flu: {text: Flu}\n")
    assert len(done.outcome) == 0


@pytest.mark.parametrize("file", ["../secret.md", "/etc/hostname", "https://example.org/x.md"])
def test_a_source_outside_the_folder_is_refused(file: str, tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("Fever.")
    inner = tmp_path / "inner"
    inner.mkdir()
    done = write_case(inner, HEAD + f"source: {{file: {file}}}\n")
    assert rules(done) == [("case-source", "6:16")]


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("Fever.")
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "report.md").symlink_to(tmp_path / "secret.md")
    assert rules(write_case(inner, HEAD + SOURCE)) == [("case-source", "6:16")]


def test_a_changed_source_is_an_error(tmp_path: Path) -> None:
    text = HEAD + f"source: {{file: report.md, sha256: {'0' * 64}}}\n"
    done = write_case(tmp_path, text, "Fever.")
    assert rules(done) == [("case-source-changed", "6:35")]
    advice = done.outcome.errors[0].advice or ""
    right = advice.rpartition(" ")[2]
    assert rules(write_case(tmp_path, text.replace("0" * 64, right), "Fever.")) == []


def test_a_source_that_is_not_there(tmp_path: Path) -> None:
    unquoted = write_case(tmp_path, HEAD + SOURCE)
    assert unquoted.output is not None
    assert [issue.rule for issue in unquoted.outcome] == ["case-source-missing"]
    quoted = write_case(tmp_path, HEAD + SOURCE + "conditions:\n  f: {text: F, quote: F}\n")
    assert rules(quoted) == [("case-source", "6:16")]


def test_the_trouble_of_a_named_time_is_told_once(tmp_path: Path) -> None:
    text = HEAD.replace("2024-05-06", "2024-13-06") + dedent(
        """\
        labs:
          hemoglobin: 9 g/dL
          ferritin: 9 ng/mL
        conditions:
          flu: {text: Flu, onset: before visit, status: {visit: active, later: resolved}}
        """
    )
    assert rules(write_case(tmp_path, text)) == [("case-date", "3:19")]


def test_times_in_a_ring(tmp_path: Path) -> None:
    text = HEAD.replace("visit: 2024-05-06", "visit: later + 1 d")
    done = write_case(tmp_path, text + "labs:\n  hemoglobin: 9 g/dL\n")
    assert done.output is None
    assert [rule for rule, _ in rules(done)] == ["case-timeline-cycle"]


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("fhirkit: case/2", "case-version"),
        ("id: has space", "case-id"),
        (f"id: {'x' * 65}", "case-id"),
        ("language: e", "case-value"),
    ],
)
def test_the_head(line: str, rule: str, tmp_path: Path) -> None:
    name = line.partition(":")[0]
    kept = [one for one in HEAD.splitlines() if not one.startswith(f"{name}:")]
    done = write_case(tmp_path, "\n".join([line, *kept]) + "\n")
    assert rules(done) == [(rule, f"1:{line.index(' ') + 2}")]


@pytest.mark.parametrize("name", ["fhirkit", "id", "patient"])
def test_what_must_be_there(name: str, tmp_path: Path) -> None:
    kept = [one for one in HEAD.splitlines() if not one.startswith(f"{name}:")]
    done = write_case(tmp_path, "\n".join(kept) + "\n")
    assert [rule for rule, _ in rules(done)] == ["case-missing-key"]
    assert f"`{name}`" in done.outcome.errors[0].message


@pytest.mark.parametrize("text", ["", "[]", "x", "- a", "{", "a: b: c", "\ttab: x"])
def test_what_is_no_case_at_all(text: str, tmp_path: Path) -> None:
    done = write_case(tmp_path, text)
    assert done.output is None
    assert done.outcome.errors


def test_strict_refuses_what_is_assumed() -> None:
    done = convert_case(RLS, strict=True)
    assert done.output is None
    assert [issue.rule for issue in done.outcome.errors] == ["case-assumed"] * 3


def test_a_bare_number_that_no_list_confirms_stays_out() -> None:
    case = small_case(
        medications={"x": {"text": "Ropinirole", "code": ["atc:N04BC04", "rxnorm:72302"]}}
    )
    done = convert_case(case, "collection")
    assert [issue.rule for issue in done.outcome] == ["case-code-unconfirmed"]
    request = done.bundle["entry"][1]["resource"]
    concept = request["medicationCodeableConcept"]
    assert [one["code"] for one in concept["coding"]] == ["N04BC04"]
    assert concept["text"] == "Ropinirole"


def test_its_display_confirms_a_code() -> None:
    code = "rxnorm:72302 | ropinirole"
    done = convert_case(small_case(medications={"x": {"code": code}}), "collection")
    assert len(done.outcome) == 0
    (coding,) = done.bundle["entry"][1]["resource"]["medicationCodeableConcept"]["coding"]
    assert (coding["code"], coding["display"]) == ("72302", "ropinirole")


def test_amounts_that_cannot_be_the_same() -> None:
    case = small_case(vitals={"temperature": {"value": "36.6 Cel", "also": "98.9 degF"}})
    assert [issue.rule for issue in convert_case(case).outcome] == ["case-amounts-differ"]


def test_an_unknown_point_or_output_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="'vist'") as caught:
        convert(RLS, as_of="vist")
    assert caught.value.advice == "did you mean visit?"
    with pytest.raises(UsageError, match="is not an output"):
        convert(RLS, "bundle")
    with pytest.raises(UsageError, match="no such file"):
        convert(RLS.parent / "nothing.yaml")


def test_a_value_that_no_case_can_hold() -> None:
    case = small_case(conditions={"flu": {"text": object()}})
    done = convert_case(case)
    (issue,) = done.outcome.errors
    assert (issue.rule, issue.expression) == ("case-shape", "conditions.flu.text")


def test_no_message_breaks_on_hostile_text(tmp_path: Path) -> None:
    done = write_case(tmp_path, HEAD + 'conditions:\n  flu: {text: "a\\u0007b"}\n')
    assert rules(done) == [("case-character", "7:15")]


def test_every_rule_says_what_it_is() -> None:
    for rule in CATALOGUE.values():
        assert rule.meaning.endswith(".")
        assert rule.cure.endswith(".")


@pytest.mark.parametrize(
    ("code", "warned"),
    [
        ("sct:87522002 | Diabetes mellitus", True),
        ("sct:87522002 | Iron-deficiency anaemia", False),
        ("sct:87522002", False),
    ],
)
def test_a_display_that_contradicts_its_code_is_told(code: str, warned: bool) -> None:
    done = convert_case(small_case(conditions={"c": {"text": "C", "code": code}}), "collection")
    assert [issue.rule for issue in done.outcome].count("case-code-display") == int(warned)
    assert done.bundle is not None


@pytest.mark.parametrize(
    ("value", "element", "content"),
    [
        ("0123", "valueString", "0123"),
        ("+3", "valueString", "+3"),
        ("12", "valueInteger", 12),
        ("-4", "valueInteger", -4),
        ("0", "valueInteger", 0),
    ],
)
def test_what_is_not_spelled_as_a_number_stays_text(
    value: str, element: str, content: object
) -> None:
    made = converted(small_case(observations={"o": {"text": "Graded", "value": value}}))
    assert made["Observation/o"][element] == content
