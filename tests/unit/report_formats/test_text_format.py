"""The text format: excerpts that point to the place and hide values, lines that drive nothing."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirkit.core.issues import Issue, Outcome, Severity
from fhirkit.report.formats.escape import one_line
from fhirkit.report.formats.excerpt import excerpt
from fhirkit.report.formats.outcomes import FileOutcome, Settings
from fhirkit.report.formats.text import ConciseFormat, TextFormat

SECRET = "Canarius"


def show(line: str, column: int | None, *, xml: bool = False, values: bool = False) -> str:
    text, caret = excerpt(line, column, xml=xml, show_values=values)
    return text if caret is None else f"{text[:caret]}▸{text[caret:]}"


@pytest.mark.parametrize(
    ("line", "column", "shown"),
    [
        ('  "gender": "x",', 3, '▸"gender": …,'),
        ('{"a": "x", "b": 12}', 12, '{"a": …, ▸"b": …}'),
        ('{"a": "x", "b": 12}', 17, '{"a": …, "b": ▸…}'),
        ('{"a": "x \\" }", "b": null}', 17, '{"a": …, ▸"b": …}'),
        ('{"Ann Sample": 1}', 2, "{▸…: …}"),
        ('{"a" 12', 6, "{… ▸…"),
        ('"never closed', 1, "▸…"),
        ("", 1, "▸"),
        ('{"a": 1}', 99, '{"a": …}▸'),
    ],
)
def test_json_keeps_its_shape_and_hides_values(line: str, column: int, shown: str) -> None:
    assert show(line, column) == shown


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('  <active value="true"/>', "<active value=…/>"),
        ('<div xmlns="u"><p>Ann Sample</p></div>', "<div xmlns=…><p>… …</p></div>"),
        ("<name value='Ann", "<name value=…"),
        ("Ann < Sample", "… … …"),
        ('Ann="Sample" value="x"', "… value=…"),
    ],
)
def test_xml_keeps_its_shape_and_hides_values(line: str, shown: str) -> None:
    assert show(line, None, xml=True) == shown


def test_with_values_the_line_is_as_it_is() -> None:
    assert show('\t"gender": "x",', 2, values=True) == '▸"gender": "x",'


@pytest.mark.parametrize("values", [True, False])
def test_a_long_line_is_cut_around_the_place(*, values: bool) -> None:
    line = "{" + ", ".join(f'"k{n}": "{n}"' for n in range(90_000)) + "}"
    column = line.index('"k44444"') + 1
    text, caret = excerpt(line, column, xml=False, show_values=values)
    assert len(text) <= 80
    assert caret is not None
    assert text[caret:].startswith('"k44444"')


SCALARS = st.just(SECRET) | st.text(max_size=5).map(lambda text: f"{text}{SECRET}{text}")
RECORDS = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "_id", "text"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(RECORDS, st.data())
def test_no_value_of_json_is_ever_shown(record: Any, data: st.DataObject) -> None:
    line = json.dumps(record, ensure_ascii=data.draw(st.booleans()))
    cut = line[: data.draw(st.integers(0, len(line)))]
    column = data.draw(st.integers(1, len(line) + 2))
    for text in (line, cut, cut[::-1]):
        assert SECRET not in excerpt(text, column, xml=False, show_values=False).text
        assert SECRET not in excerpt(text, column, xml=True, show_values=False).text


@given(st.text(max_size=300), st.integers(1, 320), st.booleans(), st.booleans())
def test_the_caret_stands_in_the_line(line: str, column: int, xml: bool, values: bool) -> None:
    text, caret = excerpt(line, column, xml=xml, show_values=values)
    assert caret is not None
    assert 0 <= caret <= max(len(text), 80)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", text)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a\n::error::x", "a ::error::x"),
        ("::error file=x::y", "./::error file=x::y"),
        ("  ::debug::y", "./  ::debug::y"),
        ("##vso[task.setvariable]x", "# #vso[task.setvariable]x"),
        ("a ##[error]x", "a # #[error]x"),
        ("\x1b]8;;http://x\x07y", "⟨U+001B⟩]8;;http://x⟨U+0007⟩y"),
        ("plain # text", "plain # text"),
    ],
)
def test_x15_a_line_drives_no_terminal_and_no_ci(text: str, safe: str) -> None:
    assert one_line(text) == safe


def test_an_issue_with_its_excerpt_and_advice() -> None:
    data = b'{\n "resourceType": "Patient",\n "gender": "x"\n}'
    issue = Issue(
        Severity.ERROR, "binding-required", "not in it", "Patient.gender", "code-invalid",
        "Take one.", "a.json", 3, 2,
    )  # fmt: skip
    one = FileOutcome("a.json", Outcome((issue,)), data=data)
    assert TextFormat(Settings()).add(one) == (
        "a.json:3:2: error binding-required not in it (Patient.gender)\n"
        '    3 | "gender": …\n'
        "        ^\n"
        "    try: Take one.\n"
    )
    assert (
        TextFormat(Settings(show_values=True)).add(one).splitlines()[1] == '    3 | "gender": "x"'
    )
    assert ConciseFormat(Settings()).add(one).count("\n") == 1
    assert "\x1b[31merror\x1b[0m" in TextFormat(Settings(colour=True)).add(one)


def test_a_line_of_ndjson_is_found_by_its_number_in_the_file() -> None:
    issue = Issue(Severity.ERROR, "r", "m", file="a.ndjson", line=7, column=2)
    one = FileOutcome("a.ndjson", Outcome((issue,)), line=7, data=b'{"active": 1}')
    assert '    7 | {"active": …}\n         ^\n' in TextFormat(Settings()).add(one)


@pytest.mark.parametrize("line", [0, 2, 10**9])
def test_a_place_outside_of_the_input_has_no_excerpt(line: int) -> None:
    issue = Issue(Severity.ERROR, "r", "m", file="a", line=line, column=1)
    assert (
        TextFormat(Settings()).add(FileOutcome("a", Outcome((issue,)), data=b"{}")).count("\n") == 1
    )
