"""Places as HL7's validator writes them, beside those of plain FHIRPath."""

from __future__ import annotations

from typing import Any

import pytest

from fhirkit import FhirkitError, Validator
from fhirkit.validate import Expressions, Options
from fhirkit.validate import notation as notation_module
from fhirkit.validate.catalogue import RULES

PLAIN = Validator()
HL7 = Validator(options=Options(expressions=Expressions.HL7))


def places(source: Any) -> tuple[list[str], list[str]]:
    """The error places of a source, plain and as HL7 writes them."""
    both = [[issue.expression for issue in v.validate(source).errors] for v in (PLAIN, HL7)]
    return both[0], both[1]


def bundle(*resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    entries = [
        {"fullUrl": f"urn:uuid:00000000-0000-4000-8000-00000000000{n}", "resource": resource}
        for n, resource in enumerate(resources)
    ]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries, **more}


def test_the_resource_entered_is_a_comment() -> None:
    known = {"resourceType": "Patient", "id": "p1", "birthDate": "2020-02-30"}
    nameless = {"resourceType": "Patient", "birthDate": "2020-02-30"}
    plain, hl7 = places(bundle(known, nameless))
    assert plain == [f"Bundle.entry[{n}].resource.birthDate" for n in (0, 1)]
    assert hl7 == [
        "Bundle.entry[0].resource/*Patient/p1*/.birthDate",
        "Bundle.entry[1].resource/*Patient/null*/.birthDate",
    ]


def test_what_the_text_shows_is_said_without_comments() -> None:
    wrong = {"resourceType": "Observation", "id": "o", "status": "final", "code": {"text": "x"},
             "valueInteger": "7", "nothing": 1}  # fmt: skip
    plain, hl7 = places(bundle(wrong))
    assert plain == ["Bundle.entry[0].resource.value.ofType(integer)", "Bundle.entry[0].resource"]
    assert hl7 == ["Bundle.entry[0].resource.value[x]", "Bundle.entry[0].resource"]


def test_what_xml_shows_is_said_as_xpath_from_the_resource() -> None:
    inner = '<Patient><id value="p"/><name><fmily value="x"/><given value="y"/></name></Patient>'
    text = (
        '<Bundle xmlns="http://hl7.org/fhir"><type value="collection"/><entry>'
        f'<fullUrl value="http://a.org/Patient/p"/><resource>{inner}</resource></entry></Bundle>'
    )
    plain, hl7 = places(text)
    assert plain == ["Bundle.entry[0].resource.name[0]"]
    assert hl7 == ["Patient/f:name"]
    alone = inner.replace("<Patient>", '<Patient xmlns="http://hl7.org/fhir">')
    assert places(alone)[1] == ["/f:Patient/f:name"]


def test_a_json_object_without_resource_type_is_the_dollar_sign() -> None:
    assert places({"id": "x"}) == (["Resource"], ["$"])


def test_every_rule_named_is_in_the_catalogue() -> None:
    named = [v for k, v in vars(notation_module).items() if k.startswith("_") and k[1:].isupper()]
    rules = {rule for group in named for rule in group} - {"contained", "resource", "outcome"}
    assert rules
    assert rules <= set(RULES)


@pytest.mark.parametrize("key", ["Patient:0", "Patient", "3"])
def test_entries_of_a_bundle_are_named_by_type_or_place(key: str) -> None:
    assert Options(bundle_entries={key: "http://a.org/p"}).bundle_entries == {key: "http://a.org/p"}


@pytest.mark.parametrize("key", ["", ":0", "Patient:", "Patient:x"])
def test_other_names_of_entries_are_refused(key: str) -> None:
    with pytest.raises(FhirkitError, match="names no entries"):
        Options(bundle_entries={key: "http://a.org/p"})
