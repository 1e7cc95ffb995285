"""XML and XHTML, rows X1 to X12 of the hardening list, as far as they concern validation."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from hardening_answers import START, TIMES, validate

from fhirkit import Validator, dumps, loads

FHIR = 'xmlns="http://hl7.org/fhir"'
XHTML = 'xmlns="http://www.w3.org/1999/xhtml"'
GOOD = f'<Patient {FHIR}><active value="true"/></Patient>'


def patient(inside: str, before: str = "") -> str:
    return f"{before}<Patient {FHIR}>{inside}</Patient>"


def errors(text: str | bytes) -> list[str]:
    return [one.rule for one in Validator().validate(text).errors]


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here may open a socket."""

    def refuse(*arguments: Any, **more: Any) -> None:
        raise AssertionError(f"a socket was opened: {arguments} {more}")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "doctype",
    [
        f'<!DOCTYPE x [<!ENTITY a0 "ha">{LAUGHS}]>',
        f'<!DOCTYPE x [<!ENTITY a9 "{"x" * 100_000}">]>',
    ],
)
def test_X1_entities_that_grow_are_refused_at_the_doctype(doctype: str) -> None:
    assert errors(patient('<name><text value="&a9;"/></name>', doctype)) == ["xml-doctype"]


def test_X2_an_external_entity_is_refused_and_its_file_stays_unread(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("Wilhelmina")
    doctype = f'<!DOCTYPE x [<!ENTITY x SYSTEM "{(tmp_path / "secret.txt").as_uri()}">]>'
    found = Validator().validate(patient('<name><text value="&x;"/></name>', doctype))
    assert [one.rule for one in found] == ["xml-doctype"]
    assert not any("Wilhelmina" in one.message for one in found)
    narrative = f"{doctype}<div {XHTML}>&x;</div>"
    resource = {"resourceType": "Patient", "text": {"status": "generated", "div": narrative}}
    assert not any("Wilhelmina" in one.message for one in Validator().validate(resource))


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE x SYSTEM "http://example.org/x.dtd">',
        '<!DOCTYPE x PUBLIC "-//X//EN" "http://example.org/x.dtd">',
        '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://example.org/x.dtd"> %p;]>',
    ],
)
def test_X3_nothing_is_fetched_for_a_doctype(doctype: str) -> None:
    assert errors(patient('<active value="true"/>', doctype)) == ["xml-doctype"]


def test_X4_inclusions_style_sheets_and_schema_locations_are_not_followed() -> None:
    xsi = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    located = f'<Patient {FHIR} {xsi} xsi:schemaLocation="http://hl7.org/fhir http://x.test/x.xsd">'
    assert errors(f'{located}<active value="true"/></Patient>') == []
    styled = '<?xml-stylesheet href="http://example.org/x.xsl" type="text/xsl"?>'
    assert errors(patient('<active value="true"/>', styled)) == []
    included = '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="http://x.test/"/>'
    assert errors(patient(f'{included}<active value="true"/>')) == ["element-unknown"]


def test_X5_elements_nested_without_end_are_refused(tmp_path: Path) -> None:
    deep = "<extension>" * 200_000
    (tmp_path / "a.xml").write_text(patient(deep))
    (tmp_path / "b.xml").write_text(patient(deep + "</extension>" * 200_000))
    (tmp_path / "c.xml").write_text(GOOD)
    found = validate(tmp_path)
    assert found.code == 1
    assert found.rules("a.xml") == found.rules("b.xml") == {"xml-syntax"}
    assert "c.xml" not in found.issues


def test_X6_many_attributes_and_long_texts_are_bounded(tmp_path: Path) -> None:
    many = " ".join(f'a{n}="1"' for n in range(200_000))
    (tmp_path / "a.xml").write_text(patient(f'<active {many} value="true"/>'))
    long = patient(f'<active value="true"/>{"x" * 10_000_000}')
    (tmp_path / "b.xml").write_text(long)
    found = validate(tmp_path)
    assert found.peak <= TIMES * len(long) + START
    assert found.rules("a.xml") == {"xml-attribute"}
    assert found.rules("b.xml") <= {"xml-text", "xml-syntax"} != set()


