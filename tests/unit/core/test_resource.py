from __future__ import annotations

from decimal import Decimal

from fhirkit.core.resource import (
    ResourceKey,
    comparable,
    content_hash,
    map_references,
    references,
)

OBSERVATION = {
    "resourceType": "Observation",
    "id": "o1",
    "meta": {"versionId": "3", "lastUpdated": "2026-01-01T00:00:00Z", "source": "#x"},
    "subject": {"reference": "Patient/p1"},
    "extension": [{"url": "u", "valueReference": {"reference": "Device/d1"}}],
    "contained": [{"resourceType": "Specimen", "subject": {"reference": "#p"}}],
    "valueQuantity": {"value": Decimal("1.00")},
}


def test_references_are_found_at_any_depth_in_order() -> None:
    found = [reference["reference"] for reference in references(OBSERVATION)]
    assert sorted(found) == ["#p", "Device/d1", "Patient/p1"]


def test_mapping_references_leaves_the_original_alone() -> None:
    changed = map_references(OBSERVATION, lambda target: f"x/{target}")
    assert changed["subject"] == {"reference": "x/Patient/p1"}
    assert OBSERVATION["subject"] == {"reference": "Patient/p1"}


def test_what_the_server_owns_is_not_compared() -> None:
    assert "meta" not in comparable(OBSERVATION)
    tagged = {**OBSERVATION, "meta": {"versionId": "1", "tag": [{"code": "t"}]}}
    assert comparable(tagged)["meta"] == {"tag": [{"code": "t"}]}
    other = {**OBSERVATION, "meta": {"versionId": "9"}}
    assert content_hash(other) == content_hash(OBSERVATION)


def test_digits_and_order_of_lists_count_the_order_of_keys_does_not() -> None:
    fewer = {**OBSERVATION, "valueQuantity": {"value": Decimal("1.0")}}
    assert content_hash(fewer) != content_hash(OBSERVATION)
    turned = dict(reversed(OBSERVATION.items()))
    assert content_hash(turned) == content_hash(OBSERVATION)


def test_a_key_reads_as_a_relative_reference() -> None:
    assert str(ResourceKey.of(OBSERVATION)) == "Observation/o1"
