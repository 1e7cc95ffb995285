from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fhirkit import fhirpath
from fhirkit.fhirpath import Environment, embedded_model

Evaluate = Callable[..., list[Any]]


@pytest.fixture
def evaluate() -> Evaluate:
    def run(text: str, resource: Any = None, **environment: Any) -> list[Any]:
        expression = fhirpath.compile(text, embedded_model())
        surroundings = Environment(resource=resource, root_resource=resource, **environment)
        found = expression.evaluate(resource, surroundings)
        return [item if isinstance(item, bool | int | dict) else str(item) for item in found]

    return run
