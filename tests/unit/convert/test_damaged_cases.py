"""Damaged cases: whatever is cut, swapped or spoilt, there is either valid FHIR or issues."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
import yaml
from convert_cases import RLS, ROOT

from fhirkit.convert import OUTPUTS, convert_case
from fhirkit.core.jsonio import dumps

CASES = [RLS, *sorted((ROOT / "tests/golden/convert").glob("*/case.yaml"))]
SPOILT = [
    None, "", " ", "~", "x", "NO", "not reported", "-1", "1e9 kg", "9,5 g/dL", "2023-02-29",
    "visit", "visit + 4 wk", "before visit", "from visit to visit", "<5 mg/L", "1-2 mg", "sct:1",
    "loinc:718-7", "a" * 70, "\x00", "\ud800", "💥", "…", [], {}, [[]], [None], {"x": {}},
    {"value": "active"}, {"visit": "active"}, {"visit": {"value": "x", "quote": "y"}},
    True, 0, 1.5, ["x", {"y": "z"}], "patient", "defaults",
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, dict):
        for name, member in value.items():
            found += places(member, (*path, name))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            found += places(member, (*path, index))
    return found


def damaged(data: Any, chance: random.Random) -> Any:
    data = copy.deepcopy(data)
    for _ in range(chance.randint(1, 3)):
        path = chance.choice(places(data))
        holder = data
        for step in path[:-1]:
            holder = holder[step]
        last = path[-1]
        kind = chance.random()
        if kind < 0.25:
            del holder[last]
        elif kind < 0.4 and isinstance(holder, dict):
            holder[chance.choice([f"{last}x", "quote", "status", "at", "1", "a b"])] = holder.pop(
                last
            )
        elif kind < 0.6:
            other = data
            for step in chance.choice(places(data)):
                other = other[step]
            holder[last] = copy.deepcopy(other)
        else:
            holder[last] = copy.deepcopy(chance.choice(SPOILT))
    return data


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.parent.name)
def test_valid_or_told(path: Any) -> None:
    from fhirkit.validate import Validator

    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    validator = Validator()
    chance = random.Random(20260131)  # noqa: S311  # a fixed seed, not a secret
    seen = {True: 0, False: 0}
    for number in range(150):
        case = damaged(data, chance)
        to = OUTPUTS[number % 3]
        done = convert_case(case, to, folder=path.parent)
        seen[done.output is not None] += 1
        assert (done.output is None) == bool(done.outcome.errors)
        if done.output is not None:
            assert isinstance(done.output, dict)
            dumps(done.output)
            outcome = validator.validate(done.output)
            assert outcome.valid, [f"{one.expression} {one.message}" for one in outcome.errors]
    assert min(seen.values()) > 5
