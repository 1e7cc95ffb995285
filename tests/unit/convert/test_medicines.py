"""Medicines and plans lose nothing silently: it has its place in R4, or is said in words."""

from __future__ import annotations

from typing import Any

import pytest
from convert_cases import Resources, converted, small_case

from fhirkit.convert import convert_case

ORDER, STATEMENT = "MedicationRequest/x", "MedicationStatement/x"


def medicine(as_of: str | None = None, **keys: Any) -> Resources:
    fact = {"text": "Iron", **keys}
    people = {"doc": {"name": {"text": "Dr Example"}}}
    return converted(small_case(practitioners=people, medications={"x": fact}), as_of=as_of)


def said(resource: dict[str, Any]) -> list[str]:
    return [note["text"] for note in resource.get("note", ())]


@pytest.mark.parametrize(
    ("keys", "note"),
    [
        ({"stopped": "later"}, "Stopped: 2024-05-20."),
        ({"started": "visit", "stopped": "later"}, "Stopped: 2024-05-20."),
        ({"started": "before visit"}, "Started: before 2024-05-06."),
        (
            {"started": "before visit", "stopped": "later"},
            "Started: before 2024-05-06; stopped: 2024-05-20.",
        ),
        ({"started": "since 2024-03"}, "Started: since 2024-03."),
        ({"started": "from visit to later"}, "Started: from 2024-05-06 to 2024-05-20."),
        ({"started": "2024-02 + 10 d"}, "Started: between 2024-02 and 2024-03."),
        ({"started": "not reported"}, "Not in the source: when it was started."),
    ],
)
def test_an_order_tells_when_in_its_note(keys: dict[str, str], note: str) -> None:
    assert said(medicine(**keys)[ORDER]) == [note]


def test_only_a_date_becomes_the_orders_own() -> None:
    dated = medicine(started="visit")[ORDER]
    assert dated["authoredOn"] == "2024-05-06"
    assert said(dated) == []
    assert "authoredOn" not in medicine(started="before visit")[ORDER]


@pytest.mark.parametrize("how", ["order", "statement"])
@pytest.mark.parametrize("started", ["later", "visit + 1 d", "from visit + 1 d to later"])
def test_what_starts_after_the_point_is_left_out(how: str, started: str) -> None:
    seen = medicine("visit", **{"as": how, "started": started})
    assert ORDER not in seen
    assert STATEMENT not in seen


def test_a_plan_does_not_refer_to_an_order_that_is_left_out() -> None:
    case = small_case(
        medications={"x": {"text": "Iron", "started": "later"}},
        **{"care-plans": {"p": {"title": "P", "activities": [{"medication": "x"}]}}},
    )
    assert "activity" not in converted(case, as_of="visit")["CarePlan/p"]
    assert "activity" in converted(case, as_of="later")["CarePlan/p"]


@pytest.mark.parametrize(
    "stopped", ["later", "before later", "from visit to later", "after visit", "visit + 3 d"]
)
def test_an_end_to_come_is_not_told(stopped: str) -> None:
    keys = {"started": "visit", "stopped": stopped}
    assert said(medicine("visit", **keys)[ORDER]) == []
    statement = medicine("visit", **{"as": "statement"}, **keys)[STATEMENT]
    assert statement["effectivePeriod"] == {"start": "2024-05-06"}
    assert said(statement) == []
    assert "Stopped: " in said(medicine("later", **keys)[ORDER])[0]


def test_the_end_of_a_stretch_to_come_is_not_told() -> None:
    stretch = "from visit to later"
    assert said(medicine("visit", started=stretch)[ORDER]) == ["Started: on or after 2024-05-06."]
    statement = medicine("visit", **{"as": "statement", "started": stretch})[STATEMENT]
    assert "2024-05-20" not in str(statement)


@pytest.mark.parametrize(
    ("keys", "period", "notes"),
    [
        ({"started": "visit", "stopped": "later"}, ("2024-05-06", "2024-05-20"), []),
        ({"started": "from visit to later"}, ("2024-05-06", "2024-05-20"), []),
        # An end of the Period would say that the taking was over by then.
        ({"started": "before visit"}, None, ["Started: before 2024-05-06."]),
        (
            {"started": "from 2024-03 to 2024-04", "stopped": "visit"},
            (None, "2024-05-06"),
            ["Started: from 2024-03 to 2024-04."],
        ),
        (
            {"started": "visit", "stopped": "before later"},
            ("2024-05-06", None),
            ["Stopped: before 2024-05-20."],
        ),
    ],
)
def test_a_statement_has_the_period(
    keys: dict[str, str], period: tuple[str | None, str | None] | None, notes: list[str]
) -> None:
    statement = medicine(**{"as": "statement"}, **keys)[STATEMENT]
    wanted = {
        side: text
        for side, text in zip(("start", "end"), period or (None, None), strict=True)
        if text is not None
    }
    assert statement.get("effectivePeriod", {}) == wanted
    assert said(statement) == notes


def test_a_statement_keeps_who_prescribed_it_and_the_course() -> None:
    keys = {"as": "statement", "prescriber": "doc", "course": "seasonal", "note": "with food"}
    statement = medicine(**keys)[STATEMENT]
    assert said(statement) == [
        "Prescribed by Dr Example.",
        "Course of therapy: Seasonal.",
        "with food",
    ]
    assert "informationSource" not in statement


def activity(**keys: Any) -> dict[str, Any]:
    return small_case(
        medications={"x": {"text": "Iron"}},
        **{"care-plans": {"p": {"title": "P", "activities": [{"medication": "x", **keys}]}}},
    )


def test_an_activity_with_a_medicine_keeps_its_notes() -> None:
    made = converted(activity(note="for a month", basis="assumed", why="usual"))
    (part,) = made["CarePlan/p"]["activity"]
    assert made.named(part["reference"]) == ORDER
    assert "detail" not in part
    assert [note["text"] for note in part["progress"]] == [
        "Assumed, not stated: usual",
        "for a month",
    ]


@pytest.mark.parametrize("keys", [{"status": "completed"}, {"code": "sct:182834008"}])
def test_an_activity_with_a_medicine_has_no_details(keys: dict[str, str]) -> None:
    (issue,) = convert_case(activity(**keys)).outcome.errors
    (key,) = keys
    assert issue.rule == "case-conflict"
    assert f"`{key}`" in issue.message
    assert issue.advice == f"give `{key}` to the medicine, or write a `do` activity"
