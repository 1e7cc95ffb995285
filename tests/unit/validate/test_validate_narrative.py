"""Narratives: https://hl7.org/fhir/R4/narrative.html#xhtml."""

from __future__ import annotations

import pytest
from samples import XHTML

from fhirkit import Validator


def rules(validator: Validator, div: str) -> list[str]:
    patient = {"resourceType": "Patient", "id": "p1", "text": {"status": "generated", "div": div}}
    outcome = validator.validate(patient)
    assert all(issue.expression == "Patient.text.div" for issue in outcome)
    return [issue.rule for issue in outcome]


@pytest.mark.parametrize(
    "inner",
    [
        "text",
        "<p style='color: red' class='a' id='b' lang='en'>x</p>",
        "<a href='https://example.org/'>x</a>",
        "<img src='data:image/png;base64,AAAA' alt=''/>",
        "<table border='1'><tr><td colspan='2'>x</td></tr></table>",
        "a&#160;b &lt; &amp;",
        "<dl><dt>a</dt><dd>b</dd></dl><map name='m'><area alt='x'/></map>",
        "<a href='#'>x</a> <a href='Patient/1'>x</a> <a href='mailto:a@b.example'>x</a>",
        "<a href='#q'>x</a><p id='q'>y</p> <a href='#p1'>the Patient</a>",
        "<!-- a comment --> x",
    ],
)
def test_allowed(validator: Validator, inner: str) -> None:
    assert rules(validator, f"<div {XHTML}>{inner}</div>") == []


@pytest.mark.parametrize(
    ("inner", "rule", "txt1"),
    [
        ("<script>alert(1)</script>x", "narrative-forbidden", True),
        ("<p onclick='x()'>x</p>", "narrative-forbidden", True),
        ("<a href='javascript:alert(1)'>x</a>", "narrative-link", False),
        ("<a href='JavaScript:alert(1)'>x</a>", "narrative-link", False),
        ("<a href=' java&#10;script:alert(1)'>x</a>", "narrative-link", False),
        ("<a href='data:text/html,x'>x</a>", "narrative-link", False),
        ("<a href='cid:1'>x</a>", "narrative-link", False),
        ("<a href='#nowhere'>x</a>", "narrative-link", False),
        ("<img src='#nowhere'/>", "narrative-link", False),
        ("<a href='https://a b.example'>x</a>", "narrative-link", False),
        ("<style>p{}</style>x", "narrative-forbidden", True),
        ("<iframe src='https://example.org'/>x", "narrative-forbidden", True),
        ("<link rel='stylesheet' href='x'/>x", "narrative-forbidden", True),
        ("<meta http-equiv='refresh'/>x", "narrative-forbidden", True),
        ("<base href='https://example.org'/>x", "narrative-forbidden", True),
        ("<ol start='2'><li>x</li></ol>", "narrative-forbidden", True),
        ("<p xmlns='urn:other'>x</p>", "narrative-root", False),
        ("a&nbsp;b", "narrative-entity", False),
        ("<p><b><ul><li>x</li></ul></b></p>", "narrative-structure", False),
        ("<tr><td>x</td></tr>", "narrative-structure", False),
        ("<ul>x<li>y</li></ul>", "narrative-structure", False),
        ("<br>x</br>", "narrative-structure", False),
        ("<b>a<i><b>c</b></i></b>", "narrative-structure", False),
    ],
)
def test_forbidden(validator: Validator, inner: str, rule: str, txt1: bool) -> None:
    found = set(rules(validator, f"<div {XHTML}>{inner}</div>"))
    assert found == {rule, "narrative-content"} if txt1 else {rule}


def test_each_fault_is_told_once_a_kind(validator: Validator) -> None:
    links = "<a href='cid:1'>a</a><a href='cid:1'>a</a><a href='cid:1'>b</a><a href='cid:2'>a</a>"
    assert rules(validator, f"<div {XHTML}>{links}</div>") == ["narrative-link"] * 3
    tags = "<u>a</u><u>b</u><p onclick='x'>c</p>"
    found = rules(validator, f"<div {XHTML}>{tags}</div>")
    assert found == ["narrative-content", "narrative-forbidden", "narrative-forbidden"]


def test_a_link_may_lead_to_another_narrative_of_the_bundle(validator: Validator) -> None:
    def entry(number: int, inner: str) -> dict[str, object]:
        text = {"status": "generated", "div": f"<div {XHTML}>{inner}</div>"}
        url = f"urn:uuid:00000000-0000-4000-8000-00000000000{number}"
        return {"fullUrl": url, "resource": {"resourceType": "Patient", "text": text}}

    target = entry(0, "<p id='there'>x</p>")
    bundle = {"resourceType": "Bundle", "type": "collection"}
    there = bundle | {"entry": [target, entry(1, "<a href='#there'>x</a>")]}
    assert validator.validate(there).errors == ()
    lost = bundle | {"entry": [target, entry(1, "<a href='#lost'>x</a>")]}
    (error,) = validator.validate(lost).errors
    assert (error.rule, error.expression) == (
        "narrative-link",
        "Bundle.entry[1].resource.text.div",
    )


def test_a_narrative_may_be_what_refers_to_a_contained_resource(validator: Validator) -> None:
    div = f"<div {XHTML}><img src='#c' alt='c'/></div>"
    contained = {"resourceType": "Binary", "id": "c", "contentType": "image/png"}
    patient = {"resourceType": "Patient", "contained": [contained],
               "text": {"status": "generated", "div": div}}  # fmt: skip
    assert validator.validate(patient).errors == ()
    patient["text"] = {"status": "generated", "div": f"<div {XHTML}>x</div>"}
    assert [error.rule for error in validator.validate(patient).errors] == ["contained-orphan"]


@pytest.mark.parametrize(
    "div",
    [
        "text",
        f"<div {XHTML}><p>x</div>",
        f"<div {XHTML}>&undefined;</div>",
        f"<!DOCTYPE div [<!ENTITY a 'b'>]><div {XHTML}>&a;</div>",
        f"<!DOCTYPE div SYSTEM 'file:///etc/passwd'><div {XHTML}>x</div>",
        f"<div {XHTML}>" + "<div>" * 20_000 + "x" + "</div>" * 20_001,
    ],
)
def test_not_readable(validator: Validator, div: str) -> None:
    assert rules(validator, div) == ["narrative-xhtml", "narrative-content", "narrative-empty"]


@pytest.mark.parametrize("div", ["<div>no namespace</div>", f"<p {XHTML}>no div</p>"])
def test_not_a_div(validator: Validator, div: str) -> None:
    assert rules(validator, div) == ["narrative-root"]


@pytest.mark.parametrize("inner", ["", " \n ", "<p/>", "<p> </p><br/>"])
def test_empty(validator: Validator, inner: str) -> None:
    assert rules(validator, f"<div {XHTML}>{inner}</div>") == ["narrative-empty"]
