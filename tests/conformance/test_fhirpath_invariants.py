"""All R4 invariants: they compile, and mostly to the quick form."""

from __future__ import annotations

from fhirpath_invariants import expressions_at, places

from fhirkit import fhirpath
from fhirkit.definitions.embedded import connect
from fhirkit.fhirpath import Environment, embedded_model
from fhirkit.schema.model import ElementSchema, decode_structure


def all_invariants() -> set[tuple[str, str]]:
    """(type of the focus, expression) for every element of every type definition."""
    model = embedded_model()
    found: set[tuple[str, str]] = set()
    rows = connect().execute("SELECT body FROM schema WHERE derivation IS NOT 'constraint'")
    for (body,) in rows:
        schema = decode_structure(body)
        pending: list[ElementSchema] = [schema.root]
        while pending:
            element = pending.pop()
            pending.extend(element.children)
            names = [element.path] if model.type(element.path) else [t.code for t in element.types]
            for key in element.constraints:
                text = schema.constraints[key].expression
                if text:
                    found.update((name, text) for name in names)
    return found


def test_every_invariant_compiles_and_most_are_quick() -> None:
    model = embedded_model()
    invariants = all_invariants()
    texts = {text for _, text in invariants}
    assert len(texts) > 180
    quick = {
        text
        for name, text in invariants
        if fhirpath.compile(text, model)._quick_for(name) is not None
    }
    assert len(quick) >= 0.9 * len(texts)


def test_places_find_the_invariants_of_an_element() -> None:
    contact = {"telecom": [{"value": "1"}]}
    patient = {"resourceType": "Patient", "contact": [contact]}
    assert any("organization.exists()" in x for x in expressions_at("Patient", "Patient.contact"))
    broken = set()
    for element, texts, container in places(patient):
        environment = Environment(resource=container.value, root_resource=patient)
        for text in texts:
            expression = fhirpath.compile(text, embedded_model())
            if not expression.check(element.value, environment, type_name=element.type):
                broken.add((element.type, text))
    assert broken == {("ContactPoint", "value.empty() or system.exists()"),
                      ("Patient", "text.`div`.exists()")}  # fmt: skip
