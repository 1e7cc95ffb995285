"""The functions written for shapes say what the walk says that has none: no more, no less."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alterations import TEXTS, damaged
from hypothesis import given
from hypothesis import strategies as st
from samples import ALL

from fhirkit.core.jsonio import loads
from fhirkit.definitions.embedded import connect
from fhirkit.schema.store import SchemaStore
from fhirkit.validate.location import root
from fhirkit.validate.rules.certain import certain
from fhirkit.validate.rules.primitive import PrimitiveCheck
from fhirkit.validate.services import Services
from fhirkit.validate.shapes import Shapes
from fhirkit.validate.walk import Walk

BUNDLES = Path(__file__).resolve().parents[3] / "bundles"
RESOURCES = [*ALL.values(), *(loads(path.read_bytes()) for path in sorted(BUNDLES.glob("*.json")))]
STORE = SchemaStore(connect())
# What is remembered as right by one way of walking must not help the other.
WITH_FUNCTIONS, WITHOUT = Shapes(STORE), Shapes(STORE)


def walked(shapes: Shapes, resource: dict[str, Any], often: int | None) -> tuple[Any, ...]:
    walk = Walk(shapes, Services(shapes), often=often)
    walk.resource(resource, root(str(resource.get("resourceType"))))
    references = [(use.value, use.node, use.targets) for use in walk.references]
    return walk.found, references, walk.extensions, walk.claims


def assert_same(resource: dict[str, Any]) -> None:
    assert walked(WITH_FUNCTIONS, resource, 1) == walked(WITHOUT, resource, None)


@pytest.mark.parametrize("resource", RESOURCES)
def test_whole_resources(resource: dict[str, Any]) -> None:
    assert_same(resource)


@given(data=st.data())
def test_resources_damaged_anywhere(data: st.DataObject) -> None:
    resource = damaged(data, RESOURCES)
    assert_same(resource)


@pytest.mark.parametrize("levels", [60, 70, 98, 99, 100, 101, 150])
def test_nesting_ends_at_the_same_level(levels: int) -> None:
    extension: dict[str, Any] = {"url": "http://example.org/x", "valueBoolean": True}
    for _ in range(levels):
        extension = {"url": "http://example.org/x", "extension": [extension]}
    assert_same({"resourceType": "Patient", "extension": [extension]})


def test_a_choice_that_was_right_alone_is_not_right_beside_another() -> None:
    extension = {"url": "http://example.org/x", "valueString": "once"}
    alone = {"resourceType": "Patient", "extension": [extension]}
    both = {"resourceType": "Patient", "extension": [{**extension, "valueCode": "once"}]}
    assert_same(alone)
    assert_same(both)
    assert "choice-multiple" in {found.rule for found in walked(WITH_FUNCTIONS, both, 1)[0]}


NUMBERS = st.one_of(
    st.integers(), st.integers(-(2**31) - 1, 2**31), st.floats(), st.booleans(), st.decimals()
)
PRIMITIVES = [
    row.removeprefix("http://hl7.org/fhir/StructureDefinition/")
    for (row,) in connect().execute("SELECT url FROM schema WHERE kind = 'primitive-type'")
]


@pytest.mark.parametrize("name", PRIMITIVES)
@given(text=TEXTS, number=NUMBERS)
def test_what_is_right_for_certain_passes_the_complete_check(
    name: str, text: str, number: Any
) -> None:
    structure = STORE.type(name)
    assert structure is not None
    check = PrimitiveCheck(name, structure.primitive)
    if check.certain is not None:
        value = text if check.is_text else number
        assert not check.certain(value) or check(value) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("string", "Grüße,\nzwei Zeilen"),
        ("code", "final"),
        ("id", "a-1.b"),
        ("uri", "http://example.org/x"),
        ("canonical", "http://example.org/x|1"),
        ("date", "2024-02-28"),
        ("date", "2024-12-30"),
        ("dateTime", "2024-02-28T23:59:59.123+13:00"),
        ("instant", "2024-02-28T23:59:59Z"),
        ("base64Binary", "aGVsbG8="),
        ("boolean", False),
        ("decimal", loads("1.50")),
        ("positiveInt", 1),
    ],
)
def test_usual_values_are_right_for_certain(name: str, value: Any) -> None:
    structure = STORE.type(name)
    assert structure is not None
    assert structure.primitive is not None
    test = certain(name, structure.primitive)
    assert test is not None
    assert test(value)
