"""From differentials to schemas: profiles that are published without a snapshot."""

from __future__ import annotations

from typing import Any

import pytest

from fhirkit.core.errors import InvalidInput
from fhirkit.definitions.embedded import connect
from fhirkit.schema.model import (
    Binding,
    Cardinality,
    Discriminator,
    ElementSchema,
    Slicing,
    StructureSchema,
    TypedValue,
)
from fhirkit.schema.snapshot import compile_differential
from fhirkit.schema.store import SchemaStore

CORE = "http://hl7.org/fhir/StructureDefinition/"
HERE = "https://fhir.test/StructureDefinition/"
BY_SYSTEM = {"discriminator": [{"type": "value", "path": "system"}], "rules": "open"}
BY_TYPE = Discriminator("type", "$this")


@pytest.fixture(scope="module")
def store() -> SchemaStore:
    return SchemaStore(connect())


def element(path: str, slice_name: str | None = None, **rest: Any) -> dict[str, Any]:
    named = {} if slice_name is None else {"sliceName": slice_name}
    return {"path": path, **named, **rest}


def definition(name: str, *elements: dict[str, Any], **rest: Any) -> dict[str, Any]:
    """A profile; its type is the first part of the elements' paths."""
    type_name = elements[0]["path"].partition(".")[0] if elements else "Patient"
    return {
        "resourceType": "StructureDefinition",
        "url": HERE + name,
        "name": name,
        "kind": "resource",
        "type": type_name,
        "baseDefinition": CORE + type_name,
        "derivation": "constraint",
        "differential": {"element": list(elements)},
        **rest,
    }


def grown(store: SchemaStore, *elements: dict[str, Any]) -> StructureSchema:
    return compile_differential(definition("one", *elements), store.structure)


def child(place: ElementSchema | StructureSchema, *names: str) -> ElementSchema:
    found = place.root if isinstance(place, StructureSchema) else place
    for name in names:
        found = next(part for part in found.children if part.name == name)
    return found


def part(place: ElementSchema, name: str) -> ElementSchema:
    return next(one for one in place.slices if one.slice_name == name)


def type_codes(place: ElementSchema) -> list[str]:
    return [one.code for one in place.types]


def test_what_a_differential_does_not_name_stays_that_of_the_base(store: SchemaStore) -> None:
    schema = grown(store, element("Patient.birthDate", min=1))
    base = store.type("Patient")
    assert base is not None
    assert child(schema, "birthDate").cardinality == Cardinality(1, 1)
    changed = [one.name for one in schema.root.children if one not in base.root.children]
    assert changed == ["birthDate"]
    assert schema.constraints == base.constraints
    assert (schema.url, schema.type, schema.base) == (HERE + "one", "Patient", CORE + "Patient")


def test_what_it_names_takes_the_place_of_what_the_base_says(store: SchemaStore) -> None:
    schema = grown(
        store,
        element("Patient.name", max="2", mustSupport=True),
        element("Patient.gender", binding={"strength": "required", "valueSet": "urn:vs"}),
        element("Patient.birthDate", minValueDate="1900-01-01", maxValueDate="2100-01-01"),
        element("Patient.maritalStatus", patternCodeableConcept={"text": "married"}),
        element("Patient.multipleBirth[x]", type=[{"code": "boolean"}], fixedBoolean=True),
    )
    assert child(schema, "name").cardinality == Cardinality(0, 2)
    assert child(schema, "name").must_support
    assert child(schema, "gender").binding == Binding("required", "urn:vs")
    assert child(schema, "birthDate").min_value == TypedValue("Date", '"1900-01-01"')
    assert child(schema, "birthDate").max_value == TypedValue("Date", '"2100-01-01"')
    assert child(schema, "maritalStatus").pattern is not None
    assert type_codes(child(schema, "multipleBirth")) == ["boolean"]
    assert child(schema, "multipleBirth").fixed == TypedValue("Boolean", "true")


def test_constraints_add_up(store: SchemaStore) -> None:
    added = {"key": "t-1", "severity": "error", "human": "h", "expression": "name.exists()"}
    schema = grown(store, element("Patient", constraint=[added]))
    assert {"dom-2", "t-1"} <= {schema.constraints[key].key for key in schema.root.constraints}


def test_a_path_steps_into_data_types(store: SchemaStore) -> None:
    schema = grown(store, element("Patient.name.period.start", min=1))
    assert child(schema, "name", "period", "start").cardinality == Cardinality(1, 1)
    assert child(schema, "name", "period", "start").path == "Patient.name.period.start"
    assert child(schema, "name", "family").types[0].code == "string"


