"""No value of a record is ever seen in the line that an issue points at, however it is cut."""

from __future__ import annotations

import json

from hypothesis import example, given
from hypothesis import strategies as st

from fhirkit.report.formats.excerpt import excerpt

WORDS = st.text(st.characters(categories=["Ll", "Lu", "Nd"]), min_size=4).map(lambda w: f"zq{w}")


@given(WORDS, st.integers(1, 200))
@example("zqtrue", 3)
def test_no_value_of_a_json_line_is_ever_seen(word: str, column: int) -> None:
    record = {"family": word, "given": [word, {"text": f"{word}: {word}"}], "n": 77123}
    line = json.dumps(record, ensure_ascii=False)
    shown = excerpt(line, column, xml=False, show_values=False).text
    assert word not in shown
    assert "77123" not in shown
    # Nor where the text is broken off in the middle of a value.
    cut = line[: line.index(word) + len(word)]
    assert word not in excerpt(cut, column, xml=False, show_values=False).text


@given(WORDS, st.integers(1, 200))
def test_no_value_of_an_xml_line_is_ever_seen(word: str, column: int) -> None:
    line = f'<name><family value="{word}"/><div>{word} {word}</div><given value=\'{word}'
    assert word not in excerpt(line, column, xml=True, show_values=False).text


def test_a_long_line_is_cut_around_the_caret() -> None:
    line = "[" + '"abc", ' * 5000 + '"x"]'
    text, caret = excerpt(line, 7 * 2500 + 2, xml=False, show_values=False)
    assert caret is not None
    assert len(text) < 120
    assert text[caret] == "…"
