from __future__ import annotations

from fhirkit.definitions.embedded import connect
from fhirkit.schema.additions import added_structures
from fhirkit.schema.store import SchemaStore

URL = "http://hl7.org/fhir/StructureDefinition/derivation-reference"


def test_what_fhirkit_writes_is_known_without_a_package() -> None:
    schema = SchemaStore(connect()).structure(URL)
    assert schema is not None
    assert schema.type == "Extension"
    assert {context.expression for context in schema.contexts} == {"Resource", "Element"}
    (extension,) = [child for child in schema.root.children if child.name == "extension"]
    types = {
        part.slice_name: [
            reference.code
            for child in part.children
            if child.name == "value"
            for reference in child.types
        ]
        for part in extension.slices
    }
    assert types == {
        "reference": ["Reference"],
        "path": ["string"],
        "offset": ["integer"],
        "length": ["integer"],
    }


def test_an_addition_gives_way_to_the_core_package() -> None:
    # An addition that the package defines itself would be dead weight.
    published = {
        row[0] for row in connect().execute("SELECT url FROM schema WHERE kind = 'resource'")
    }
    assert not published & {entry["url"] for entry in added_structures("4.0.1")}
