"""Narratives: well-formed, spelled as XML writers spell, and true to the resource."""

from __future__ import annotations

from typing import Any

import pytest
from convert_cases import RLS, ROOT, converted, small_case
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from fhirkit.convert import convert
from fhirkit.convert.narrative import escape

CASES = [RLS, *sorted((ROOT / "tests/golden/convert").glob("*/case.yaml"))]
PARSER = etree.XMLParser(resolve_entities=False, no_network=True)
ALLOWED = {"div", "p", "b", "table", "tbody", "tr", "td", "ul", "li", "br"}


def divs(bundle: dict[str, Any]) -> list[str]:
    found = []
    for entry in bundle["entry"]:
        resource = entry["resource"]
        found.append(resource["text"]["div"])
        found += [section["text"]["div"] for section in resource.get("section", ())]
    return found


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.parent.name)
@pytest.mark.parametrize("to", ["collection", "document"])
def test_an_xml_writer_gives_the_same_characters_back(path: Any, to: str) -> None:
    for div in divs(convert(path, to)):
        root = etree.fromstring(div, PARSER)
        assert etree.tostring(root, encoding="unicode") == div
        assert {etree.QName(node).localname for node in root.iter()} <= ALLOWED
        assert etree.QName(root).namespace == "http://www.w3.org/1999/xhtml"
        # txt-2: there is some text.
        assert "".join(root.itertext()).strip()


def test_markup_in_a_case_stays_text() -> None:
    hostile = '<script>alert("x")</script> & <b>bold</b>'
    resources = converted(small_case(conditions={"flu": {"text": hostile}}))
    condition = resources["Condition/flu"]
    root = etree.fromstring(condition["text"]["div"], PARSER)
    assert not [node for node in root.iter() if etree.QName(node).localname == "script"]
    assert hostile in "".join(root.itertext())
    assert condition["code"]["text"] == hostile


@given(st.text())
def test_any_text_gives_well_formed_content(text: str) -> None:
    root = etree.fromstring(f"<p>{escape(text)}</p>", PARSER)
    assert etree.tostring(root, encoding="unicode") == (
        f"<p>{escape(text)}</p>" if escape(text) else "<p/>"
    )


def test_the_status_tells_how_far_the_text_goes() -> None:
    bundle = convert(RLS, "collection")
    status = {
        entry["resource"]["id"].removeprefix("rls-ida-"): entry["resource"]["text"]["status"]
        for entry in bundle["entry"]
    }
    assert status["fhirkit"] == "generated"
    assert status["patient"] == "extensions"
    assert status["visit"] == "additional"


def test_what_is_missing_is_said_to_be_missing() -> None:
    bundle = convert(RLS, "collection")
    by_id = {entry["resource"]["id"]: entry["resource"] for entry in bundle["entry"]}
    assert "not available (masked)" in by_id["rls-ida-patient"]["text"]["div"]
    assert "<td>avoid: caffeine;" not in by_id["rls-ida-hb-visit"]["text"]["div"]
    assert "avoid: caffeine" in by_id["rls-ida-treatment"]["text"]["div"]
