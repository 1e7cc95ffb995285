"""Narratives: https://hl7.org/fhir/R4/narrative.html#xhtml."""

from __future__ import annotations

import pytest
from samples import XHTML

from fhirkit import Validator


def rules(validator: Validator, div: str) -> list[str]:
    patient = {"resourceType": "Patient", "text": {"status": "generated", "div": div}}
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
        "a&nbsp;b &#160; &lt; &amp;",
        "<ol start='2'><li>x</li></ol>",
        "<!-- a comment --> x",
    ],
)
def test_allowed(validator: Validator, inner: str) -> None:
    assert rules(validator, f"<div {XHTML}>{inner}</div>") == []


@pytest.mark.parametrize(
    "inner",
    [
        "<script>alert(1)</script>x",
        "<p onclick='x()'>x</p>",
        "<a href='javascript:alert(1)'>x</a>",
        "<a href=' java&#10;script:alert(1)'>x</a>",
        "<a href='data:text/html,x'>x</a>",
        "<svg xmlns='http://www.w3.org/2000/svg'><text>x</text></svg>",
        "<style>p{}</style>x",
        "<iframe src='https://example.org'/>x",
        "<form><input/></form>x",
        "<object data='x'/>x",
        "<link rel='stylesheet' href='x'/>x",
        "<meta http-equiv='refresh'/>x",
        "<base href='https://example.org'/>x",
        "<p xmlns='urn:other'>x</p>",
    ],
)
def test_forbidden(validator: Validator, inner: str) -> None:
    assert set(rules(validator, f"<div {XHTML}>{inner}</div>")) == {"narrative-content"}


@pytest.mark.parametrize(
    "div",
    [
        "text",
        "<div>no namespace</div>",
        f"<p {XHTML}>no div</p>",
        f"<div {XHTML}><p>x</div>",
        f"<div {XHTML}>&undefined;</div>",
        f"<!DOCTYPE div [<!ENTITY a 'b'>]><div {XHTML}>&a;</div>",
        f"<!DOCTYPE div SYSTEM 'file:///etc/passwd'><div {XHTML}>x</div>",
        f"<div {XHTML}>" + "<div>" * 20_000 + "x" + "</div>" * 20_001,
    ],
)
def test_not_xhtml(validator: Validator, div: str) -> None:
    assert rules(validator, div) == ["narrative-xhtml"]


@pytest.mark.parametrize("inner", ["", " \n ", "<p/>", "<p> </p><br/>"])
def test_empty(validator: Validator, inner: str) -> None:
    assert rules(validator, f"<div {XHTML}>{inner}</div>") == ["narrative-empty"]
