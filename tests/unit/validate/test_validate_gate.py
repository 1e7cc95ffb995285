"""The gate accepts nothing that the walk finds fault with, and it does accept what is usual.

Beyond shape: with the gate, a whole validator says what it says without.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from alterations import TEXTS, damaged
from divs import CONTENT, DIVS
from hypothesis import example, given
from hypothesis import strategies as st
from samples import ALL, PATIENT

from fhirkit import Validator
from fhirkit.core.jsonio import dump_bytes
from fhirkit.definitions.embedded import connect
from fhirkit.schema.store import SchemaStore
from fhirkit.validate import Options
from fhirkit.validate.gate.library import library
from fhirkit.validate.gate.native import Gate
from fhirkit.validate.rules import narrative
from fhirkit.validate.shapes import Shapes

pytestmark = pytest.mark.skipif(
    library() is None, reason="no native code: there was no rustc when fhirkit was installed"
)
STORE = SchemaStore(connect())
SHAPES = Shapes(STORE, Options(shape_only=True))
# Only bytes are shown to the gate, so of a str this is the walk alone.
WALK = Validator(options=Options(shape_only=True))
WITH, WITHOUT = Validator(), Validator()
# Without siblings in a list, which are always for the walk.
USUAL: list[dict[str, Any]] = [{**PATIENT, "name": [{"family": "Sample", "given": ["Ann"]}]}]
USUAL += [one for one in ALL.values() if b'"_given"' not in dump_bytes(one)]
USUAL += [
    {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"fullUrl": "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0", "resource": one}],
    }
    for one in USUAL
]
USUAL += [
    {
        "resourceType": "MedicationRequest",
        "contained": [{"resourceType": "Medication", "id": "m1"}],
        "status": "active",
        "intent": "order",
        "medicationReference": {"reference": "#m1"},
        "subject": {"id": "e1", "display": "Grüße"},
        "dosageInstruction": [{"doseAndRate": [{"doseQuantity": {"value": 1.5, "unit": "mg"}}]}],
        "_authoredOn": {"extension": [{"url": "http://example.org/x", "valueTime": "10:00:00"}]},
        "authoredOn": "2024-02-29T10:00:00.5+01:00",
    }
]
RESOURCES = [*ALL.values(), *USUAL]


def ready() -> Gate:
    made = Gate(SHAPES)
    for resource in RESOURCES:
        text = dump_bytes(resource)
        for _ in range(4):
            made.look(text)
    return made


GATE = ready()
for usual in RESOURCES:
    for _ in range(12):
        WITH.validate(dump_bytes(usual))
        WITHOUT.validate(bytearray(dump_bytes(usual)))


def accepts(text: bytes) -> bool:
    return GATE.look(text).shape


def assert_same(text: bytes) -> None:
    """A whole validator says the same, whether it may show a text to the gate or not."""
    assert WITH.validate(text) == WITHOUT.validate(bytearray(text))


def assert_no_more(text: bytes) -> None:
    if accepts(text):
        issues = [issue.rule for issue in WALK.validate(text.decode()).issues]
        assert issues == ["checks-left-out"]
        assert text[:1] in b" \n\r\t{", "the gate knows no byte order mark"


@pytest.mark.parametrize("resource", USUAL)
@pytest.mark.parametrize("indent", [True, False])
def test_what_is_usual_is_accepted(resource: dict[str, Any], indent: bool) -> None:
    text = dump_bytes(resource, indent=indent)
    assert accepts(text)
    assert_no_more(text)


@given(data=st.data())
def test_resources_damaged_anywhere(data: st.DataObject) -> None:
    try:
        text = json.dumps(damaged(data, RESOURCES), ensure_ascii=data.draw(st.booleans()))
    except ValueError:
        return  # a value that JSON cannot hold
    assert_no_more(text.encode("utf-8", "surrogatepass"))
    assert_same(text.encode("utf-8", "surrogatepass"))


@given(data=st.data())
def test_texts_damaged_anywhere(data: st.DataObject) -> None:
    text = bytearray(dump_bytes(data.draw(st.sampled_from(RESOURCES)), indent=False))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 12))
        other = data.draw(st.integers(0, len(text)))
        pieces = [b"", b'"', b"\\", b",", b"{}", b"[]", b" ", b"\x00", b"\xff", b"0", b"-", b"e1"]
        pieces += [bytes(text[other : other + data.draw(st.integers(1, 40))])]
        text[place : place + length] = data.draw(st.sampled_from(pieces))
    whole = bytes(text)
    if accepts(whole):
        issues = [issue.rule for issue in WALK.validate(bytearray(whole)).issues]
        assert issues == ["checks-left-out"]
    assert_same(whole)


@given(text=st.binary(max_size=200))
def test_any_bytes(text: bytes) -> None:
    assert not accepts(text)


VALUES = {
    "string": '{"resourceType":"Patient","address":[{"city":%s}]}',
    "code": '{"resourceType":"Patient","gender":%s}',
    "id": '{"resourceType":"Patient","id":%s}',
    "element id": '{"resourceType":"Patient","maritalStatus":{"text":"a","id":%s}}',
    "uri": '{"resourceType":"Patient","implicitRules":%s}',
    "canonical": '{"resourceType":"Patient","meta":{"profile":[%s]}}',
    "base64Binary": '{"resourceType":"Patient","photo":[{"data":%s}]}',
    "date": '{"resourceType":"Patient","birthDate":%s}',
    "dateTime": '{"resourceType":"Patient","deceasedDateTime":%s}',
    "instant": '{"resourceType":"Patient","meta":{"lastUpdated":%s}}',
    "boolean": '{"resourceType":"Patient","active":%s}',
    "integer": '{"resourceType":"Patient","multipleBirthInteger":%s}',
    "unsignedInt": '{"resourceType":"Patient","photo":[{"size":%s}]}',
    "positiveInt": '{"resourceType":"Patient","telecom":[{"rank":%s}]}',
    "decimal": '{"resourceType":"Patient","extension":[{"url":"u","valueDecimal":%s}]}',
    "time": '{"resourceType":"Patient","extension":[{"url":"u","valueTime":%s}]}',
}
URNS = st.from_regex(r"\A(urn:)?(oid|uuid):[0-9a-f.-]{0,40}\Z")
DIGITS = st.from_regex(r"\A-?[0-9]{1,22}(\.[0-9]{0,20})?([eE][+-]?[0-9]{1,3})?\Z", fullmatch=True)


@pytest.mark.parametrize("name", VALUES)
@given(value=st.one_of(TEXTS.map(json.dumps), URNS.map(json.dumps), DIGITS))
@example(value='"2023-02-29"')
@example(value='"2000-02-29"')
@example(value='"1900-02-29"')
@example(value='"2024-02-29T24:00:00Z"')
@example(value='"urn:oid:1.2.3"')
@example(value='"\\u00a0"')
@example(value='"\u00a0"')
@example(value='"\\n \\t"')
@example(value="-0")
@example(value="01")
@example(value="1.")
@example(value="2147483648")
@example(value="123456789012345678901")
@example(value="null")
@example(value="true")
@example(value='"a  b"')
@example(value='"a\\nb"')
def test_values_of_every_type(name: str, value: str) -> None:
    text = (VALUES[name] % value).encode("utf-8", "surrogatepass")
    assert_no_more(text)
    assert_same(text)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("string", '"Grüße,\\nzwei \\"Zeilen\\""'),
        ("code", '"a b"'),
        ("uri", '"urn:oid:2.16.840.1"'),
        ("uri", '"urn:ietf:rfc:3986"'),
        ("canonical", '"http://example.org/x|1"'),
        ("date", '"2024-12-31"'),
        ("dateTime", '"2024-02-29T23:59:59.123+13:00"'),
        ("instant", '"2024-02-28T23:59:59Z"'),
        ("base64Binary", '"aGVsbG8="'),
        ("integer", "-12"),
        ("unsignedInt", "0"),
        ("decimal", "-0.50"),
        ("time", '"23:59:59"'),
    ],
)
def test_usual_values_are_accepted(name: str, value: str) -> None:
    assert accepts((VALUES[name] % value).encode())


@given(
    div=st.one_of(DIVS, CONTENT.map(lambda inner: f"{START}{inner}</div>")),
    ascii_only=st.booleans(),
)
def test_narratives(div: str, ascii_only: bool) -> None:
    patient = {"resourceType": "Patient", "text": {"status": "generated", "div": div}}
    text = json.dumps(patient, ensure_ascii=ascii_only).encode()
    gate_of_all = WITH._gate
    assert gate_of_all is not None
    if gate_of_all.look(text).shape and gate_of_all.look(text).narratives:
        assert not list(narrative.complete(div))
    assert_same(text)


@pytest.mark.parametrize(
    ("inner", "certain"),
    [
        ("<p class='x'>one</p>", False),
        ('<p class="x">one<br/>two &amp; three</p>', True),
        ('<table border="1"><tr>\r\n<td colspan="2">1</td></tr></table>', True),
        ('<a href="https://example.org/x?y=1">there</a> <img src="#pic" alt="x"/>', True),
        ('<a href="javascript:x()">there</a>', False),
        ("<table>text</table>", False),
        ("<tr><td>1</td></tr>", False),
        ("<ul><li>one<ul><li>two</li></ul></li></ul>", True),
        ("<p><ul><li>one</li></ul></p>", False),
        ("<p>one<div>two</div></p>", False),
        ("<b>one<b>two</b></b>", False),
        ("<b>one</b><b>two</b>", True),
        ("<br>one</br>", False),
        ('<p title="a" title="b">one</p>', False),
        ('<p onclick="x()">one</p>', False),
        ("<p>one", False),
        ("one ]]> two", False),
        ("&nbsp;", False),
        ("<p> </p>", False),
        ("<p><!-- one -->two</p>", False),
    ],
)
def test_which_narratives_are_certain(inner: str, certain: bool) -> None:
    patient = {"resourceType": "Patient", "text": {"status": "generated"}}
    patient["text"]["div"] = f"{START}{inner}</div>"  # type: ignore[index]  # a dict of dicts
    gate_of_all = WITH._gate
    assert gate_of_all is not None
    found = gate_of_all.look(dump_bytes(patient))
    assert found.shape
    assert found.narratives == certain
    assert_same(dump_bytes(patient))


START = '<div xmlns="http://www.w3.org/1999/xhtml">'
INNER = '{"resourceType":"Patient","id":"a"}'


@pytest.mark.parametrize(
    "text",
    [
        '{"resourceType":"Patient","active":true,"active":true}',
        '{"resourceType":"Patient","resourceType":"Patient"}',
        '{"resourceType":"Patient","name":[{}]}',
        '{"resourceType":"Patient","name":[{"id":"x"}]}',
        '{"resourceType":"Patient","name":[]}',
        '{"resourceType":"Patient","name":[{"text":"a","id":"x"},{"text":"b","id":"x"}]}',
        '{"resourceType":"Patient","deceasedBoolean":true,"deceasedDateTime":"2020"}',
        '{"resourceType":"Patient","link":[{"type":"refer"}]}',
        '{"resourceType":"Patient","contained":[{"resourceType":"Patient"}]}',
        f'{{"resourceType":"Patient","contained":[{INNER}, {INNER}]}}',
        f'{{"resourceType":"Patient","contained":[{INNER[:-1]},"contained":[{INNER}]}}]}}',
        '{"resourceType":"Nobody"}',
        '{"resourceType":"Patient"} {}',
        '{"resourceType":"Patient",}',
        "",
    ],
)
def test_what_is_wrong_is_not_accepted(text: str) -> None:
    assert not accepts(text.encode())


@pytest.mark.parametrize("levels", [1, 10, 50, 62, 70, 99, 120, 5000])
def test_deep_nesting_is_for_the_walk(levels: int) -> None:
    inner = '{"url":"u","valueBoolean":true}'
    for _ in range(levels):
        inner = '{"url":"u","extension":[' + inner + "]}"
    text = ('{"resourceType":"Patient","extension":[' + inner + "]}").encode()
    assert accepts(text) == (levels <= 50)


def test_a_kind_that_was_never_met_is_for_the_walk() -> None:
    fresh = Gate(Shapes(STORE, Options(shape_only=True)))
    text = b'{"resourceType":"Basic","code":{"text":"a"}}'
    assert [fresh.look(text).shape for _ in range(5)] == [False, False, False, True, True]


def test_stricter_options_leave_their_values_to_the_walk() -> None:
    strict = Gate(Shapes(STORE, Options(shape_only=True, security_checks=True)))
    text = b'{"resourceType":"Patient","name":[{"text":"<b>"}]}'
    assert not any(strict.look(text).shape for _ in range(5))


def test_both_ways_give_the_same_outcome() -> None:
    validator = Validator(options=Options(shape_only=True))
    text = dump_bytes(ALL[next(iter(ALL))])
    outcomes = {validator.validate(text, file="a.json") for _ in range(6)}
    assert len(outcomes) == 1