def test_a_path_steps_into_what_an_element_repeats(store: SchemaStore) -> None:
    schema = grown(store, element("Questionnaire.item.item.item.text", min=1))
    inner = child(schema, "item", "item", "item")
    assert child(inner, "text").cardinality == Cardinality(1, 1)
    assert child(inner, "text").path == "Questionnaire.item.item.item.text"
    assert child(inner, "item").content_reference == f"{CORE}Questionnaire#Questionnaire.item"
    assert child(schema, "item", "text").cardinality == Cardinality(0, 1)


def test_a_slice_starts_as_the_element_and_may_be_absent(store: SchemaStore) -> None:
    schema = grown(
        store,
        element("Patient.identifier", slicing=BY_SYSTEM, min=1),
        element("Patient.identifier.value", min=1),
        element("Patient.identifier", "a", max="1"),
        element("Patient.identifier.system", fixedUri="urn:a"),
        element("Patient.identifier", "b"),
        element("Patient.identifier.system", fixedUri="urn:b"),
        element("Patient.identifier.value", maxLength=3),
    )
    whole = child(schema, "identifier")
    assert whole.slicing == Slicing("open", (Discriminator("value", "system"),))
    assert [one.slice_name for one in whole.slices] == ["a", "b"]
    assert part(whole, "a").cardinality == Cardinality(0, 1)
    assert part(whole, "b").cardinality == Cardinality(0, None)
    assert child(part(whole, "a"), "system").fixed == TypedValue("Uri", '"urn:a"')
    assert child(part(whole, "b"), "system").fixed == TypedValue("Uri", '"urn:b"')
    assert child(whole, "system").fixed is None
    # What is asked of every identifier is asked of those of a slice.
    assert child(part(whole, "a"), "value").cardinality == Cardinality(1, 1)
    assert child(part(whole, "b"), "value").max_length == 3
    assert child(part(whole, "a"), "value").max_length is None


def test_slices_of_slices(store: SchemaStore) -> None:
    schema = grown(
        store,
        element("Patient.identifier", slicing=BY_SYSTEM),
        element("Patient.identifier", "a", max="4", slicing=BY_SYSTEM),
        element("Patient.identifier.value", min=1),
        element("Patient.identifier", "a/x", max="1"),
        element("Patient.identifier.use", fixedCode="old"),
    )
    inner = part(child(schema, "identifier"), "a/x")
    assert inner.cardinality == Cardinality(0, 1)
    assert child(inner, "value").cardinality == Cardinality(1, 1)
    assert part(child(schema, "identifier"), "a").slicing is not None


def test_a_type_by_its_name_leaves_no_other_type(store: SchemaStore) -> None:
    unit = element("Observation.valueQuantity.unit", min=1)
    schema = grown(store, element("Observation.valueQuantity"), unit)
    whole = child(schema, "value")
    assert type_codes(whole) == ["Quantity"]
    assert whole.slicing == Slicing("closed", (BY_TYPE,))
    assert child(part(whole, "valueQuantity"), "unit").cardinality == Cardinality(1, 1)


def test_a_type_that_nothing_names_is_a_gap(store: SchemaStore) -> None:
    schema = grown(store, element("Observation.valueQuantity.unit", min=1))
    assert schema.gaps == ("nothing introduces Observation.valueQuantity",)
    assert not child(schema, "value").slices


def test_slices_of_a_choice_that_is_introduced_leave_the_others(store: SchemaStore) -> None:
    schema = grown(
        store,
        element("Observation.value[x]", min=1),
        element("Observation.value[x]", "valueQuantity"),
        element("Observation.value[x].unit", min=1),
    )
    whole = child(schema, "value")
    assert len(whole.types) == 11
    assert whole.slicing == Slicing("open", (BY_TYPE,))
    assert type_codes(part(whole, "valueQuantity")) == ["Quantity"]


def test_a_type_that_must_be_there_is_the_only_one(store: SchemaStore) -> None:
    schema = grown(
        store,
        element("Observation.value[x]", slicing={"rules": "open"}),
        element("Observation.value[x]", "valueString", min=1, type=[{"code": "string"}]),
    )
    assert type_codes(child(schema, "value")) == ["string"]
    assert child(schema, "value").cardinality == Cardinality(1, 1)


