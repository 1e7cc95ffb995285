"""The runner is held to account by false validators, fhirkit by the score that is written down."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from adapter import outcome
from suite_runner import (
    COLUMNS,
    NOT_CORE,
    SCORE,
    TROUBLES,
    compare,
    find,
    read_runs,
    results,
    run_id,
    score_of,
    table,
)

from fhirkit import FhirkitError, Issue, Outcome, Severity

HERE = Path(__file__).parent
_BAD = {"expression": "Patient.gender", "code": "code-invalid"}
RUNS: list[dict[str, Any]] = [
    {"name": "a", "run": "base", "module": "general", "file": "a", "valid": True, "errors": []},
    {"name": "b", "run": "base", "module": "general", "file": "b", "valid": True, "errors": []},
    {"name": "c", "run": "base", "module": "shc", "file": "c", "valid": False, "errors": [_BAD]},
    {"name": "d", "run": "profile", "module": "xhtml", "file": "d", "valid": False,
     "errors": [_BAD, {"expression": "Patient/*x*/.name", "code": "required"}]},
]  # fmt: skip


def error(expression: str, code: str) -> Issue:
    return Issue(Severity.ERROR, "r", "m", expression=expression, issue_type=code)


def always_valid(run: dict[str, Any], root: Path) -> Outcome:
    return Outcome((Issue(Severity.WARNING, "r", "a warning makes nothing invalid"),))


def always_invalid(run: dict[str, Any], root: Path) -> Outcome:
    return Outcome((error("Patient.gender", "value"),))


def always_crashes(run: dict[str, Any], root: Path) -> Outcome:
    raise RecursionError("too deep")


def dies(run: dict[str, Any], root: Path) -> Outcome:
    os._exit(9)


def refuses(run: dict[str, Any], root: Path) -> Outcome:
    raise FhirkitError("cannot be loaded")


def hangs_once(run: dict[str, Any], root: Path) -> Outcome:
    if run["name"] == "c":
        time.sleep(60)
    return perfect(run, root)


def perfect(run: dict[str, Any], root: Path) -> Outcome:
    return Outcome.of(error(e["expression"], e["code"]) for e in run["errors"])


def score(adapter: Any, timeout: float = 20) -> dict[str, Any]:
    return score_of(results(RUNS, adapter, HERE, timeout=timeout))


def row(of: int, validity: int, places: int, codes: int, trouble: str = "") -> dict[str, int]:
    troubles = {name: of if name == trouble else 0 for name in TROUBLES}
    return {"runs": of, "validity": validity, "places": places, "codes": codes, **troubles}


def test_a_perfect_validator_gets_everything() -> None:
    found = score(perfect)
    assert found["core"] == row(3, 3, 3, 3)
    assert found["all"] == row(4, 4, 4, 4)
    assert found["failing"] == {column: [] for column in COLUMNS}


def test_always_valid_is_right_about_the_valid_runs_only() -> None:
    found = score(always_valid)
    assert found["core"] == row(3, 2, 2, 2)
    assert found["all"] == row(4, 2, 2, 2)
    assert found["failing"]["validity"] == ["c base c", "d profile d"]


def test_always_invalid_is_right_about_the_verdict_of_the_others() -> None:
    found = score(always_invalid)
    assert found["core"] == row(3, 1, 0, 0)
    assert found["all"] == row(4, 2, 1, 0)  # c: the place is right, the code is not


@pytest.mark.parametrize(
    ("adapter", "trouble"),
    [(always_crashes, "crash"), (dies, "crash"), (refuses, "not-run")],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_trouble_is_wrong_even_where_invalid_is_expected(adapter: Any, trouble: str) -> None:
    found = score(adapter)
    assert found["core"] == row(3, 0, 0, 0, trouble)
    assert found["all"] == row(4, 0, 0, 0, trouble)
    assert all(len(found["failing"][column]) == 4 for column in COLUMNS)


def test_a_hang_ends_and_the_next_run_has_its_chance() -> None:
    found = score(hangs_once, timeout=1)
    assert found["all"]["hang"] == 1
    assert found["failing"]["validity"] == ["c base c"]


def test_repeated_errors_count_each_time() -> None:
    runs = [{**RUNS[2], "errors": [_BAD, _BAD]}]
    found = score_of(results(runs, always_invalid, HERE, timeout=20))
    assert found["all"]["validity"] == 1
    assert found["all"]["places"] == 0


def test_the_comparison_sees_both_directions() -> None:
    better, worse = score(perfect), score(always_valid)
    assert compare(better, better) == {"fell": [], "rose": []}
    assert "validity: c base c" in compare(better, worse)["fell"]
    assert compare(better, worse)["rose"] == []
    assert "codes: d profile d" in compare(worse, better)["rose"]
    assert "0.667" in table(worse)


def test_the_list_of_runs_is_whole() -> None:
    runs = read_runs()
    assert len(runs) == len({run_id(run) for run in runs}) == 583
    assert sum(run["module"] not in NOT_CORE for run in runs) == 542
    assert all(run["valid"] == (not run["errors"]) for run in runs)


def test_the_score_is_neither_lower_nor_higher_than_written_down() -> None:
    root = find()
    if root is None:
        pytest.skip("the suite is not on this machine: scripts/conformance fetches it")
    known = json.loads(SCORE.read_text("utf-8"))
    now = score_of(results(read_runs(), outcome, root))
    changed = compare(known, now)
    assert not changed["fell"], "worse than the score that is written down"
    assert not changed["rose"], "better: write it down with scripts/conformance"
    assert all(now["all"][trouble] == 0 for trouble in TROUBLES)


def test_every_run_that_stays_wrong_has_its_reason() -> None:
    known = json.loads(SCORE.read_text("utf-8"))["failing"]
    reasons = json.loads(SCORE.with_name("reasons.json").read_text("utf-8"))
    assert set(reasons) == {*known["validity"], *known["places"]}
    assert all(len(reason) > 30 for reason in reasons.values())
