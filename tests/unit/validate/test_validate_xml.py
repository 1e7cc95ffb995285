"""FHIR XML: https://hl7.org/fhir/R4/xml.html, read into the shape of JSON and checked the same."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import XHTML

from fhirkit import Validator
from fhirkit.validate.catalogue import RULES

FHIR = 'xmlns="http://hl7.org/fhir"'
GOOD = f"""<?xml version="1.0" encoding="UTF-8"?>
<!-- a comment -->
<Patient {FHIR} xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="x y">
  <id value="a"/>
  <text><status value="generated"/><div {XHTML}><p>Hello &#228;</p></div></text>
  <contained><Organization><id value="o"/><name value="Clinic"/></Organization></contained>
  <extension url="http://example.org/x"><valueDecimal value="1.00"/></extension>
  <active value="true"/>
  <name><given value="A"/><given id="g2" value="B"/><given value="C">
    <extension url="http://example.org/y"><valueCode value="m"/></extension></given></name>
  <gender value="male"/>
  <birthDate value="1980-01-01"/>
  <multipleBirthInteger value="2"/>
  <managingOrganization><reference value="#o"/></managingOrganization>
</Patient>"""


def test_xml_has_the_shape_of_json(validator: Validator) -> None:
    patient = validator.read(GOOD)
    assert patient["active"] is True
    assert patient["multipleBirthInteger"] == 2
    assert str(patient["extension"][0]["valueDecimal"]) == "1.00"
    assert isinstance(patient["extension"][0]["valueDecimal"], Decimal)
    assert patient["contained"][0]["resourceType"] == "Organization"
    assert patient["name"][0]["given"] == ["A", "B", "C"]
    assert patient["name"][0]["_given"] == [
        None,
        {"id": "g2"},
        {"extension": [{"url": "http://example.org/y", "valueCode": "m"}]},
    ]
    assert patient["text"]["div"].startswith(f"<div {XHTML}")


def test_good_xml_is_valid(validator: Validator) -> None:
    assert validator.validate(GOOD).issues == ()
    wide = validator.validate(GOOD.replace("UTF-8", "UTF-16").encode("utf-16"))
    assert [issue.rule for issue in wide] == ["xml-encoding"]


@pytest.mark.parametrize(
    ("inner", "rule", "expression"),
    [
        ('<gender value="x"/>', "binding-required", "Patient.gender"),
        ('<gender value=""/>', "primitive-empty", "Patient.gender"),
        ("<gender/>", "element-empty", "Patient.gender"),
        ('<gender value="male"/><gender value="male"/>', "cardinality-max", "Patient"),
        ('<gendr value="male"/>', "element-unknown", "Patient"),
        ('<gender code="male" value="male"/>', "xml-attribute", "Patient.gender"),
        ('<gender value="male">x</gender>', "xml-text", "Patient.gender"),
        ('<active value="yes"/>', "primitive-format", "Patient.active"),
        (
            '<multipleBirthInteger value="02"/>',
            "primitive-format",
            "Patient.multipleBirth.ofType(integer)",
        ),
        ('<birthDate value="2020-02-30"/>', "primitive-date", "Patient.birthDate"),
        ('<gender value="male"/><active value="true"/>', "xml-order", "Patient.active"),
        ('<name xmlns="urn:x"><text value="a"/></name>', "xml-namespace", "Patient.name[0]"),
        ("<contained/>", "object-expected", "Patient.contained[0]"),
        ("<name/>", "element-empty", "Patient.name[0]"),
        (
            "<text><status value='generated'/><div>x</div></text>",
            "xml-namespace",
            "Patient.text.div",
        ),
    ],
)
def test_bad_xml(validator: Validator, inner: str, rule: str, expression: str) -> None:
    outcome = validator.validate(f"<Patient {FHIR}>\n{inner}</Patient>")
    found = [(issue.rule, issue.expression) for issue in outcome]
    assert (rule, expression) in found, found
    assert not outcome.valid


def test_lines_are_known(validator: Validator) -> None:
    text = f'<Patient {FHIR}>\n<name>\n<given value="a"/>\n<given value=""/></name></Patient>'
    issue = validator.validate(text).issues[0]
    assert (issue.expression, issue.line) == ("Patient.name[0].given[1]", 4)


@pytest.mark.parametrize(
    "head",
    [
        "<!DOCTYPE Patient>",
        "<!DOCTYPE Patient [<!ENTITY a 'b'>]>",
        "<!DOCTYPE Patient SYSTEM 'file:///etc/passwd'>",
        "<!DOCTYPE Patient [<!ENTITY % a SYSTEM 'http://127.0.0.1:9/x'> %a;]>",
        "<!DOCTYPE Patient [<!ENTITY a '" + "x" * 1000 + "'><!ENTITY b '" + "&a;" * 1000 + "'>]>",
    ],
)
def test_a_doctype_is_refused(validator: Validator, head: str) -> None:
    outcome = validator.validate(f'{head}<Patient {FHIR}><gender value="male"/></Patient>')
    assert [issue.rule for issue in outcome] == ["xml-doctype"]


def test_depth_is_bounded(validator: Validator) -> None:
    deep = "<extension url='u'>" * 100_000
    assert not validator.validate(f"<Patient {FHIR}>{deep}").valid


ELEMENTS = [line.strip() for line in GOOD.splitlines()[3:-1]]
SCRAPS = st.sampled_from(
    [
        *ELEMENTS,
        *("stray", "<a/>", '<id value="é"/>', "<contained><x/><y/></contained>", "<text/>"),
        *(
            '<extension url="http://example.org/u"/>',
            '<birthDate value="2020-02-30" id="1"/>',
            "<name><name/></name>",
        ),
    ]
)


@settings(max_examples=200, deadline=None)
@given(scraps=st.lists(SCRAPS, max_size=12), wrap=st.sampled_from(["{}", "<name>{}</name>"]))
def test_no_elements_whatever_make_it_raise(
    validator: Validator, scraps: list[str], wrap: str
) -> None:
    body = wrap.format("".join(scraps))
    outcome = validator.validate(f"<Patient {FHIR}>{body}</Patient>")
    assert all(issue.rule in RULES for issue in outcome)
