"""Identifiers, ids of elements, the language of a resource, attachments."""

from __future__ import annotations

from typing import Any

import pytest

from fhirkit import Validator


def found(validator: Validator, **elements: Any) -> list[tuple[str, str | None]]:
    outcome = validator.validate({"resourceType": "Patient", **elements})
    return [(issue.rule, issue.expression) for issue in outcome]


@pytest.mark.parametrize(
    ("system", "value", "rules"),
    [
        ("http://example.org/a", "17", []),
        ("urn:oid:2.999.1", "17", []),
        ("ldap://example.org", "17", []),
        ("ward", "17", ["identifier-system"]),
        ("Patient/1", "17", ["identifier-system"]),
        ("urn:ietf:rfc:3986", "urn:oid:2.999.1", []),
        ("urn:ietf:rfc:3986", "2.999.1", ["identifier-value"]),
        ("https://tools.ietf.org/html/rfc4122", "5f0d1c2e-9a41-4b6e-8d57-3c2b1a0f9e8d", []),
        ("https://tools.ietf.org/html/rfc4122", "17", ["identifier-value"]),
    ],
)
def test_identifiers(validator: Validator, system: str, value: str, rules: list[str]) -> None:
    identifier = [{"system": system, "value": value}]
    assert [rule for rule, _ in found(validator, identifier=identifier)] == rules


@pytest.mark.parametrize("language", ["en", "de-CH", "zh-Hant-TW", "es-419", "tlh", "de-1996"])
def test_registered_languages(validator: Validator, language: str) -> None:
    assert found(validator, language=language) == []


@pytest.mark.parametrize("language", ["xx", "EN", "de-ch", "german", "x-own", "qaa", "de_CH", "q"])
def test_languages_that_are_none(validator: Validator, language: str) -> None:
    assert found(validator, language=language) == [("language-unknown", "Patient.language")]


def test_an_element_has_its_id_alone_in_its_resource(validator: Validator) -> None:
    name, telecom = {"id": "a", "text": "x"}, {"id": "a", "system": "phone", "value": "1"}
    assert found(validator, name=[name], telecom=[telecom]) == [
        ("element-id-duplicate", "Patient.telecom[0]")
    ]
    inner = {"resourceType": "Organization", "id": "o", "name": "x", "telecom": [telecom]}
    other = {"managingOrganization": {"reference": "#o"}, "contained": [inner]}
    assert found(validator, id="a", name=[name], **other) == []


def test_ids_are_seen_by_the_written_functions_too() -> None:
    validator = Validator()
    names = [{"id": str(number), "text": "x"} for number in range(40)]
    assert found(validator, name=names) == []
    for _ in range(3):
        assert found(validator, name=[*names, {"id": "7", "text": "x"}]) == [
            ("element-id-duplicate", "Patient.name[40]")
        ]


@pytest.mark.parametrize(
    ("attachment", "rules"),
    [
        ({"data": "aGVsbG8="}, []),
        ({"data": "aGVs bG8="}, ["attachment-data"]),
        ({"data": "aGVs\nbG8=", "size": 5}, ["attachment-data"]),
        ({"data": "aGVsbG8=", "size": 4}, ["attachment-size"]),
        ({"data": "aGVsbG8=", "hash": "qvTGHdzF6KLavt4PO0gs2a6pQ00="}, []),
        ({"data": "aGVsbG8=", "hash": "aGVsbG8="}, ["attachment-hash"]),
    ],
)
def test_attachments(validator: Validator, attachment: dict[str, Any], rules: list[str]) -> None:
    photo = [{"contentType": "text/plain", **attachment}]
    assert [rule for rule, _ in found(validator, photo=photo)] == rules


def test_a_structure_definition_says_each_element_id_twice_at_most(validator: Validator) -> None:
    def ids(**parts: list[str]) -> list[str | None]:
        definition = {
            "resourceType": "StructureDefinition", "url": "http://example.org/s", "name": "S",
            "status": "draft", "kind": "resource", "abstract": False, "type": "Patient",
            "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",
            "derivation": "constraint",
            **{name: {"element": [{"id": one, "path": "Patient" if number == 0 else "Patient.name"}
                                  for number, one in enumerate(listed)]}
               for name, listed in parts.items()},
        }  # fmt: skip
        outcome = validator.validate(definition)
        return [one.expression for one in outcome if one.rule == "element-id-duplicate"]

    both = ["Patient", "Patient.name"]
    assert ids(differential=both) == []
    assert ids(snapshot=both, differential=both) == []
    twice = [*both, "Patient.name"]
    assert ids(differential=twice) == ["StructureDefinition.differential.element[2]"]
    assert ids(snapshot=twice) == ["StructureDefinition.snapshot.element[2]"]
