"""Whatever shape a definitional resource has, its rules do no harm: the walk tells of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhirkit import Validator

GOLDEN = Path(__file__).parents[2] / "golden/definitional"
ODD: list[Any] = [None, 7, True, "x", [], {}, [7], [None], [[]], [{}], {"a": [1]}]


def resources() -> list[dict[str, Any]]:
    found = []
    for path in sorted(GOLDEN.glob("*.json")):
        for group in json.loads(path.read_text(encoding="utf-8")):
            found += [case["resource"] for case in group["cases"]]
            found += group["definitions"]
    return found


RESOURCES = resources()


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container with each of its keys or indices."""
    found: list[tuple[Any, Any]] = []
    pending = [value]
    while pending:
        current = pending.pop()
        keys = current if isinstance(current, dict) else range(len(current))
        for key in keys:
            found.append((current, key))
            if isinstance(current[key], dict | list):
                pending.append(current[key])
    return found


@pytest.fixture(scope="module")
def validator() -> Validator:
    return Validator(RESOURCES[:40])


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_no_wrong_shape_makes_a_rule_raise(validator: Validator, data: st.DataObject) -> None:
    resource = json.loads(json.dumps(data.draw(st.sampled_from(RESOURCES))))
    container, key = data.draw(st.sampled_from(places(resource)))
    container[key] = data.draw(st.sampled_from(ODD))
    validator.validate(resource)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_no_wrong_shape_of_a_definition_makes_it_raise(data: st.DataObject) -> None:
    definitions = json.loads(json.dumps(data.draw(st.sampled_from(GROUPS))["definitions"]))
    container, key = data.draw(st.sampled_from(places(definitions)))
    container[key] = data.draw(st.sampled_from(ODD))
    usable = [
        one for one in definitions if isinstance(one, dict) and isinstance(one.get("url"), str)
    ]
    validator = Validator(usable)
    for resource in data.draw(st.lists(st.sampled_from(RESOURCES), min_size=1, max_size=3)):
        validator.validate(resource)


GROUPS = [
    group
    for path in sorted(GOLDEN.glob("*.json"))
    for group in json.loads(path.read_text(encoding="utf-8"))
    if group["definitions"]
]
