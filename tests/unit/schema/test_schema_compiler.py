"""From snapshots to schemas."""

from __future__ import annotations

from typing import Any

import pytest

from fhirkit.core.errors import InvalidInput
from fhirkit.definitions.embedded import connect
from fhirkit.schema.compiler import compile_structure
from fhirkit.schema.corrections import corrected_expression
from fhirkit.schema.model import (
    Binding,
    Cardinality,
    Discriminator,
    ElementSchema,
    TypedValue,
    decode_structure,
    encode,
)
from fhirkit.schema.store import SchemaStore


@pytest.fixture(scope="module")
def store() -> SchemaStore:
    return SchemaStore(connect())


def child(element: ElementSchema, *names: str) -> ElementSchema:
    for name in names:
        element = next(part for part in element.children if part.name == name)
    return element


def test_a_resource_of_the_specification(store: SchemaStore) -> None:
    patient = store.type("Patient")
    assert patient is not None
    assert (patient.kind, patient.derivation, patient.fhir_version) == (
        "resource",
        "specialization",
        "4.0.1",
    )
    gender = child(patient.root, "gender")
    assert gender.cardinality == Cardinality(0, 1)
    assert not gender.array
    value_set = "http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1"
    assert gender.binding == Binding("required", value_set)
    deceased = child(patient.root, "deceased")
    assert deceased.choice
    assert [kind.code for kind in deceased.types] == ["boolean", "dateTime"]
    assert child(patient.root, "contact").array
    assert child(patient.root, "contact", "organization").types[0].target_profiles == (
        "http://hl7.org/fhir/StructureDefinition/Organization",
    )
    assert "pat-1" in child(patient.root, "contact").constraints
    assert patient.constraints["pat-1"].expression


def test_the_id_of_a_resource_is_corrected(store: SchemaStore) -> None:
    observation, period = store.type("Observation"), store.type("Period")
    assert observation is not None
    assert period is not None
    assert child(observation.root, "id").types[0].code == "id"
    assert child(period.root, "id").types[0].code == "string"


def test_content_references_are_kept(store: SchemaStore) -> None:
    questionnaire = store.type("Questionnaire")
    assert questionnaire is not None
    repeated = child(questionnaire.root, "item", "item").content_reference
    # What a type repeats it repeats as the type has it, whatever profile it is seen through.
    assert repeated == f"{questionnaire.url}#Questionnaire.item"


def test_a_profile_keeps_its_slices(store: SchemaStore) -> None:
    pressure = store.structure("http://hl7.org/fhir/StructureDefinition/bp")
    assert pressure is not None
    component = child(pressure.root, "component")
    assert component.array
    assert component.slicing is not None
    assert component.slicing.discriminators == (
        Discriminator("value", "code.coding.code"),
        Discriminator("value", "code.coding.system"),
    )
    assert [part.slice_name for part in component.slices] == ["SystolicBP", "DiastolicBP"]
    codes = child(component.slices[0], "code", "coding").slices[0]
    assert child(codes, "code").fixed == TypedValue("Code", '"8480-6"')


@pytest.mark.parametrize(
    ("name", "json", "minimum", "maximum", "length"),
    [
        ("boolean", "boolean", None, None, None),
        ("positiveInt", "integer", -(2**31), 2**31 - 1, None),
        ("decimal", "decimal", None, None, None),
        ("markdown", "string", None, None, 1048576),
        ("dateTime", "string", None, None, None),
    ],
)
def test_primitives_inherit_from_their_base(
    store: SchemaStore,
    name: str,
    json: str,
    minimum: int | None,
    maximum: int | None,
    length: int | None,
) -> None:
    schema = store.type(name)
    assert schema is not None
    primitive = schema.primitive
    assert primitive is not None
    assert (primitive.json, primitive.min, primitive.max, primitive.max_length) == (
        json,
        minimum,
        maximum,
        length,
    )
    assert primitive.regexes


def test_every_stored_schema_reads_back_as_it_was_written() -> None:
    for (body,) in connect().execute("SELECT body FROM schema"):
        assert encode(decode_structure(body)) == body


def definition(*elements: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "StructureDefinition",
        "url": "urn:x",
        "type": "X",
        "snapshot": {"element": list(elements)},
    }


def test_slices_of_slices_and_equal_paths_hang_where_they_belong() -> None:
    base = {"min": 0, "max": "*"}
    schema = compile_structure(
        definition(
            {"path": "X", **base},
            {"path": "X.a", **base, "slicing": {"rules": "open"}},
            {"path": "X.a.b", **base},
            {"path": "X.a", "sliceName": "one", **base},
            {"path": "X.a.b", "min": 1, "max": "1", "base": {"max": "*"}},
            {"path": "X.a", "sliceName": "one/two", **base},
            {"path": "X.c", **base},
        ),
        lambda _: None,
    )
    assert [part.name for part in schema.root.children] == ["a", "c"]
    head = schema.root.children[0]
    assert [part.slice_name for part in head.slices] == ["one", "one/two"]
    assert head.slices[0].children[0].cardinality == Cardinality(1, 1)
    assert head.slices[0].children[0].array
    assert head.children[0].cardinality == Cardinality(0, None)


def test_one_key_with_two_meanings_keeps_both() -> None:
    one = {"key": "k-1", "severity": "error", "human": "a", "expression": "a"}
    schema = compile_structure(
        definition(
            {"path": "X", "min": 0, "max": "*", "constraint": [one]},
            {"path": "X.a", "min": 0, "max": "1", "constraint": [{**one, "expression": "b"}]},
        ),
        lambda _: None,
    )
    assert schema.root.constraints == ("k-1",)
    own = schema.root.children[0].constraints
    assert [schema.constraints[key].expression for key in (*schema.root.constraints, *own)] == [
        "a",
        "b",
    ]


@pytest.mark.parametrize(
    "broken",
    [
        {"url": "urn:x"},
        {"url": "urn:x", "snapshot": {"element": []}},
        definition({"path": "X"}, {"path": "Y.a"}),
    ],
)
def test_what_is_no_tree_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="urn:x"):
        compile_structure(broken, lambda _: None)


def test_versions_are_respected(store: SchemaStore) -> None:
    url = "http://hl7.org/fhir/StructureDefinition/Patient"
    assert store.structure(f"{url}|4.0.1") is not None
    assert store.structure(f"{url}|4.0") is not None
    assert store.structure(f"{url}|5.0.0") is None
    assert store.structure("http://example.org/unknown") is None


def test_resource_types_are_the_concrete_ones(store: SchemaStore) -> None:
    assert {"Patient", "Bundle", "Parameters", "Binary"} <= store.resource_types
    assert not store.resource_types & {"Resource", "DomainResource", "HumanName"}
    assert len(store.resource_types) == 146


def test_a_text_in_double_quotes_is_corrected_in_what_r5_published() -> None:
    """R5's eld-11 cannot be read as published, so no ElementDefinition could pass it."""
    types = ["code", "Coding", "CodeableConcept", "Quantity", "string", "uri", "Duration"]
    listed = " or ".join(
        f"(code{'=' if one == 'CodeableConcept' else ' = '}'{one}')" for one in types
    )
    start = 'binding.empty() or type.code.empty() or type.code.contains(":") or type.select('
    corrected = corrected_expression(f"{start}{listed}).exists()")
    assert '"' not in corrected
    assert "contains(':')" in corrected
