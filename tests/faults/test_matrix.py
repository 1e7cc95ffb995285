"""The fault matrix in short: each row once here, each case once with the slow tests.

`scripts/faults` runs every case at every boundary and makes docs/faults.md.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent / "matrix"
sys.path.insert(0, str(HERE))

import run  # noqa: E402  # its folder is on the path since the line above
from invariants import incomplete_pull, incomplete_push, violations  # noqa: E402
from known import BROKEN  # noqa: E402
from report import NOT_TRIED, ROWS, page  # noqa: E402
from rows import cases  # noqa: E402
from world import CANARY, TOKEN, Ran, Runner, World, sample  # noqa: E402

from fhirkit.chaos import Behaviour  # noqa: E402

CASES = list(cases())


def parameters(numbers: list[int]) -> list[Any]:
    found = []
    for number in numbers:
        case = CASES[number]
        name = f"{case.row} {case.title}"
        marks = [pytest.mark.xfail(reason=BROKEN[name], strict=True)] if name in BROKEN else []
        found.append(pytest.param(number, id=name, marks=marks))
    return found


FIRST = {case.row: number for number, case in reversed(list(enumerate(CASES)))}


@pytest.fixture(scope="module")
def zygote() -> Iterator[None]:
    run._runner = Runner()
    yield
    run._runner.close()
    run._runner = None


@pytest.mark.parametrize("number", parameters(sorted(FIRST.values())))
def test_each_row_at_its_first_boundaries(zygote: None, number: int) -> None:
    outcome = run.one_case(number, 2)
    assert outcome.tried
    assert outcome.broken == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    "number", parameters([one for one in range(len(CASES)) if one not in FIRST.values()])
)
def test_each_case_at_its_first_boundary(zygote: None, number: int) -> None:
    assert run.one_case(number, 1).broken == {}


def test_every_row_has_a_case_or_says_why_not() -> None:
    assert {case.row for case in CASES} | set(NOT_TRIED) == set(ROWS)
    assert not {case.row for case in CASES} & set(NOT_TRIED)
    titles = [f"{case.row} {case.title}" for case in CASES]
    assert len(titles) == len(set(titles))
    assert set(BROKEN) <= set(titles), "what is known to be broken is a case"


# -- the invariants can fail ------------------------------------------------------------------


@pytest.fixture
def world(tmp_path: Path, zygote: None) -> Iterator[World]:
    assert run._runner is not None
    world = World(tmp_path, run._runner, Behaviour())
    world.write(*sample())
    assert world.run("push").code == 0
    assert violations(world) == []
    assert incomplete_push(world) == []
    yield world
    world.close()


def test_i1_sees_a_second_one_even_when_it_is_gone_again(world: World) -> None:
    twin = {**(world.server.store.read("Patient/p") or {}), "id": "p2"}
    world.server.put(twin)
    world.server.delete("Patient/p2")
    world.may_delete = 1
    assert [one[:2] for one in violations(world)] == ["I1"]


def test_i2_sees_that_others_work_is_gone(world: World) -> None:
    world.other("Patient/p", language="theirs-1")
    now = world.server.store.read("Patient/p") or {}
    world.server.put({name: value for name, value in now.items() if name != "language"})
    assert [one[:2] for one in violations(world)] == ["I2"]
    world.foreign.clear()
    world.foreign_deleted.add("Patient/p")
    assert [one[:2] for one in violations(world)] == ["I2"]


def test_i3_sees_what_lacks_and_what_differs(world: World) -> None:
    world.server.put({**(world.server.store.read("Patient/p") or {}), "birthDate": "1900"})
    assert incomplete_push(world) == ["I3: exit 0, and Patient/p is another on the server"]
    assert incomplete_pull(world) == ["I3: exit 0, and Patient/p is another here"]
    world.server.delete("Provenance/v")
    assert len(incomplete_push(world)) == len(incomplete_pull(world)) == 2
    world.ran.append(Ran(("push",), -999, "", "", 0, 60.0))
    assert "I3: hung" in "".join(violations(world))


def test_i5_sees_that_what_was_typed_is_gone(world: World) -> None:
    world.edit("Patient/p", birthDate="1990")
    world.path("Patient/p").write_text("{}")
    assert [one[:2] for one in violations(world)] == ["I5"]


def test_i6_and_i7_see_deletions_and_loose_ends(world: World) -> None:
    world.server.delete("Organization/top")
    assert [one[:2] for one in violations(world)] == ["I6", "I7"]


def test_i8_sees_names_and_tokens(world: World) -> None:
    world.ran.append(Ran(("push",), 0, "", CANARY, 0, 0.0))
    (world.tree / ".fhirkit/log").write_text(TOKEN)
    assert [one[:2] for one in violations(world)] == ["I8", "I8"]


def test_the_page_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NOT_TRIED, "F14", "for a reason")
    good = run.Outcome("F1", "a", 3, commit="abc1234")
    bad = run.Outcome("F2", "b", 2, {1: ["I1: twice | here"]})
    text = page([good, bad], 61.0, [])
    assert (
        "| F1 | kill −9 at requests, commits and renames | 1 | 3, every one | holds | abc1234 |"
        in text
    )
    assert "| F2 | b | 1 of 2 | I1: twice \\| here |" in text
    assert "**broken at 1**" in text
    assert "not tried: for a reason" in text
