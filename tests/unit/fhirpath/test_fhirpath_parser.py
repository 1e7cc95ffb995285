from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirkit.fhirpath.errors import ExpressionSyntaxError
from fhirkit.fhirpath.parser import parse, parts
from fhirkit.fhirpath.syntax import Binary, Call, Literal, Member, TypeTest, Unary


def depth(text: str) -> int:
    level, nodes = 0, [parse(text)]
    while nodes:
        level, nodes = level + 1, [part for node in nodes for part in parts(node)]
    return level


def test_precedence_follows_the_grammar() -> None:
    tree = parse("a or b and c = d + e * f")
    assert isinstance(tree, Binary)
    assert tree.operator == "or"
    assert isinstance(tree.right, Binary)
    assert tree.right.operator == "and"
    tree = parse("1 > 2 is Boolean")
    assert isinstance(tree, Binary)
    assert isinstance(tree.right, TypeTest)


def test_a_sign_binds_weaker_than_a_dot() -> None:
    tree = parse("-1.abs()")
    assert isinstance(tree, Unary)
    assert isinstance(tree.operand, Call)


@pytest.mark.parametrize("text", ["text.div", "text.`div`", "a.contains", "a.is", "a.and"])
def test_keywords_are_names_behind_a_dot(text: str) -> None:
    assert isinstance(parse(text), Member)


def test_escapes() -> None:
    assert parse(r"'\\\/\f\r\n\t\"\`\'\u002a'") == Literal("\\/\f\r\n\t\"`'*", 0)


@pytest.mark.parametrize(
    "text",
    ["", "  ", "a.", "a b", "(a", "a)", "a[1", "'open", "2 +", "/* open", "a..b", "$that", "%",
     "f(a,)", "@T10:00Z", r"'\q'", "a ! b", "1 as", "div", "€"],
)  # fmt: skip
def test_what_is_no_expression_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(ExpressionSyntaxError) as caught:
        parse(text)
    assert 0 <= caught.value.position <= len(text)


@pytest.mark.parametrize(
    "text",
    ["(" * 3000 + "1" + ")" * 3000, "not(" * 3000, "-" * 3000 + "1", "a" + ".a" * 3000,
     "a" + "[0]" * 3000, "1" + "+1" * 3000, "a" + " is B" * 3000, "x" * 200_000],
)  # fmt: skip
def test_r8_deep_and_long_expressions_are_refused(text: str) -> None:
    with pytest.raises(ExpressionSyntaxError):
        parse(text)


@pytest.mark.parametrize(("operator", "part"), [("or", "a = 1"), ("and", "a = 1"), ("|", "'b'")])
def test_long_lists_of_alternatives_stay_shallow(operator: str, part: str) -> None:
    assert depth(f" {operator} ".join([part] * 2000)) < 20


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ExpressionSyntaxError):
        parse(text)


@given(st.text(alphabet="ab.()[]'1+-=|&<>$%{} andoris@T:/*`,", max_size=40))
def test_any_likely_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ExpressionSyntaxError):
        parse(text)
