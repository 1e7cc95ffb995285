"""Every invariant of the specification, broken at least once.

``invariants.ndjson`` holds a small resource of our own making for each, which HL7's validator
refuses for that invariant, too, where it can judge it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fhirkit import Validator
from fhirkit.core.issues import Severity
from fhirkit.definitions.embedded import connect
from fhirkit.schema.model import ElementSchema, StructureSchema
from fhirkit.schema.store import SchemaStore

LINES = (Path(__file__).parent / "invariants.ndjson").read_text("utf-8").splitlines()
BROKEN: dict[str, Any] = {one["key"]: one["resource"] for one in map(json.loads, LINES)}
#: Invariants that have a rule of their own, which says where and what to do.
OWN_RULES = {
    "dom-3": "contained-orphan",
    "ext-1": "extension-content",
    "txt-1": "narrative-content",
    "txt-2": "narrative-empty",
}
#: Invariants without an example, and why.
WITHOUT = {
    "ele-1": "an empty element is found by its shape",
    "eld-11": "said of the differential as a whole",
    "eld-19": "said of the differential as a whole",
    **dict.fromkeys(("ppc-2", "ppc-3", "ppc-4", "ppc-5"), "asks for a system named 'something'"),
    **dict.fromkeys(("sdf-19", "sdf-22"), "for what HL7 itself publishes"),
    **dict.fromkeys(("tst-11", "tst-13"), "said by their twins tst-10 and tst-12"),
}


@pytest.mark.parametrize("key", BROKEN)
def test_a_broken_invariant_is_found(validator: Validator, key: str) -> None:
    issues = [i for i in validator.validate(BROKEN[key]) if i.severity is Severity.ERROR]
    assert any(
        issue.message.startswith(f"{key}: ") or issue.rule == OWN_RULES.get(key) for issue in issues
    ), [f"{issue.rule}: {issue.message}" for issue in issues]


def test_there_is_an_example_of_every_invariant() -> None:
    assert BROKEN.keys() | WITHOUT.keys() >= set(_errors())
    assert BROKEN.keys().isdisjoint(WITHOUT)


def _errors() -> set[str]:
    """The keys of all invariants of R4's types that are errors."""
    connection = connect()
    store = SchemaStore(connection)
    rows = connection.execute(
        "SELECT type FROM schema WHERE derivation IS NOT 'constraint'"
        " AND kind IN ('complex-type', 'resource')"
    ).fetchall()
    found: set[str] = set()
    for (name,) in rows:
        structure = store.type(name)
        assert structure is not None
        found |= _keys(structure, structure.root)
    return found


def _keys(structure: StructureSchema, element: ElementSchema) -> set[str]:
    found = {
        structure.constraints[key].key
        for key in element.constraints
        if structure.constraints[key].severity == "error"
    }
    return found.union(*(_keys(structure, child) for child in element.children))
