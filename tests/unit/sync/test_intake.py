"""Bundles taken apart: stable ids, references that follow, and everything wrong in one go."""

from __future__ import annotations

from typing import Any

import pytest

from fhirkit.core.errors import InvalidInput
from fhirkit.core.resource import ResourceKey
from fhirkit.sync.intake import take_in

ONE = "urn:uuid:0f9ac2a8-0000-4000-8000-000000000001"
TWO = "urn:uuid:0f9ac2a8-0000-4000-8000-000000000002"


def bundle(*entries: dict[str, Any], kind: str = "transaction") -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def patient(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", **more}


def condition(reference: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Condition", "subject": {"reference": reference}, **more}


def rules(value: Any) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        take_in(value)
    return [issue.rule for issue in caught.value.issues]


def test_urns_become_types_and_ids() -> None:
    taken = take_in(
        bundle(
            {"fullUrl": ONE, "resource": patient()},
            {"fullUrl": TWO, "resource": condition(ONE, id="c")},
        )
    )
    key = ResourceKey("Patient", ONE.removeprefix("urn:uuid:"))
    assert set(taken.resources) == {key, ResourceKey("Condition", "c")}
    assert taken.resources[ResourceKey("Condition", "c")]["subject"]["reference"] == str(key)


@pytest.mark.parametrize(
    ("reference", "becomes"),
    [
        ("http://a.example/fhir/Patient/p", "Patient/p"),
        ("http://a.example/fhir/Patient/p/_history/3", "Patient/p"),
        ("http://b.example/fhir/Patient/p", "http://b.example/fhir/Patient/p"),
        ("Patient/p", "Patient/p"),
        ("Patient/elsewhere", "Patient/elsewhere"),
        ("#contained", "#contained"),
        ("Patient?identifier=a|b", "Patient?identifier=a|b"),
    ],
)
def test_references_follow_only_their_entry(reference: str, becomes: str) -> None:
    taken = take_in(
        bundle(
            {"fullUrl": "http://a.example/fhir/Patient/p", "resource": patient(id="p")},
            {"resource": condition(reference, id="c")},
        )
    )
    found = taken.resources[ResourceKey("Condition", "c")]
    assert found["subject"]["reference"] == becomes


def test_ids_from_content_are_the_same_each_time_and_differ_for_twins() -> None:
    value = bundle({"resource": patient()}, {"resource": patient()}, kind="collection")
    first, second = take_in(value), take_in(value)
    assert list(first.resources) == list(second.resources)
    assert len(first.resources) == 2


def test_a_put_url_gives_the_id_and_if_match_the_version() -> None:
    request = {"method": "PUT", "url": "Patient/p", "ifMatch": 'W/"7"'}
    taken = take_in(bundle({"resource": patient(), "request": request}))
    assert taken.resources[ResourceKey("Patient", "p")]["id"] == "p"
    assert taken.versions == {ResourceKey("Patient", "p"): "7"}


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ([], "intake-resource"),
        ({"id": "x"}, "intake-resource"),
        (bundle(kind="history"), "intake-bundle-type"),
        (bundle(kind="transaction-response"), "intake-bundle-type"),
        (bundle({"request": {"method": "DELETE", "url": "Patient/p"}}), "intake-method"),
        (bundle({"request": {"method": "GET", "url": "Patient/p"}}), "intake-method"),
        (
            bundle({"resource": patient(), "request": {"method": "POST", "ifNoneExist": "a=b"}}),
            "intake-conditional",
        ),
        (
            bundle({"resource": patient(), "request": {"method": "PUT", "url": "Patient?a=b"}}),
            "intake-conditional",
        ),
        (bundle({"fullUrl": ONE}), "intake-resource"),
        (bundle({"resource": {"resourceType": "../x"}}), "intake-resource"),
        (bundle({"resource": patient(id="../../x")}), "intake-id"),
        (bundle({"resource": patient(id="a" * 65)}), "intake-id"),
        (bundle({"resource": patient(id=5)}), "intake-id"),
        (
            bundle({"resource": patient(id="p"), "request": {"method": "PUT", "url": "Patient/q"}}),
            "intake-id",
        ),
        (bundle({"resource": condition(ONE, id="c")}), "intake-reference"),
        (
            bundle({"resource": patient(id="p")}, {"resource": patient(id="p", active=True)}),
            "intake-twice",
        ),
        (
            bundle(
                {"fullUrl": ONE, "resource": patient(id="p")},
                {"fullUrl": ONE, "resource": patient(id="q")},
            ),
            "intake-full-url",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_taken_in(value: Any, rule: str) -> None:
    assert rule in rules(value)


def test_all_issues_come_at_once() -> None:
    found = rules(bundle({"resource": patient(id="_")}, {"resource": condition(ONE, id="c")}))
    assert found == ["intake-id", "intake-reference"]
