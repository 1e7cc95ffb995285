"""Listing the codes of value sets: https://hl7.org/fhir/R4/valueset.html#compositions."""

from __future__ import annotations

from typing import Any

import pytest

from fhirkit.definitions.embedded import connect
from fhirkit.schema.model import ValueSetSchema
from fhirkit.schema.store import SchemaStore
from fhirkit.schema.value_sets import compile_value_set


def listed(*codes: str) -> dict[str, Any]:
    return {"system": "urn:tree", "concept": [{"code": code} for code in codes]}


TREE = {
    "resourceType": "CodeSystem",
    "url": "urn:tree",
    "content": "complete",
    "concept": [
        {"code": "a", "concept": [{"code": "b", "concept": [{"code": "c"}]}]},
        {"code": "d"},
    ],
}
PROPERTIES = {
    "resourceType": "CodeSystem",
    "url": "urn:properties",
    "content": "complete",
    "concept": [
        {"code": "a", "property": [{"code": "kind", "valueCode": "x"}]},
        {"code": "b", "property": [{"code": "kind", "valueString": "yy"}]},
        {"code": "c", "property": [{"code": "subsumedBy", "valueCode": "a"}]},
        {"code": "d", "property": [{"code": "parent", "valueCode": "c"}]},
        {"code": "e", "property": [{"code": "done", "valueBoolean": True}]},
    ],
}
FRAGMENT = {"url": "urn:fragment", "content": "fragment", "concept": [{"code": "x"}]}
SETS: dict[str, dict[str, Any]] = {
    "urn:ab": {"url": "urn:ab", "compose": {"include": [listed("a", "b")]}},
    "urn:self": {"url": "urn:self", "compose": {"include": [{"valueSet": ["urn:self"]}]}},
}


def expand(include: list[dict[str, Any]], exclude: list[dict[str, Any]] | None = None) -> Any:
    compose: dict[str, Any] = {"include": include}
    if exclude:
        compose["exclude"] = exclude
    value_set = {"url": "urn:vs", "compose": compose}
    return compile_value_set(
        value_set,
        lambda canonical: SETS.get(canonical.partition("|")[0]),
        {"urn:tree": TREE, "urn:fragment": FRAGMENT, "urn:properties": PROPERTIES}.get,
    )


def codes(schema: ValueSetSchema) -> set[str]:
    assert schema.missing == ()
    return {code for listed in schema.codes.values() for code in listed}


def filtered(operator: str, value: str) -> list[dict[str, Any]]:
    condition = {"property": "concept", "op": operator, "value": value}
    return [{"system": "urn:tree", "filter": [condition]}]


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        ([{"system": "urn:tree"}], None, "abcd"),
        ([{"system": "urn:fragment", "concept": [{"code": "x"}]}], None, "x"),
        ([{"system": "urn:tree"}], [listed("a")], "bcd"),
        ([{"system": "urn:tree"}], [{"valueSet": ["urn:ab|1"]}], "cd"),
        ([{"valueSet": ["urn:ab"]}], None, "ab"),
        ([{**listed("b", "c"), "valueSet": ["urn:ab"]}], None, "b"),
        (filtered("is-a", "b"), None, "bc"),
        (filtered("descendent-of", "a"), None, "bc"),
        (filtered("is-not-a", "b"), None, "ad"),
    ],
)
def test_compositions(include: Any, exclude: Any, expected: str) -> None:
    assert codes(expand(include, exclude)) == set(expected)


@pytest.mark.parametrize(
    ("name", "operator", "value", "expected"),
    [
        ("kind", "=", "x", "a"),
        ("kind", "in", "x, yy", "ab"),
        ("kind", "not-in", "x", "bcde"),
        ("kind", "regex", "y+", "b"),
        ("kind", "exists", "true", "ab"),
        ("kind", "exists", "false", "cde"),
        ("done", "=", "true", "e"),
        ("code", "in", "a,e", "ae"),
        ("concept", "is-a", "a", "acd"),
        ("concept", "descendent-of", "c", "d"),
    ],
)
def test_filters_over_properties(name: str, operator: str, value: str, expected: str) -> None:
    condition = {"property": name, "op": operator, "value": value}
    found = codes(expand([{"system": "urn:properties", "filter": [condition]}]))
    assert found == set(expected)


@pytest.mark.parametrize(
    ("include", "exclude"),
    [
        ([{"system": "urn:fragment"}], None),
        ([{"system": "urn:unknown"}], None),
        ([{"valueSet": ["urn:unknown"]}], None),
        ([{"valueSet": ["urn:self"]}], None),
        (filtered("regex", "(?=a)b"), None),
        ([{"system": "urn:tree"}], [{"valueSet": ["urn:unknown"]}]),
    ],
)
def test_what_cannot_be_listed_is_said(include: Any, exclude: Any) -> None:
    assert expand(include, exclude).missing


def test_the_known_part_stays_known_beside_a_gap() -> None:
    schema = expand([{"system": "urn:tree"}, {"system": "urn:unknown"}])
    assert schema.codes == {"urn:tree": ("a", "b", "c", "d")}
    assert schema.missing == ("urn:unknown",)


def test_a_value_set_without_definition_means_its_expansion() -> None:
    contains = [{"system": "urn:s", "code": "a", "contains": [{"system": "urn:s", "code": "b"}]}]
    value_set = {"url": "urn:vs", "expansion": {"contains": contains}}
    assert codes(compile_value_set(value_set, lambda _: None, lambda _: None)) == {"a", "b"}


def test_extras_build_on_the_embedded_ones() -> None:
    gender = "http://hl7.org/fhir/ValueSet/administrative-gender"
    extra = {
        "resourceType": "ValueSet",
        "url": "urn:some",
        "compose": {
            "include": [{"valueSet": [gender]}],
            "exclude": [
                {
                    "system": "http://hl7.org/fhir/administrative-gender",
                    "concept": [{"code": "unknown"}],
                }
            ],
        },
    }
    schema = SchemaStore(connect(), [extra]).value_set("urn:some")
    assert schema is not None
    assert codes(schema) == {"male", "female", "other"}
