"""Each format: what a program that reads it relies on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fhirkit import Validator
from fhirkit.core import xmlio
from fhirkit.core.issues import Issue, Outcome, Severity
from fhirkit.report.formats import FORMATS, FileOutcome, Settings, format_named
from fhirkit.report.formats.sarif import MOST_PLACES, MOST_RESULTS

ERROR = Issue(
    Severity.ERROR,
    "binding-required",
    "the code is not in the value set",
    "Patient.gender",
    issue_type="code-invalid",
    advice="use one of them",
    file="records/p 1.json",
    line=3,
    column=4,
)
WARNING = Issue(Severity.WARNING, "made-up", "50 % of it,\nfor: one", file="records/p 1.json")
EVIL = Issue(
    Severity.ERROR,
    "evil",
    "\x1b[31m::error::x</script>\x00\ufffe]]>\n##vso[task.complete]",
    "=cmd()",
    file="a,b:c.json",
    line=1,
)


def written(name: str, *findings: FileOutcome, **settings: Any) -> str:
    form = format_named(name, Settings(version="1.2.3", **settings))
    parts = [form.add(one) for one in findings]
    return "".join([*parts, form.end()])


def bad() -> FileOutcome:
    return FileOutcome("records/p 1.json", Outcome((ERROR, WARNING)))


def good() -> FileOutcome:
    return FileOutcome("records/good.json", Outcome())


def half() -> FileOutcome:
    return FileOutcome("records/half.json", Outcome(), complete=False)


def unread() -> FileOutcome:
    fatal = Issue(Severity.FATAL, "json-syntax", "not JSON", file="records/no.json")
    return FileOutcome("records/no.json", Outcome((fatal,)))


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_found_is_a_report_too(name: str) -> None:
    text = written(name, good())
    if name in ("json", "sarif", "gitlab", "outcome"):
        json.loads(text)
    elif name in ("text", "concise", "github"):
        assert text == ""


@pytest.mark.parametrize("name", FORMATS)
def test_no_character_of_a_finding_drives_what_reads_it(name: str) -> None:
    text = written(name, FileOutcome("a,b:c.json", Outcome((EVIL,)), data=b'{"x": "\x1b[31m"}'))
    assert "\x1b" not in text
    assert "\x00" not in text
    assert "\ufffe" not in text or name in ("json", "ndjson", "outcome")
    if name == "github":
        assert text.count("\n") == 1
        assert text.startswith("::error file=a%2Cb%3Ac.json,line=1,title=fhirkit evil::")
    elif name in ("text", "concise"):
        assert not any(line.startswith(("::", "##")) for line in text.splitlines())
    elif name == "html":
        assert "</script>\\u0000" not in text
        assert "error::x&lt;/script&gt;" in text


def test_concise_is_one_line_an_issue() -> None:
    lines = written("concise", bad()).splitlines()
    assert lines == [
        f"records/p 1.json:3:4: error binding-required {ERROR.message} (Patient.gender)",
        "records/p 1.json: warning made-up 50 % of it, for: one",
    ]


def test_ndjson_is_one_object_an_input_at_once() -> None:
    form = format_named("ndjson", Settings())
    first = form.add(bad())
    assert first.endswith("\n")
    assert json.loads(first)["issues"][0]["rule"] == "binding-required"
    assert json.loads(form.add(half())) == {
        "file": "records/half.json",
        "valid": True,
        "complete": False,
        "issues": [],
    }


def test_junit_tells_failed_unread_skipped_and_passed_apart() -> None:
    findings = (bad(), unread(), half(), good())
    root = xmlio.parse(written("junit", *findings).encode())
    kinds = [[child.tag for child in case] for case in root.iter("testcase")]
    assert kinds == [["failure", "system-out"], ["error"], ["skipped"], []]
    suite = root.find("testsuite")
    assert suite is not None
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "4", "failures": "1", "errors": "1", "skipped": "1"}
    relaxed = written("junit", half(), allow_incomplete=True)
    assert "skipped=" in relaxed
    assert "<skipped" not in relaxed
    strict = written("junit", FileOutcome("w.json", Outcome((WARNING,))), fail_on=Severity.WARNING)
    assert "<failure" in strict


def test_gitlab_names_relative_paths_and_keeps_fingerprints() -> None:
    inside = str(Path.cwd() / "records/p 1.json")
    entries = json.loads(written("gitlab", bad()))
    assert [entry["severity"] for entry in entries] == ["major", "minor"]
    assert entries[0]["location"] == {"path": "records/p 1.json", "lines": {"begin": 3}}
    moved = FileOutcome(inside, Outcome((ERROR.at(file=inside, line=9),)))
    assert json.loads(written("gitlab", moved))[0]["fingerprint"] == entries[0]["fingerprint"]
    twice = json.loads(written("gitlab", FileOutcome("x", Outcome((ERROR, ERROR)))))
    assert len({entry["fingerprint"] for entry in twice}) == 2


def test_outcomes_are_valid_resources() -> None:
    validator = Validator()
    for findings in ([bad()], [bad(), good()], []):
        assert validator.validate(written("outcome", *findings)).valid


def run_of(text: str) -> dict[str, Any]:
    run: dict[str, Any] = json.loads(text)["runs"][0]
    return run


def test_sarif_names_rules_places_and_levels() -> None:
    run = run_of(written("sarif", bad(), meanings={"binding-required": "A code is not in it."}))
    first, second = run["results"]
    assert (first["level"], second["level"]) == ("error", "warning")
    assert run["tool"]["driver"]["rules"][first["ruleIndex"]]["id"] == "binding-required"
    where = first["locations"][0]
    assert where["physicalLocation"]["artifactLocation"]["uri"] == "records/p%201.json"
    assert where["physicalLocation"]["region"] == {"startLine": 3, "startColumn": 4}
    assert where["logicalLocations"] == [{"fullyQualifiedName": "Patient.gender"}]


def test_sarif_gathers_equal_findings_of_a_file() -> None:
    many = [
        Issue(Severity.ERROR, "r", "m", f"Bundle.entry[{n}].x", file="b.json", line=n + 1)
        for n in range(MOST_PLACES + 50)
    ]
    (result,) = run_of(written("sarif", FileOutcome("b.json", Outcome(tuple(many)))))["results"]
    assert len(result["locations"]) == MOST_PLACES
    assert "149 more places" in result["message"]["text"]


def test_sarif_keeps_the_worst_within_the_limit_and_counts_the_rest() -> None:
    low = [Issue(Severity.INFORMATION, "low", f"m{n}", file="b.json") for n in range(MOST_RESULTS)]
    findings = FileOutcome("b.json", Outcome((*low, ERROR)))
    run = run_of(written("sarif", findings))
    assert len(run["results"]) == MOST_RESULTS
    assert run["results"][0]["ruleId"] == "binding-required"
    (notice,) = run["invocations"][0]["toolExecutionNotifications"]
    assert notice["message"]["text"].startswith("1 more results")


def test_html_holds_every_finding_and_no_way_out() -> None:
    page = written("html", bad(), half(), meanings={"made-up": "Something made up."})
    assert "2 checked" in page
    assert "1 not fully checked" in page
    assert "Something made up." in page
    assert "default-src &#39;none&#39;" in page
    assert "http://" not in page.split("<body>")[0]