def test_a_type_whose_slice_may_not_occur_is_not_left(store: SchemaStore) -> None:
    schema = grown(
        store,
        element("Patient.deceased[x]", slicing={"rules": "open"}),
        element("Patient.deceased[x]", "deceasedBoolean", max="0"),
    )
    assert type_codes(child(schema, "deceased")) == ["dateTime"]


def test_extensions_are_sliced_by_url_without_being_told(store: SchemaStore) -> None:
    profile = [{"code": "Extension", "profile": [CORE + "patient-birthPlace"]}]
    schema = grown(store, element("Patient.extension", "place", min=1, type=profile))
    whole = child(schema, "extension")
    assert part(whole, "place").types[0].profiles == (CORE + "patient-birthPlace",)
    assert whole.cardinality == Cardinality(1, None)


def test_slices_of_a_profile_above_add_up_where_nothing_introduces_them() -> None:
    first = definition(
        "first",
        element("Patient.identifier", slicing=BY_SYSTEM),
        element("Patient.identifier", "a", min=1),
        element("Patient.identifier.system", fixedUri="urn:a"),
        element("Patient.identifier", "b"),
    )
    second = definition(
        "second", element("Patient.identifier", "b", min=2), baseDefinition=HERE + "first"
    )
    schema = SchemaStore(connect(), [first, second]).structure(HERE + "second")
    assert schema is not None
    assert child(schema, "identifier").cardinality == Cardinality(3, None)


def test_what_stands_behind_a_later_element_is_not_found(store: SchemaStore) -> None:
    schema = grown(store, element("Patient.gender", min=1), element("Patient.name", min=1))
    assert schema.gaps == ("Patient.gender does not stand in the order of the base",)
    assert child(schema, "name").cardinality == Cardinality(1, None)
    assert child(schema, "gender").cardinality == Cardinality(0, 1)


def test_the_profile_of_a_type_may_be_one_element_of_a_profile() -> None:
    library = definition(
        "library",
        element("Patient.contact", slicing={**BY_SYSTEM, "discriminator": []}),
        element("Patient.contact", "kin"),
        element("Patient.contact.name", min=1),
        element("Patient.contact", "other"),
    )
    part_url = CORE + "elementdefinition-profile-element"
    beside = [{"extension": [{"url": part_url, "valueString": "Patient.contact:kin"}]}]
    types = [{"code": "BackboneElement", "profile": [HERE + "library"], "_profile": beside}]
    user = definition("user", element("Patient.contact", type=types))
    store = SchemaStore(connect(), [library, user])
    schema = store.structure(HERE + "user")
    assert schema is not None
    (canonical,) = child(schema, "contact").types[0].profiles
    assert canonical == f"{HERE}library#Patient.contact:kin"
    found = store.structure(canonical)
    assert found is not None
    assert found.type == "BackboneElement"
    assert child(found.root, "name").cardinality == Cardinality(1, 1)
    assert store.structure(f"{HERE}library#Patient.contact:none") is None


def test_a_lone_slice_that_nothing_introduces_is_the_element(store: SchemaStore) -> None:
    schema = grown(store, element("Patient.identifier", "a", min=1, max="1"))
    assert child(schema, "identifier").cardinality == Cardinality(1, 1)
    assert not child(schema, "identifier").slices


def test_profiles_on_profiles() -> None:
    first = definition(
        "first",
        element("Patient.identifier", slicing=BY_SYSTEM),
        element("Patient.identifier", "a"),
        element("Patient.identifier.system", min=1, fixedUri="urn:a"),
    )
    second = definition(
        "second",
        element("Patient.identifier", "a", min=1),
        element("Patient.identifier.value", min=1),
        element("Patient.identifier", "b"),
        baseDefinition=HERE + "first",
    )
    third = definition("third", element("Patient.name", max="0"), baseDefinition=HERE + "second")
    schema = SchemaStore(connect(), [third, second, first]).structure(HERE + "third")
    assert schema is not None
    whole = child(schema, "identifier")
    assert [one.slice_name for one in whole.slices] == ["a", "b"]
    assert part(whole, "a").cardinality == Cardinality(1, None)
    assert child(part(whole, "a"), "system").fixed == TypedValue("Uri", '"urn:a"')
    assert child(part(whole, "a"), "value").cardinality == Cardinality(1, 1)
    assert part(whole, "b").children == ()
    assert child(schema, "name").cardinality == Cardinality(0, 0)


