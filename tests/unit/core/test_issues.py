from __future__ import annotations

import pytest

from fhirkit.core.issues import Issue, Outcome, Severity


def issue(severity: Severity, **more: object) -> Issue:
    return Issue(severity, "some-rule", "what is wrong", **more)  # type: ignore[arg-type]  # test data


@pytest.mark.parametrize(
    ("severity", "valid"),
    [("fatal", False), ("error", False), ("warning", True), ("information", True)],
)
def test_errors_alone_make_an_input_invalid(severity: str, valid: bool) -> None:
    assert Outcome((issue(Severity(severity)),)).valid is valid


def test_the_place_shows_what_is_known() -> None:
    assert issue(Severity.ERROR).place == ""
    placed = issue(Severity.ERROR).at(file="a.json", line=3, column=7)
    assert placed.place == "a.json:3:7"
    assert issue(Severity.ERROR, file="a.json", column=7).place == "a.json"


def test_an_outcome_becomes_an_operation_outcome() -> None:
    outcome = Outcome.of([issue(Severity.ERROR, expression="Patient.name[0]", advice="mend it")])
    resource = outcome.to_operation_outcome()
    (entry,) = resource["issue"]
    assert entry["severity"] == "error"
    assert entry["expression"] == ["Patient.name[0]"]
    assert "[some-rule]" in entry["diagnostics"]
    assert Outcome().to_operation_outcome()["issue"][0]["severity"] == "information"


def test_severities_have_an_order() -> None:
    assert sorted(Severity, key=lambda severity: severity.rank) == list(Severity)
