"""What is quickly found right in a narrative is right, whatever was right before."""

from __future__ import annotations

import pytest
from divs import CONTENT, DIVS, PIECES
from hypothesis import given
from hypothesis import strategies as st

from fhirkit.validate.rules import narrative
from fhirkit.validate.rules.markup import Markup
from fhirkit.validate.rules.xhtml import XHTML


def whole(content: str) -> str:
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{content}</div>'


def is_right(div: str) -> bool:
    return not any(narrative.complete(div))


def taught(*divs: str) -> Markup:
    markup = Markup(XHTML)
    for div in divs:
        if is_right(div):
            markup.learn(div)
    return markup


SINGLE = [whole(piece) for piece in PIECES]


@given(divs=st.lists(DIVS, max_size=6), div=DIVS)
def test_what_was_right_before_makes_nothing_else_right(divs: list[str], div: str) -> None:
    assert not taught(*divs, *SINGLE).is_right(div) or is_right(div)


@given(divs=st.lists(CONTENT, min_size=2, max_size=6))
def test_parts_of_right_narratives_in_another_order(divs: list[str]) -> None:
    markup = taught(*(whole(div) for div in divs))
    for div in (whole("".join(reversed(divs))), whole(f"<p>{divs[0]}</p>{divs[1]}")):
        assert not markup.is_right(div) or is_right(div)


def test_a_usual_narrative_is_quickly_found_right() -> None:
    markup = taught(whole('<p class="x">one<br/></p><table><tr><td>two</td></tr></table>'))
    again = whole('<table>\n<tr><td>1</td><td> ä </td></tr></table><p class="x">y</p>')
    assert is_right(again)
    assert markup.is_right(again)
    for other in ("<p></p>", '<p class="y">one</p>', '<p class="x">one<p class="x">', "one"):
        assert not markup.is_right(whole(other))
    assert not markup.is_right(whole("<table>text<tr><td>1</td></tr></table>"))


@pytest.mark.parametrize("hidden", ["<!-- ><b>no</b>-->", "<![CDATA[><b>no</b>]]>"])
def test_what_only_looks_like_a_tag_is_not_learned(hidden: str) -> None:
    div = whole(f"one{hidden}")
    assert is_right(div)
    markup = taught(div)
    assert not markup.is_right(whole("one<b>no</b>"))


@pytest.mark.parametrize("levels", [200, 250, 255, 256, 300])
def test_what_is_too_deep_to_parse_is_never_right(levels: int) -> None:
    deep = [whole("<span>" * each + "x" + "</span>" * each) for each in (levels, levels - 1)]
    markup = taught(*deep)
    for div in deep:
        assert not markup.is_right(div) or is_right(div)