@pytest.mark.parametrize(
    ("data", "rules"),
    [
        (GOOD.encode("utf-16"), ["xml-encoding"]),
        (f'<?xml version="1.0" encoding="ISO-8859-1"?>{GOOD}'.encode("latin-1"), ["xml-encoding"]),
        (f'<?xml version="1.0" encoding="UTF-8"?>{GOOD}'.encode("utf-16"), ["xml-syntax"]),
        (f'<?xml version="1.0" encoding="UTF-7"?>{GOOD}'.encode(), ["xml-syntax"]),
        (GOOD.encode("cp500"), ["json-encoding"]),
        (b"\xef\xbb\xbf" + GOOD.encode(), []),
        (patient('<name><text value="Zo\xeb"/></name>').encode("latin-1"), ["xml-syntax"]),
    ],
    ids=["utf-16", "latin-1", "wrong", "utf-7", "ebcdic", "mark", "undeclared"],
)
def test_X7_other_encodings_than_utf_8_are_an_error(data: bytes, rules: list[str]) -> None:
    found = errors(data)
    assert found == rules or (rules == ["xml-syntax"] and found in (["xml-encoding"], rules))


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ('<Patient><active value="true"/></Patient>', "xml-root"),
        ('<Patient xmlns="urn:x"><active value="true"/></Patient>', "xml-root"),
        (patient('<active xmlns="" value="true"/>'), "xml-namespace"),
        (patient('<x:active xmlns:x="urn:x" value="true"/>'), "xml-namespace"),
        (patient('<active x:value="true" xmlns:x="urn:x"/>'), "xml-attribute"),
    ],
)
def test_X8_another_namespace_is_an_error(text: str, rule: str) -> None:
    assert rule in errors(text)


def test_X8_a_prefix_is_as_good_as_another() -> None:
    prefixed = f'<f:Patient {FHIR.replace("xmlns", "xmlns:f")}><f:active value="true"/></f:Patient>'
    assert errors(prefixed) == []


def test_X9_xml_and_json_of_a_resource_mean_the_same() -> None:
    inside = (
        '<extension url="http://example.org/x"><valueDecimal value="1.00"/></extension>'
        '<active id="a" value="true"/>'
        '<name><given value="Ann"/><given value=" B "><extension url="http://example.org/y">'
        '<valueCode value="m"/></extension></given></name>'
    )
    text = (
        '{"resourceType":"Patient","extension":[{"url":"http://example.org/x","valueDecimal":1.00}],'
        '"active":true,"_active":{"id":"a"},"name":[{"given":["Ann"," B "],"_given":[null,'
        '{"extension":[{"url":"http://example.org/y","valueCode":"m"}]}]}]}'
    )
    read = Validator().read(patient(inside))
    assert dumps(read, indent=False, sort_keys=True) == dumps(
        loads(text), indent=False, sort_keys=True
    )
    assert errors(patient(inside)) == errors(text)


@pytest.mark.parametrize(
    "inside",
    [
        "<script>x</script>",
        "<p onerror='x'>x</p>",
        "<img src='x' onload='y' alt='z'/>",
        "<a href='javascript:x'>x</a>",
        "<a href='java&#10;script:x'>x</a>",
        "<svg xmlns='http://www.w3.org/2000/svg'><script>x</script></svg>",
        "<math xmlns='http://www.w3.org/1998/Math/MathML'><mtext>x</mtext></math>",
        "<style>p { color: red }</style>x",
        "<iframe src='http://example.org/'/>x",
        "<form action='http://example.org/'><input name='a'/></form>x",
        "<base href='http://example.org/'/>x",
        "<meta http-equiv='refresh' content='0'/>x",
    ],
)
def test_X10_active_content_of_a_narrative_is_an_error(inside: str) -> None:
    div = f"<div {XHTML}>{inside}</div>"
    resource = {"resourceType": "Patient", "text": {"status": "generated", "div": div}}
    found = Validator().validate(resource).errors
    assert {one.rule for one in found} & {"narrative-content", "narrative-link"}
    assert errors(patient(f'<text><status value="generated"/>{div}</text>'))


def test_X12_a_narrative_nested_without_end_is_refused(tmp_path: Path) -> None:
    div = f"<div {XHTML}>" + "<div>" * 40_000 + "x" + "</div>" * 40_001
    text = {"resourceType": "Patient", "text": {"status": "generated", "div": div}}
    (tmp_path / "a.json").write_text(dumps(text))
    wide = f"<div {XHTML}>" + "<p>x</p>" * 100_000 + "</div>"
    text["text"]["div"] = wide
    (tmp_path / "b.json").write_text(dumps(text))
    found = validate(tmp_path)
    assert "narrative-xhtml" in found.rules("a.json")
    assert "b.json" not in found.issues
    assert found.peak <= TIMES * len(wide) + START
