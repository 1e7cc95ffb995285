"""YAML comes in as text with places; every trap of YAML is an issue, and none takes time."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fhirkit.convert.read import yamlnode
from fhirkit.convert.read.nodes import Mapping, NotCaseData, Scalar, Sequence, from_mapping
from fhirkit.convert.read.yamlnode import read_yaml


def mapping(text: str) -> Mapping:
    node, issues = read_yaml(text.encode(), "case.yaml")
    assert issues == []
    assert isinstance(node, Mapping)
    return node


def rules(data: bytes) -> list[str]:
    return [issue.rule for issue in read_yaml(data, "case.yaml")[1]]


@pytest.mark.parametrize(
    "text",
    ["NO", "on", "1.10", "12:30", "2020-01-01", "0123", "1e3", "1.00", "0x1F", "1_000", ".5"],
)
def test_values_stay_the_text_that_was_written(text: str) -> None:
    value = mapping(f"value: {text}").get("value")
    assert isinstance(value, Scalar)
    assert value.text == text
    assert not value.quoted
    assert not value.is_null


@pytest.mark.parametrize(("text", "null"), [("", True), ("~", True), ("null", True), ('""', False)])
def test_only_an_unquoted_nothing_is_null(text: str, null: bool) -> None:
    value = mapping(f"value: {text}").get("value")
    assert isinstance(value, Scalar)
    assert value.is_null is null


def test_quoted_null_is_text() -> None:
    value = mapping('value: "null"').get("value")
    assert isinstance(value, Scalar)
    assert (value.text, value.quoted, value.is_null) == ("null", True, False)


def test_places_count_characters_from_one() -> None:
    top = mapping("a: 1\nüß: [x, {b: é, c: y}]\n")
    key, node = list(top.items())[1]
    assert key.place == ("case.yaml", 2, 1)
    assert isinstance(node, Sequence)
    inner = node[1]
    assert isinstance(inner, Mapping)
    assert inner.place == ("case.yaml", 2, 9)
    assert inner.get("c").place == ("case.yaml", 2, 19)  # type: ignore[union-attr]
    assert inner.key("b").place == ("case.yaml", 2, 10)  # type: ignore[union-attr]


def test_order_of_keys_is_kept() -> None:
    assert mapping("z: 1\na: 2\nm: 3").names() == ["z", "a", "m"]


@pytest.mark.parametrize(
    "text", ["a: 1\nb: 2\n", "a: 1\r\nb: 2\r\n", "a: 1\rb: 2\r", "\ufeffa: 1\nb: 2"]
)
def test_line_ends_and_byte_order_mark_make_no_difference(text: str) -> None:
    node, issues = read_yaml(text.encode(), "case.yaml")
    assert issues == []
    assert isinstance(node, Mapping)
    assert node.get("b").place == ("case.yaml", 2, 4)  # type: ignore[union-attr]


def test_duplicate_keys_are_told_with_both_places_and_reading_goes_on() -> None:
    node, issues = read_yaml(b"a: 1\nb: 1\na: 2\nb: 3\n", "case.yaml")
    assert [(issue.rule, issue.line, issue.column) for issue in issues] == [
        ("case-duplicate-key", 3, 1),
        ("case-duplicate-key", 4, 1),
    ]
    assert "line 1, column 1" in issues[0].message
    assert isinstance(node, Mapping)
    assert node.get("a").text == "1"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "case-empty"),
        (b"# only a comment\n", "case-empty"),
        (b"a: 1\n---\nb: 2\n", "case-documents"),
        (b"a:\n\tb: 1\n", "case-tab"),
        (b"a: [1, 2\nb: 3\n", "case-syntax"),
        (b"a: b: c\n", "case-syntax"),
        (b"a: !!python/object/apply:os.system [ls]\n", "case-tag"),
        (b"a: !!int 3\n", "case-tag"),
        (b"a: !local x\n", "case-tag"),
        (b"<<: {a: 1}\n", "case-merge-key"),
        (b"? [a, b]\n: c\n", "case-key"),
        (b"a: *b\n", "case-alias"),
        (b"a: &x {b: *x}\n", "case-alias"),
        (b"a: &x 1\nb: &x 2\n", "case-alias"),
        (b"\xff\xfea\x00", "case-encoding"),
        (b"a: \xe9t\xe9\n", "case-encoding"),
        (b"a: \x00\n", "case-character"),
        (b"a: \xc2\x85b\n", "case-character"),
        (b'a: "\\0"\n', "case-character"),
        (b'a: "\\x1b[31m"\n', "case-character"),
    ],
)
def test_each_trap_has_its_rule(data: bytes, rule: str) -> None:
    assert rules(data) == [rule]


def test_text_tags_are_read() -> None:
    value = mapping("a: !!str 5\nb: !!map {c: 1}\nd: !!seq [1]").get("a")
    assert isinstance(value, Scalar)
    assert (value.text, value.quoted) == ("5", True)


def test_an_alias_is_the_value_again() -> None:
    top = mapping("a: &x [1, 2]\nb: *x")
    assert top.get("a") is top.get("b")


@pytest.mark.timeout(60)
def test_nested_aliases_do_not_grow_without_bound() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]
    node, issues = read_yaml("\n".join(lines).encode(), "case.yaml")
    assert node is None
    assert [issue.rule for issue in issues] == ["case-size"]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("opening", [b"[", b"{a: ", b"- ", b"? ", b"[{a: "])
def test_deep_nesting_is_refused_at_once(opening: bytes) -> None:
    assert rules(opening * 20_000) == ["case-nesting"]


def test_troubles_are_counted_up_to_a_bound() -> None:
    _, issues = read_yaml(b"x: y\n" * 5000, "case.yaml")
    assert len(issues) == yamlnode.MAX_ISSUES
    assert "not read" in issues[-1].message


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "data",
    [
        b"a: {" + b"{:" * 200_000,
        b'a: "' + b"{a: b " * 200_000,
        b"a: " + b"&a " * 100_000,
        b"a: " + b"!!x" * 100_000 + b" b",
        b'"' + b"a" * 900_000 + b'": b\nc: [',
    ],
)
def test_a_long_line_is_refused_quickly(data: bytes) -> None:
    assert rules(data)


def test_a_huge_file_is_refused_unread() -> None:
    assert rules(b"a: " + b"x" * (17 * 1024 * 1024)) == ["case-size"]


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("a: {value: 128/76 mm[Hg]}", "mmHg"),
        ("a: > 5 mg/L\nb: 1", "quotes"),
        ("a: >5 mg/L\nb: 1", "quotes"),
        ("a: visit: later", "quotes"),
        ("a: @x", "quotes"),
        ("a:1\nb: 2", "space after the colon"),
        ("a: 'b", "not closed"),
    ],
)
def test_syntax_errors_say_what_to_do(text: str, advice: str) -> None:
    (issue,) = read_yaml(text.encode(), "case.yaml")[1]
    assert issue.rule == "case-syntax"
    assert advice in (issue.advice or "")
    assert issue.line is not None


def test_the_pure_python_parser_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: &x {b: [1, '2', ~]}\nc: *x\nd: |\n  e\n  f\nü: NO\n"
    fast = repr(mapping(text))
    monkeypatch.setattr(yamlnode, "_Parser", yaml.Loader)
    assert repr(mapping(text)) == fast
    assert rules(b"[" * 20_000) == ["case-nesting"]
    assert rules(b"a: {b: m[H]}") == ["case-syntax"]


@given(st.binary(max_size=200))
def test_any_bytes_give_a_node_or_an_issue(data: bytes) -> None:
    node, issues = read_yaml(data, "case.yaml")
    assert node is not None or issues
    for issue in issues:
        assert issue.line is not None
        assert issue.line >= 1
        assert issue.column is not None
        assert issue.column >= 1


@given(st.text(alphabet="ab:-[]{}&*!|>'\"#%@`, \n\t?~<1", max_size=60))
def test_any_yaml_like_text_gives_a_node_or_an_issue(text: str) -> None:
    node, issues = read_yaml(text.encode(), "case.yaml")
    assert node is not None or issues


def test_plain_data_becomes_the_same_nodes() -> None:
    node = from_mapping(
        {
            "s": "NO",
            "i": 42,
            "d": Decimal("1.00"),
            "f": 36.6,
            "b": True,
            "n": None,
            "t": dt.date(2022, 2, 14),
            "l": [1, {"x": "y"}],
        }
    )
    texts = [value.text for _, value in node.items() if isinstance(value, Scalar)]
    assert texts == ["NO", "42", "1.00", "36.6", "true", "", "2022-02-14"]
    assert node.get("n").is_null  # type: ignore[union-attr]
    assert node.get("s").place.line is None  # type: ignore[union-attr]
    inner = node.get("l")
    assert isinstance(inner, Sequence)
    assert isinstance(inner[1], Mapping)


def test_plain_text_null_is_not_nothing() -> None:
    assert not from_mapping({"a": "null"}).get("a").is_null  # type: ignore[union-attr]


def test_data_that_contains_itself_is_refused() -> None:
    data: dict[str, object] = {"a": []}
    data["a"].append(data)  # type: ignore[attr-defined]
    with pytest.raises(NotCaseData, match="contains itself"):
        from_mapping(data)


@pytest.mark.parametrize("value", [float("nan"), Decimal("Infinity"), b"x", {1, 2}, object()])
def test_other_values_are_refused_with_their_path(value: object) -> None:
    with pytest.raises(NotCaseData) as caught:
        from_mapping({"labs": {"hb": value}})
    assert caught.value.path == "labs.hb"


def test_keys_must_be_text() -> None:
    with pytest.raises(NotCaseData, match="key"):
        from_mapping({"a": {1: 2}})
