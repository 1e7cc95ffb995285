"""What is seen of a case as of a point: nothing that lies certainly after it."""

from __future__ import annotations

from typing import Any

import pytest
from convert_cases import converted, small_case

from fhirkit.convert import convert_case


def _visit(kind: str, as_of: str | None = "visit", **fact: Any) -> dict[str, Any] | None:
    types = {
        "conditions": "Condition",
        "allergies": "AllergyIntolerance",
        "immunizations": "Immunization",
        "imaging": "ImagingStudy",
        "procedures": "Procedure",
    }
    found = converted(small_case(**{kind: {"f": {"text": "F", **fact}}}), as_of=as_of)
    return found.by_name.get(f"{types[kind]}/f")


def _status(resource: dict[str, Any] | None) -> str:
    assert resource is not None
    return str(resource["clinicalStatus"]["coding"][0]["code"])


@pytest.mark.parametrize("abatement", ["2024-05-10", "later", "visit + 1 d", "2025"])
@pytest.mark.parametrize("status", ["resolved", "remission", {"visit": "resolved"}])
def test_a_condition_that_ends_later_has_not_ended(abatement: str, status: Any) -> None:
    fact = {"status": status, "abatement": abatement}
    early = _visit("conditions", **fact)
    assert _status(early) == "active"
    assert early is not None
    assert not [key for key in early if "batement" in key]
    late = _visit("conditions", None, **fact)
    assert late is not None
    assert _status(late) != "active"
    assert "abatementDateTime" in late


def test_what_it_was_before_it_ended_stays_said() -> None:
    fact: dict[str, Any] = {
        "status": {"visit": "relapse", "later": "resolved"},
        "abatement": "later",
    }
    assert _status(_visit("conditions", **fact)) == "relapse"


@pytest.mark.parametrize("abatement", ["2024-05", "2024", "visit", "2024-05-06", "2024-05-01"])
def test_a_condition_that_may_have_ended_keeps_its_status(abatement: str) -> None:
    found = _visit("conditions", status="resolved", abatement=abatement)
    assert found is not None
    assert _status(found) == "resolved"
    assert "abatementDateTime" in found


_DATED = [
    ("conditions", "onset", {}, "onset"),
    ("allergies", "onset", {}, "onset"),
    ("immunizations", "date", {}, "occurrence"),
    ("imaging", "started", {"modality": "CT"}, "started"),
]


@pytest.mark.parametrize(("kind", "key", "more", "element"), _DATED)
@pytest.mark.parametrize("time", ["later", "2030", "2024-05-07", "after later", "visit + 1 d"])
def test_a_later_fact_is_not_known(
    kind: str, key: str, more: dict[str, Any], element: str, time: str
) -> None:
    assert _visit(kind, **{key: time}, **more) is None
    there = _visit(kind, None, **{key: time}, **more)
    assert there is not None
    # A study's `started` is one time, so an open period has no place there.
    assert any(name.startswith(element) for name in there) or kind == "imaging"


@pytest.mark.parametrize(("kind", "key", "more", "element"), _DATED)
@pytest.mark.parametrize("time", ["visit", "2024", "2024-05", "2024-05-06", "2020"])
def test_a_fact_that_may_be_earlier_is_kept(
    kind: str, key: str, more: dict[str, Any], element: str, time: str
) -> None:
    found = _visit(kind, **{key: time}, **more)
    assert found == _visit(kind, None, **{key: time}, **more)
    assert found is not None
    assert element == "started" or f"{element}DateTime" in found


@pytest.mark.parametrize("kind", ["conditions", "allergies"])
def test_a_stretch_that_goes_on_keeps_its_start(kind: str) -> None:
    found = _visit(kind, onset="from visit to later")
    assert found is not None
    assert found["onsetPeriod"] == {"start": "2024-05-06"}
    found = _visit(kind, None, onset="from visit to later")
    assert found is not None
    assert found["onsetPeriod"] == {"start": "2024-05-06", "end": "2024-05-20"}


def test_an_end_that_lies_later_is_not_told() -> None:
    found = _visit("conditions", onset="before later")
    assert found is not None
    assert not [key for key in found if key.startswith("onset")]


def test_words_for_a_time_do_not_tell_the_end() -> None:
    found = _visit("immunizations", date="from visit to 2024-05-20")
    assert found is not None
    assert found["occurrenceString"] == "since 2024-05-06"


def test_a_later_reaction_is_left_out() -> None:
    reaction = [
        {"text": "Rash", "onset": "later"},
        {"text": "Itch", "onset": "2024-05"},
        {"text": "Cough"},
    ]
    found = _visit("allergies", reaction=reaction)
    assert found is not None
    shown = [one["manifestation"][0]["text"] for one in found["reaction"]]
    assert shown == ["Itch", "Cough"]
    found = _visit("allergies", None, reaction=reaction)
    assert found is not None
    assert len(found["reaction"]) == len(reaction)


def test_references_to_what_is_not_known_are_left_out() -> None:
    case = small_case(
        conditions={"a": {"text": "A", "onset": "later"}, "b": {"text": "B", "due-to": "a"}}
    )
    assert "extension" not in converted(case, as_of="visit")["Condition/b"]
    assert "extension" in converted(case)["Condition/b"]


def test_an_outcome_waits_for_the_end() -> None:
    fact: dict[str, Any] = {
        "status": {"visit": "in-progress", "later": "completed"},
        "outcome": "Cured",
    }
    for as_of in ("later", None):
        found = _visit("procedures", as_of, **fact)
        assert found is not None
        assert found["outcome"] == {"text": "Cured"}
    found = _visit("procedures", **fact)
    assert found is not None
    assert found["status"] == "in-progress"
    assert "outcome" not in found


def test_an_outcome_of_what_was_stopped_is_not_lost() -> None:
    found = _visit("procedures", status="stopped", outcome="Given up")
    assert found is not None
    assert found["outcome"] == {"text": "Given up"}


def test_a_procedure_that_goes_on_is_in_progress() -> None:
    fact = {"at": "from visit to later", "outcome": "Cured"}
    found = _visit("procedures", **fact)
    assert found is not None
    assert found["status"] == "in-progress"
    assert found["performedPeriod"] == {"start": "2024-05-06"}
    assert "outcome" not in found
    found = _visit("procedures", "later", **fact)
    assert found is not None
    assert found["status"] == "completed"
    assert found["performedPeriod"]["end"] == "2024-05-20"


@pytest.mark.parametrize(
    ("more", "count"),
    [
        ({"conditions": {"f": {"text": "F", "onset": "2030"}}}, 1),
        ({"immunizations": {"f": {"text": "F", "date": "later + 1 d"}}}, 1),
        ({"procedures": {"f": {"text": "F", "at": "2030"}}}, 1),
        ({"allergies": {"f": {"text": "F", "reaction": [{"text": "R", "onset": "2030"}]}}}, 1),
        # What many facts inherit is told once.
        ({"defaults": {"at": "2030"}, "conditions": {"a": {"text": "A"}, "b": {"text": "B"}}}, 1),
        ({"conditions": {"f": {"text": "F", "onset": "later"}}}, 0),
        ({"conditions": {"f": {"text": "F", "onset": "2024-05"}}}, 0),
        ({"timeline": None, "defaults": None, "conditions": {"f": {"text": "F", "onset": "2030"}}},
         0),
    ],
)  # fmt: skip
def test_a_fact_after_the_last_point_is_worth_a_warning(more: dict[str, Any], count: int) -> None:
    done = convert_case(small_case(**more), "collection")
    assert done.output is not None
    assert [issue.rule for issue in done.outcome] == ["case-late"] * count