def test_a_path_steps_into_the_profile_of_a_type() -> None:
    name = definition(
        "name", element("HumanName.family", min=1), kind="complex-type", type="HumanName"
    )
    patient = definition(
        "patient",
        element("Patient.name", type=[{"code": "HumanName", "profile": [HERE + "name"]}]),
        element("Patient.name.given", max="1"),
    )
    schema = SchemaStore(connect(), [name, patient]).structure(HERE + "patient")
    assert schema is not None
    assert child(schema, "name", "family").cardinality == Cardinality(1, 1)
    assert child(schema, "name", "given").cardinality == Cardinality(0, 1)


def test_a_key_of_another_meaning_keeps_both(store: SchemaStore) -> None:
    def rule(text: str) -> list[dict[str, Any]]:
        return [{"key": "t-1", "severity": "error", "human": "h", "expression": text}]

    schema = grown(
        store,
        element("Patient.name", constraint=rule("family.exists()")),
        element("Patient.contact", constraint=rule("name.exists()")),
    )
    texts = {
        schema.constraints[key].expression
        for name in ("name", "contact")
        for key in child(schema, name).constraints
        if schema.constraints[key].key == "t-1"
    }
    assert texts == {"family.exists()", "name.exists()"}


def test_a_logical_model_adds_elements(store: SchemaStore) -> None:
    model = definition(
        "model",
        element("model", min=0, max="*"),
        element("model.part", min=1, max="*", type=[{"code": "BackboneElement"}]),
        element("model.part.note", max="1", type=[{"code": "string"}]),
        element("model.part.part", max="*", contentReference="#model.part"),
        kind="logical",
        type=HERE + "model",
        baseDefinition=CORE + "Element",
        derivation="specialization",
    )
    schema = compile_differential(model, store.structure)
    assert [one.name for one in schema.root.children] == ["id", "extension", "part"]
    assert child(schema, "part").array
    assert not child(schema, "part", "note").array
    assert child(schema, "part", "note").path == "model.part.note"


def test_what_does_not_exist_is_told_and_the_rest_is_kept(store: SchemaStore) -> None:
    schema = grown(store, element("Patient.nam", min=1), element("Patient.gender", min=1))
    assert schema.gaps == ("Patient has no element nam",)
    assert child(schema, "gender").cardinality == Cardinality(1, 1)


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ([element("Observation.status", min=1)], "about Observation"),
        ([element("Patient.gender", min=1), element("Patient.gender")], "twice"),
        ([element("Patient.birthDate", type=[{"code": "Period"}])], "may not be of type Period"),
        ([element("Patient.link", "a"), element("Patient.link", "b")], "told apart"),
        ([element("Patient.active", slicing=BY_SYSTEM), element("Patient.active", "a")], "repeat"),
        ([{"min": 1}], "no usable path"),
        ([element("Patient..name")], "no usable path"),
        ([element("Patient.name"), element("Person.name")], "not one of Patient"),
    ],
)
def test_a_differential_that_cannot_be_followed(
    store: SchemaStore, elements: list[dict[str, Any]], reason: str
) -> None:
    wrong = {**definition("one", *elements[1:]), "differential": {"element": elements}}
    wrong |= {"type": "Patient", "baseDefinition": CORE + "Patient"}
    with pytest.raises(InvalidInput, match=reason):
        compile_differential(wrong, store.structure)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"baseDefinition": HERE + "nowhere"}, "not at hand"),
        ({"baseDefinition": HERE + "one"}, "not at hand"),
        ({"baseDefinition": None}, "neither"),
        ({"differential": [1]}, "malformed"),
        ({"differential": {"element": [element("Patient.name", binding={})]}}, "malformed"),
        ({"snapshot": {"element": ["Patient"]}}, "malformed"),
    ],
)
def test_a_definition_without_a_schema_says_why(wrong: dict[str, Any], reason: str) -> None:
    profile = {**definition("one", element("Patient.name", min=1)), **wrong}
    store = SchemaStore(connect(), [profile])
    assert store.structure(HERE + "one") is None
    assert reason in (store.trouble(HERE + "one") or "")
    assert store.trouble(HERE + "nowhere") is None


def test_profiles_based_on_each_other_end() -> None:
    one = definition("one", element("Patient.name", min=1), baseDefinition=HERE + "two")
    two = definition("two", element("Patient.name", min=1), baseDefinition=HERE + "one")
    store = SchemaStore(connect(), [one, two])
    assert store.structure(HERE + "one") is None
    assert store.structure(HERE + "two") is None
    assert store.trouble(HERE + "two")
