"""Where a cursor is, what that place means and what fits there; ▸ marks the cursor."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirkit import Validator
from fhirkit.editor import casekeys, documents
from fhirkit.editor.elements import Choice, Elements
from fhirkit.editor.json_place import place_in_json
from fhirkit.editor.place import Place
from fhirkit.editor.yaml_place import place_in_yaml

CASE = """\
fhirkit: case/1
id: made-up
timeline:
  visit: {date: 2024-03, quote: in March}
patient:
  sex: female
conditions:
  asthma:
    text: Asthma
    status: active
"""


@pytest.fixture(scope="module")
def elements() -> Elements:
    return Elements(Validator().shapes)


def at(text: str) -> tuple[str, int]:
    return text.replace("▸", ""), text.index("▸")


def in_json(text: str) -> Place:
    return place_in_json(*at(text))


def labels(found: list[Choice]) -> list[str]:
    return [one.label for one in found]


@pytest.mark.parametrize(
    ("text", "way", "on_name"),
    [
        ("▸", (), False),
        ("{▸", ("",), True),
        ('{"a▸', ("a",), True),
        ('{"a": ▸', ("a",), False),
        ('{"a": "x▸y", "b": 1}', ("a",), False),
        ('{"a": 1, ▸}', ("",), True),
        ('{"a": [{"b": 1}, {"c▸": 2}]}', ("a", 1, "c"), True),
        ('{"a": [1, 2▸]}', ("a", 1), False),
        ('{"a": {"b": "never closed▸\n "c": 1}}', ("a", "b"), False),
        ('{"a": {"b": 1}, "c▸": 2}', ("c",), True),
    ],
)
def test_the_way_to_a_place_in_json(text: str, way: tuple[object, ...], on_name: bool) -> None:
    place = in_json(text)
    assert (place.way, place.on_name) == (way, on_name)


def test_the_rest_of_a_large_document_is_not_read() -> None:
    start = '{"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient", "gen▸"}}'
    place = in_json(f'{start}, {{"never": "read"}}], "beyond": {{}}}}')
    assert place.types == {(): "Bundle", ("entry", 0, "resource"): "Patient"}
    assert ("entry", 1) not in place.texts


@given(st.text(alphabet='{}[]",: ab\\\n', max_size=60), st.integers(0, 60))
def test_no_text_is_too_broken(text: str, offset: int) -> None:
    for place in (place_in_json(text, offset), place_in_yaml(text, offset)):
        assert 0 <= place.start <= place.end <= len(text)
        assert place.start <= min(offset, len(text))


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ('{"resourceType": "Pati▸"}', "Patient"),
        ('{"resourceType": "Patient", "gen▸"}', "gender"),
        ('{"resourceType": "Patient", "gender": "f▸"}', "female"),
        ('{"resourceType": "Patient", "active": t▸}', "true"),
        ('{"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Ob▸"}}]}',
         "Observation"),
        ('{"entry": [{"resource": {"va▸", "resourceType": "Observation"}}]}', "valueQuantity"),
        ('{"resourceType": "Patient", "contact": [{"rel▸"}]}', "relationship"),
        (('{"contained": [{"name": [{"fam▸"}], "resourceType": "Patient"}], "status": "x",'
         ' "resourceType": "Observation"}'), "family"),
    ],
)  # fmt: skip
def test_what_fits_comes_first(elements: Elements, text: str, first: str) -> None:
    assert labels(elements.choices(in_json(text)))[0] == first


def test_names_that_are_there_are_not_offered_again(elements: Elements) -> None:
    found = labels(elements.choices(in_json('{"resourceType": "Patient", "active": true, "▸"}')))
    assert "gender" in found
    assert not {"active", "resourceType", "_active"} & set(found)
    taken = labels(
        elements.choices(in_json('{"resourceType": "Patient", "deceasedBoolean": true, "dec▸"}'))
    )
    assert "deceasedDateTime" not in taken


def test_a_name_brings_the_form_of_its_value(elements: Elements) -> None:
    place = in_json('{"resourceType": "Patient", ▸}')
    texts = {one.label: one.text for one in elements.choices(place)}
    assert texts["birthDate"] == '"birthDate": ""'
    assert texts["name"] == '"name": [{}]'
    assert texts["active"] == '"active": '
    renamed = elements.choices(in_json('{"resourceType": "Patient", "gen▸": "male"}'))
    assert renamed[0].text == '"gender"'


def test_codes_of_a_coding_are_those_of_its_system(elements: Elements) -> None:
    start = '{"resourceType": "Patient", "maritalStatus": {"coding": [{"system": '
    married = "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus"
    assert married in labels(elements.choices(in_json(f'{start}"▸"}}]}}}}')))
    found = elements.choices(in_json(f'{start}"{married}", "code": "▸"}}]}}}}'))
    assert ("M", "Married") in {(one.label, one.about) for one in found}
    other = elements.choices(in_json(f'{start}"http://example.org/x", "code": "▸"}}]}}}}'))
    assert other == []


def test_hovering_tells_element_and_code(elements: Elements) -> None:
    text = elements.about(in_json('{"resourceType": "Patient", "gender": "fe▸male"}'))
    assert text.startswith("**Patient.gender** `code 0..1`")
    assert "Required binding: http://hl7.org/fhir/ValueSet/administrative-gender" in text
    assert "`female`: Female" in text
    assert elements.about(in_json('{"resourceType": "Patient", "nonsense": "▸x"}')) == ""
    assert elements.about(in_json('{"resourceType": "▸Patient"}')).startswith("**Patient**")
    assert "pat-1" in elements.about(in_json('{"resourceType": "Patient", "cont▸act": []}'))


def in_case(line: str) -> Place:
    return place_in_yaml(*at(CASE + line))


@pytest.mark.parametrize(
    ("line", "way", "on_name"),
    [
        ("lab▸", ("lab",), True),
        ("patient:\n  se▸", ("patient", "se"), True),
        ("patient:\n  sex: fe▸", ("patient", "sex"), False),
        ("vitals:\n  pulse: {val▸", ("vitals", "pulse", "val"), True),
        ("vitals:\n  pulse: {value: 70 /min, at: vi▸", ("vitals", "pulse", "at"), False),
        ("conditions:\n  asthma:\n    status: ac▸", ("conditions", "asthma", "status"), False),
    ],
)
def test_the_way_to_a_place_in_a_case(line: str, way: tuple[str, ...], on_name: bool) -> None:
    place = in_case(line)
    assert (place.way, place.on_name) == (way, on_name)


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("medi▸", "medications"),
        ("conditions:\n  asthma:\n    sta▸", "status"),
        ("conditions:\n  asthma:\n    status: res▸", "resolved"),
        ("vitals:\n  heart▸", "heart-rate"),
        ("vitals:\n  heart-rate: {va▸", "value"),
    ],
)
def test_what_fits_in_a_case(line: str, first: str) -> None:
    assert labels(casekeys.choices(in_case(line)))[0] == first


def test_keys_of_a_case_are_explained_and_not_offered_twice() -> None:
    text = casekeys.about(place_in_yaml(*at(CASE.replace("  sex:", "  s▸ex:"))))
    assert text.startswith("**patient.sex**")
    found = labels(casekeys.choices(place_in_yaml(*at(CASE.replace("  sex: f", "  ▸\n  sex: f")))))
    assert "sex" not in found
    assert "age" in found


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("a.json", '{"resourceType": "Patient"}', "json"),
        ("a.json", "", "json"),
        ("package.json", '{"name": "x"}', ""),
        ("a.xml", '<Patient xmlns="http://hl7.org/fhir"/>', "xml"),
        ("a.xml", "<project/>", ""),
        ("a.ndjson", "", "ndjson"),
        ("case.yaml", CASE, "case"),
        ("ci.yaml", "on: push", ""),
        ("a.md", "", ""),
    ],
)
def test_only_records_and_cases_are_looked_at(name: str, text: str, kind: str) -> None:
    assert documents.kind_of(name, text) == kind
