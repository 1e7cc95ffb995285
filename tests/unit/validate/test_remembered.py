"""Remembered outcomes: the same as fresh ones, gone when anything changed, and without values."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirkit import Validator
from fhirkit.validate import remembered
from fhirkit.validate.batch import Checked, Input, check
from fhirkit.validate.remembered import Remembered, identity

SECRET = "Zq-Secret"
TEXTS = [
    b'{"resourceType": "Patient", "gender": "male"}',
    b'{"resourceType": "Patient",\n "gender": "Zq-Secret", "birthDate": "2020-02-30"}',
    b"{",
    b'{"resourceType": "Patient", "meta": {"profile": ["http://example.org/p"]}}',
]


class Counted:
    """The validator, counting what it is asked to check."""

    def __init__(self) -> None:
        self.validator = Validator()
        self.asked: list[str] = []

    def __call__(self, inputs: Iterable[Input]) -> Iterator[Checked]:
        def noted() -> Iterator[Input]:
            for item in inputs:
                self.asked.append(item.name)
                yield item

        return check(self.validator, noted())


@pytest.fixture(scope="module")
def counted() -> Counted:
    return Counted()


def inputs(*numbers: int) -> list[Input]:
    return [Input(f"{place}.json", TEXTS[number]) for place, number in enumerate(numbers)]


def run(file: Path, items: list[Input], checking: Counted, name: str = "v1") -> list[Checked]:
    checking.asked.clear()
    with Remembered(file, name) as store:
        return list(store.check(items, checking))


@given(st.lists(st.integers(0, 3), max_size=12), st.lists(st.integers(0, 3), max_size=12))
def test_outcomes_are_those_of_a_fresh_check_in_order(
    counted: Counted,
    tmp_path_factory: pytest.TempPathFactory,
    first: list[int],
    second: list[int],
) -> None:
    file = tmp_path_factory.mktemp("store") / "o.sqlite"
    run(file, inputs(*first), counted)
    assert run(file, inputs(*second), counted) == list(counted(inputs(*second)))


def test_only_what_changed_is_checked_again(counted: Counted, tmp_path: Path) -> None:
    run(tmp_path / "o", inputs(0, 1, 2, 3), counted)
    assert len(counted.asked) == 4
    run(tmp_path / "o", inputs(0, 1, 2, 3), counted)
    assert counted.asked == []
    changed = inputs(0, 1, 2, 3)
    changed[2] = Input("2.json", TEXTS[0] + b" ")
    run(tmp_path / "o", changed, counted)
    assert counted.asked == ["2.json"]


def test_another_validator_or_profile_knows_nothing(counted: Counted, tmp_path: Path) -> None:
    run(tmp_path / "o", inputs(1), counted)
    run(tmp_path / "o", inputs(1), counted, name="v2")
    assert counted.asked == ["0.json"]
    with_profile = [inputs(1)[0]._replace(profiles=("http://example.org/p",))]
    (checked,) = run(tmp_path / "o", with_profile, counted)
    assert "profile-unknown" in {issue.rule for issue in checked.outcome}


def test_lines_of_ndjson_are_where_they_are_now(counted: Counted, tmp_path: Path) -> None:
    run(tmp_path / "o", [Input("a.ndjson", TEXTS[1], 3)], counted)
    (checked,) = run(tmp_path / "o", [Input("b.ndjson", TEXTS[1], 40)], counted)
    assert counted.asked == []
    assert {(issue.file, issue.line) for issue in checked.outcome} == {("b.ndjson", 41)}


def test_a_crash_is_not_remembered(tmp_path: Path) -> None:
    def crashes(inputs: Iterable[Input]) -> Iterator[Checked]:
        for checked in check(Validator(), inputs):
            asked.append(checked.input.name)
            yield checked._replace(crash="somewhere")

    asked: list[str] = []
    for _ in range(2):
        with Remembered(tmp_path / "o", "v") as store:
            list(store.check(inputs(0), crashes))
    assert asked == ["0.json", "0.json"]


def test_no_value_of_a_record_is_stored(counted: Counted, tmp_path: Path) -> None:
    run(tmp_path / "o", [Input(f"{SECRET}.json", TEXTS[1])], counted)
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert SECRET.encode() not in stored
    assert b"binding-required" in stored
    assert (tmp_path / "o").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "damage", ["garbage", "truncated", "layout", "rows", "folder", "no-folder"]
)
def test_a_damaged_store_costs_a_check_and_nothing_else(
    counted: Counted, tmp_path: Path, damage: str
) -> None:
    file = tmp_path / "o"
    run(file, inputs(0, 1), counted)
    if damage == "garbage":
        file.write_bytes(b"no database" * 500)
    elif damage == "truncated":
        file.write_bytes(file.read_bytes()[:5000])
    elif damage == "folder":
        file.unlink()
        file.mkdir()
    elif damage == "no-folder":
        file = tmp_path / "o" / "below" / "a-file"
    else:
        with sqlite3.connect(file) as connection:
            if damage == "layout":
                connection.execute("PRAGMA user_version = 99")
            else:
                connection.execute("UPDATE outcome SET issues = x'00ff'")
    checked = run(file, inputs(0, 1), counted)
    assert checked == list(check(counted.validator, inputs(0, 1)))


def test_outcomes_nobody_asks_for_are_dropped(
    counted: Counted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path / "o", inputs(0, 1), counted)
    now = remembered.time.time()
    monkeypatch.setattr(remembered.time, "time", lambda: now + 20 * 86_400)
    run(tmp_path / "o", inputs(0), counted)
    monkeypatch.setattr(remembered.time, "time", lambda: now + 40 * 86_400)
    run(tmp_path / "o", [], counted)
    run(tmp_path / "o", inputs(0, 1), counted)
    assert counted.asked == ["1.json"]


def test_few_outcomes_are_held_back(
    counted: Counted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "_AHEAD", 3)
    run(tmp_path / "o", inputs(0), counted)
    checked = run(tmp_path / "o", inputs(1, *[0] * 20), counted)
    assert [one.input.name for one in checked] == [f"{n}.json" for n in range(21)]


def test_identity_follows_options_and_what_paths_hold(tmp_path: Path) -> None:
    definition = tmp_path / "d.json"
    definition.write_text("1")
    first = identity("options", definition, tmp_path)
    assert identity("options", definition, tmp_path) == first
    assert identity("others", definition, tmp_path) != first
    definition.write_text("2")
    assert identity("options", definition) != identity("options", tmp_path / "none")
    assert identity("options", definition, tmp_path) != first
