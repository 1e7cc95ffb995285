"""Differences by place."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirkit.sync.compare import changes


def lines(before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[str]:
    return [str(change) for change in changes(before, after)]


def patient(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", **more}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"birthDate": "1979"}, {"birthDate": "1980"}, ["Patient.birthDate: 1979 → 1980"]),
        ({}, {"active": False}, ["Patient.active: absent → false"]),
        ({"name": [{"given": ["A", "B"]}]}, {"name": [{"given": ["A", "C"]}]},
         ["Patient.name[0].given[1]: B → C"]),
        ({"name": [{"text": "a"}, {"text": "b"}]}, {"name": [{"text": "b"}]},
         ['Patient.name[0]: {"text":"a"} → absent']),
        ({"meta": {"versionId": "1"}}, {"meta": {"versionId": "2"}}, []),
        ({"x": {"a": 1, "b": 2}}, {"x": {"b": 2, "a": 1}}, []),
        ({"x": Decimal("1.0")}, {"x": Decimal("1.00")}, ["Patient.x: 1.0 → 1.00"]),
        ({"x": "1"}, {"x": 1}, ["Patient.x: 1 → 1"]),
    ],
)  # fmt: skip
def test_places(before: dict[str, Any], after: dict[str, Any], expected: list[str]) -> None:
    assert lines(patient(**before), patient(**after)) == expected


def test_a_whole_resource_comes_or_goes() -> None:
    assert lines(None, patient()) == ['Patient: absent → {"resourceType":"Patient"}']
    assert lines(None, None) == []


values = st.recursive(
    st.one_of(st.booleans(), st.integers(-5, 5), st.text("ab", max_size=2)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(values, values)
def test_no_change_means_equal_content(one: Any, other: Any) -> None:
    from fhirkit.core.resource import content_hash

    before, after = patient(x=one), patient(x=other)
    assert changes(before, before) == []
    assert (changes(before, after) == []) == (content_hash(before) == content_hash(after))


def test_an_item_of_a_list_is_told_by_what_it_is_not_by_its_index() -> None:
    phone, mail = {"system": "phone", "value": "1"}, {"system": "email", "value": "a@b.example"}
    fax = {"system": "fax", "value": "9"}
    # One went and another came: as many as before, and no item became the other.
    assert lines(patient(telecom=[phone, mail]), patient(telecom=[mail, fax])) == [
        'Patient.telecom[0]: {"system":"phone","value":"1"} → absent',
        'Patient.telecom[1]: absent → {"system":"fax","value":"9"}',
    ]
    assert lines(patient(telecom=[phone, mail]), patient(telecom=[mail, phone])) in (
        ["Patient.telecom[0]: moved, was [1]"],
        ["Patient.telecom[1]: moved, was [0]"],
    )
    # Moved and changed at once.
    assert lines(
        patient(telecom=[phone, mail, fax]), patient(telecom=[mail, fax, phone | {"use": "home"}])
    ) == ["Patient.telecom[2]: moved, was [0]", "Patient.telecom[2].use: absent → home"]


def test_extensions_and_contained_resources_are_told_by_url_and_id() -> None:
    one, two = {"url": "urn:a", "valueCode": "x"}, {"url": "urn:b", "valueCode": "y"}
    assert lines(patient(extension=[one, two]), patient(extension=[two | {"valueCode": "z"}])) == [
        'Patient.extension[0]: {"url":"urn:a","valueCode":"x"} → absent',
        "Patient.extension[0].valueCode: y → z",
    ]
    inner = [{"resourceType": "Organization", "id": name, "name": name} for name in "ab"]
    swapped = patient(contained=[inner[1] | {"name": "c"}, inner[0]])
    told = lines(patient(contained=inner), swapped)
    assert "Patient.contained[0].name: b → c" in told
    assert len(told) == 2
    assert any("moved" in line for line in told)


def test_of_a_long_text_the_stretch_that_differs_is_shown() -> None:
    div = "<div>" + "a" * 5000 + "{}" + "b" * 5000 + "</div>"
    (line,) = lines(
        patient(text={"div": div.format("old")}), patient(text={"div": div.format("new")})
    )
    assert "old" in line
    assert "new" in line
    assert "10014 characters" in line
    assert len(line) < 700
    (change,) = changes(patient(text={"div": div}), patient(text={"div": "short"}))
    assert change.to_dict()["before"] == div


def test_a_moved_item_has_its_old_index_in_json() -> None:
    (change,) = changes(patient(given=["A", "B", "C"]), patient(given=["B", "C", "A"]))
    assert change.to_dict() == {"expression": "Patient.given[2]", "moved_from": 0}
