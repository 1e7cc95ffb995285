"""Several processes say what one says, in the same order, whatever happens to one of them."""

from __future__ import annotations

import copy
import gc
import os
from collections.abc import Iterator

import pytest

from fhirkit import Validator
from fhirkit.core.garbage import collector_paused
from fhirkit.core.issues import Outcome
from fhirkit.validate import Options
from fhirkit.validate.batch import Checked, Input, check
from fhirkit.validate.source import Source

GOOD = b'{"resourceType":"Patient"}'
BAD = b'{"resourceType":"Patient","gender":"x"}'
DEADLY = b'{"resourceType":"Patient","id":"deadly"}'
RAISING = b'{"resourceType":"Patient","id":"raising"}'


class Fragile(Validator):
    """Dies of one input and fails on another."""

    def validate(
        self, source: Source, profiles: tuple[str, ...] = (), *, file: str | None = None
    ) -> Outcome:
        if source == DEADLY:
            os._exit(9)
        if source == RAISING:
            raise RuntimeError("a bug")
        return super().validate(source, profiles, file=file)


def inputs(*texts: bytes, copies: int = 1) -> list[Input]:
    return [Input(f"{number}.json", text) for number, text in enumerate(texts * copies)]


def rules(checked: list[Checked]) -> list[list[str]]:
    return [[issue.rule for issue in one.outcome] for one in checked]


def test_the_same_in_the_same_order() -> None:
    validator = Validator(options=Options(best_practice=True, bundle_entries={"0": "urn:x:y"}))
    given = [
        *inputs(GOOD, BAD, b"{", copies=30),
        Input("lines.ndjson", BAD, 7),
        Input("gone.json", None, trouble="no such file"),
    ]
    alone = list(check(validator, given))
    shared = list(check(validator, given, jobs=2))
    assert shared == alone
    assert [one.input for one in shared] == given
    assert shared[-2].outcome.issues[0].line == 7


def test_a_process_that_dies_stops_nothing_but_its_own_input() -> None:
    given = inputs(GOOD, DEADLY, BAD, RAISING, GOOD)
    shared = list(check(Fragile(), given, jobs=2))
    assert rules(shared)[1] == rules(shared)[3] == ["internal-error"]
    assert "binding-required" in rules(shared)[2]
    assert [one.outcome.valid for one in shared] == [True, False, False, False, True]
    assert "RuntimeError" in shared[3].crash
    assert shared[1].crash


def test_inputs_are_taken_as_they_are_needed() -> None:
    taken = 0

    def endless() -> Iterator[Input]:
        nonlocal taken
        while True:
            taken += 1
            yield Input(f"{taken}.json", GOOD)

    outcomes = check(Validator(), endless(), jobs=2)
    first = [next(outcomes) for _ in range(5)]
    outcomes.close()  # type: ignore[attr-defined]  # a generator
    assert [one.input.name for one in first] == [f"{n}.json" for n in range(1, 6)]
    assert taken < 1000


def test_no_inputs() -> None:
    assert list(check(Validator(), [], jobs=2)) == []


def test_options_travel() -> None:
    options = Options(
        best_practice=True, bundle_entries={"Patient:0": "urn:x:y"}, languages=("de",)
    )
    assert copy.copy(options) == options  # by the way that other processes get them


@pytest.mark.parametrize("was_on", [True, False])
def test_the_collector_is_as_it_was(was_on: bool) -> None:
    before = gc.isenabled()
    try:
        (gc.enable if was_on else gc.disable)()
        with collector_paused():
            assert not gc.isenabled()
            with collector_paused():
                assert not gc.isenabled()
            assert not gc.isenabled()
        assert gc.isenabled() is was_on
        with pytest.raises(RuntimeError), collector_paused():
            raise RuntimeError
        assert gc.isenabled() is was_on
    finally:
        (gc.enable if before else gc.disable)()


def test_a_large_resource_leaves_the_collector_running() -> None:
    text = b'{"resourceType":"Patient","name":[{"text":"' + b"x" * (1 << 18) + b'"}]}'
    before = gc.isenabled()
    assert Validator().validate(text).valid
    assert gc.isenabled() is before
