"""What goes on in real sessions: typing fast, broken settings, odd texts, editors that die."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lsp_session import Editor

WRONG = '{"resourceType": "Patient", "birthDate": "m"}'
CASE = """\
fhirkit: case/1
id: made-up
title: Made up
timeline:
  visit: 2024-03
  follow-up: visit + 4 wk
patient:
  sex: female
conditions:
  asthma:
    text: Asthma
    code: sct:195967001
    status: {visit: active}
vitals:
  temperature-visit:
    value: 36.6 Cel
    at: visit
medications:
  spray:
    text: A spray
    for: asthma
"""


Start = Callable[..., Editor]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts an editor with some capabilities."""
    started: list[Editor] = []

    def make(**capabilities: Any) -> Editor:
        started.append(Editor(tmp_path, **capabilities))
        return started[-1]

    yield make
    for one in started:
        one.kill()


@pytest.fixture
def editor(start: Start) -> Editor:
    return start()


def codes(found: list[dict[str, Any]]) -> list[str]:
    return [one["code"] for one in found]


def where(text: str, line: int, word: str) -> tuple[int, int]:
    return line, text.split("\n")[line].index(word)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_edits_count_in_the_units_agreed_on(start: Start, encoding: str) -> None:
    """A fox is one character, two units of UTF-16 or four of UTF-8; U+2028 ends no line."""
    editor = start(general={"positionEncodings": [encoding]})
    assert editor.capabilities["positionEncoding"] == encoding
    line = '{"resourceType": "Patient", "name": [{"text": "a\u2028\U0001f98a"}], "birthDate": "m"}'

    def units(text: str) -> int:
        sizes = {"utf-8": 1, "utf-16": 2, "utf-32": 4}
        return (
            len(text.encode(f"{encoding}-le" if encoding != "utf-8" else encoding))
            // sizes[encoding]
        )

    (found,) = editor.open("a.json", f"\r\n{line}\r\n")
    start = units(line[: line.index('"birthDate"')])
    assert found["range"]["start"] == {"line": 1, "character": start}
    value = units(line[: line.index('"m"')])
    editor.edit("a.json", 2, ((1, value), (1, value + 3), '"2000"'))
    assert editor.diagnostics("a.json") == []
    # Two changes of one message follow each other; the second is in the text after the first.
    editor.edit("a.json", 3, ((1, value), (1, value + 6), '"x"'), ((1, value), (1, value + 3), "1"))
    assert codes(editor.diagnostics("a.json")) == ["primitive-type"]
    # A place behind the end is the end.
    editor.edit("a.json", 4, ((9, 9), (9, 9), "nonsense"))
    assert codes(editor.diagnostics("a.json")) == ["json-syntax"]
    assert editor.close() == 0


def test_of_quick_strokes_only_the_last_is_told(editor: Editor) -> None:
    editor.open("a.json", WRONG)
    text = WRONG
    for version in range(2, 30):
        text = WRONG.replace('"m"', f'"{"x" * version}"')
        document = {"uri": editor.uri("a.json"), "version": version}
        changes = [{"text": text}]
        editor.tell("textDocument/didChange", textDocument=document, contentChanges=changes)
    assert codes(editor.diagnostics("a.json")) == ["primitive-format"]
    assert editor.version == 29
    # Nothing else was sent: the next answer is the next message.
    assert editor.at("hover", "a.json", 0, 30) is not None
    assert editor.notices == []
    assert editor.close() == 0


def test_hovering_does_not_wait_for_a_check(editor: Editor) -> None:
    editor.open("small.json", WRONG)
    entry = {"resource": {"resourceType": "Patient", "name": [{"family": "made up"}] * 40}}
    large = json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [entry] * 1500})
    document = {"uri": editor.uri("b.json"), "languageId": "json", "version": 1, "text": large}
    editor.tell("textDocument/didOpen", textDocument=document)
    assert editor.at("hover", "small.json", 0, 30) is not None
    assert editor.notices == [], "the check was done before the answer"
    assert editor.diagnostics("b.json")
    editor.tell("textDocument/didClose", textDocument={"uri": editor.uri("b.json")})
    assert editor.diagnostics("b.json") == []
    assert editor.close() == 0


def test_a_document_closed_while_it_is_checked_gets_no_issues(editor: Editor) -> None:
    document = {"uri": editor.uri("a.json"), "languageId": "json", "version": 1, "text": WRONG}
    editor.tell("textDocument/didOpen", textDocument=document)
    editor.tell("textDocument/didClose", textDocument={"uri": document["uri"]})
    assert editor.diagnostics("a.json") == []
    editor.open("b.json", WRONG)
    assert editor.notices == []
    assert editor.close() == 0


def test_too_many_issues_are_counted(editor: Editor) -> None:
    lines = [WRONG] * 1200
    lines[700] = '{"resourceType": "Patient", "birthDate": '
    found = editor.open("a.ndjson", "\n".join(lines))
    assert len(found) == 1001
    assert "200 more issues" in found[-1]["message"]
    assert "json-syntax" in codes(found[:-1]), "the worst are shown"
    assert editor.close() == 0


def test_the_nearest_settings_count_for_each_file(editor: Editor, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    (tmp_path / "old/fhirkit.toml").write_text('ignore = ["primitive-format"]\n')
    (tmp_path / "fhirkit.toml").write_text(
        'exclude = ["drafts/**"]\n[[suppress]]\nrule = "primitive-format"\n'
        'path = "sent/**"\nreason = "made up"\n'
        '[[profiles]]\npath = "vitals/*.json"\n'
        'profiles = ["http://hl7.org/fhir/StructureDefinition/vitalsigns"]\n'
    )
    for folder in ("drafts", "sent", "vitals"):
        (tmp_path / folder).mkdir()
    assert editor.open("old/a.json", WRONG) == []
    assert codes(editor.open("new/a.json", WRONG)) == ["primitive-format"]
    assert editor.open("drafts/a.json", WRONG) == []
    assert editor.open("sent/a.json", WRONG) == []
    observation = '{"resourceType": "Observation", "status": "final", "code": {"text": "x"}}'
    assert "cardinality-min" in codes(editor.open("vitals/a.json", observation))
    assert editor.close() == 0


def test_a_baseline_silences_at_every_check(editor: Editor, tmp_path: Path) -> None:
    import subprocess
    import sys

    (tmp_path / "a.json").write_text(WRONG)
    (tmp_path / "fhirkit.toml").write_text('baseline = "fhirkit-baseline.json"\n')
    command = [sys.executable, "-m", "fhirkit.cli.main", "baseline", "a.json"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert editor.open("a.json", WRONG) == []
    assert editor.change("a.json", WRONG + "\n", 2) == []
    assert codes(
        editor.change("a.json", WRONG.replace('"m"', '"m", "deceasedDateTime": "m"'), 3)
    ) == ["primitive-format"]
    assert editor.close() == 0


def test_saved_settings_count_at_once_for_what_is_open(start: Start, tmp_path: Path) -> None:
    watching = {"didChangeWatchedFiles": {"dynamicRegistration": True}}
    editor = start(workspace=watching)
    assert codes(editor.open("a.json", WRONG)) == ["primitive-format"]
    (tmp_path / "fhirkit.toml").write_text('ignore = ["primitive-format"]\n')
    change = {"uri": editor.uri("fhirkit.toml"), "type": 1}
    editor.tell("workspace/didChangeWatchedFiles", changes=[change])
    assert editor.diagnostics("a.json") == []
    (tmp_path / "fhirkit.toml").unlink()
    editor.tell("textDocument/didSave", textDocument={"uri": editor.uri("fhirkit.toml")})
    assert codes(editor.diagnostics("a.json")) == ["primitive-format"]
    assert editor.close() == 0


def test_safe_repairs_are_offered(editor: Editor) -> None:
    name = '{"given": ["A", "B"]}'
    text = (
        f'{{\n "resourceType": "Patient",\n "name": {name},\n "active": "true", "birthDate": "m"}}'
    )
    found = editor.open("a.json", text)
    (single,) = [one for one in found if one["code"] == "array-expected"]
    offered = editor.actions("a.json", [single], "quickfix")
    assert offered == {"Write as a list: Patient.name": text.replace(name, f"[{name}]")}
    whole = editor.actions("a.json", [], "source.fixAll")
    ((title, after),) = whole.items()
    assert title == "Repair all that is safe (2)"
    mended = json.loads(after)
    assert (mended["name"], mended["active"]) == ([{"given": ["A", "B"]}], True)
    other = [one for one in found if one["code"] == "primitive-format"]
    assert editor.actions("a.json", other, "quickfix") == {}
    assert editor.actions("a.json", found, "refactor") == {}
    assert editor.close() == 0


def test_the_word_that_was_meant_is_offered(editor: Editor) -> None:
    text = '{"resourceType": "Patient", "brithDate": "2000"}'
    found = editor.open("a.json", text)
    offered = editor.actions("a.json", found)
    assert offered["Change to birthDate"] == text.replace("brithDate", "birthDate")
    broken = CASE.replace("  sex:", "  sxe:").replace("for: asthma", "for: asthmaa")
    found = editor.open("case.yaml", broken)
    offered = editor.actions("case.yaml", found)
    assert offered["Change to sex"] == broken.replace("sxe:", "sex:")
    assert offered["Change to asthma"] == broken.replace("asthmaa", "asthma")
    assert editor.close() == 0


def test_a_case_is_explained(editor: Editor) -> None:
    editor.open("case.yaml", CASE)

    def hover(line: int, word: str) -> str:
        found = editor.at("hover", "case.yaml", *where(CASE, line, word))
        return str(found["contents"]["value"])

    assert "Becomes a FHIR Condition." in hover(8, "conditions")
    assert "Becomes a FHIR Condition." in hover(9, "asthma")
    assert "Asthma (http://snomed.info/sct)" in hover(11, "sct:195967001") or "a code of" in hover(
        11, "sct:195967001"
    )
    assert "loinc:8310-5" in hover(14, "temperature-visit")
    assert "36.6" not in hover(15, "value")
    assert "Written as" in hover(15, "value")
    assert "visit: 2024-03" in hover(16, "visit")
    assert "asthma:" in hover(20, "asthma")


def test_a_name_in_a_case_leads_to_its_fact(editor: Editor) -> None:
    editor.open("case.yaml", CASE)
    there = editor.at("definition", "case.yaml", *where(CASE, 20, "asthma"))
    assert there["range"]["start"] == {"line": 9, "character": 0}
    there = editor.at("definition", "case.yaml", *where(CASE, 16, "visit"))
    assert there["range"]["start"]["line"] == 4
    assert editor.at("definition", "case.yaml", *where(CASE, 10, "Asthma")) is None


@pytest.mark.parametrize(
    ("line", "label"),
    [
        ("medications:\n  spray:\n    for: as", "asthma"),
        ("vitals:\n  pulse:\n    at: fol", "follow-up"),
        ("vitals:\n  temperature-visit:\n    value: 36.6 C", "Cel"),
        ("vitals:\n  temperature: 36.6 C", "Cel"),
        ("labs:\n  hb:\n    code: loinc:hemoglob", "loinc:718-7"),
        ("labs:\n  hb:\n    code: loinc:718", "loinc:718-7"),
        ("encounters:\n  v:\n    class: ambul", "AMB"),
        ("conditions:\n  a:\n    status: {visit: act", "active"),
        ("symptoms:\n  a:\n    basis: ass", "assumed"),
        ("source:\n  fi", "file"),
    ],
)
def test_words_of_a_case_are_offered(editor: Editor, line: str, label: str) -> None:
    text = CASE.partition("vitals:")[0] + line
    editor.open("case.yaml", text)
    last = text.split("\n")
    listed = editor.at("completion", "case.yaml", len(last) - 1, len(last[-1]))
    assert label in [item["label"] for item in listed["items"]]
    (item,) = [item for item in listed["items"] if item["label"] == label]
    assert item["textEdit"]["range"]["end"]["character"] == len(last[-1])


def test_a_case_that_is_no_yaml_says_where(editor: Editor) -> None:
    (found,) = editor.open("case.yaml", CASE + "labs: {a: [\n")
    assert found["code"] == "case-syntax"
    assert found["range"]["start"]["line"] >= 20
    # All the same it is read: what is being written is broken most of the time.
    listed = editor.at("completion", "case.yaml", 12, 4)
    assert listed["items"]
    assert editor.close() == 0


def test_lines_of_ndjson_are_records(editor: Editor) -> None:
    text = f'{{"resourceType": "Patient"}}\n{WRONG}\n'
    editor.open("a.ndjson", text)
    hover = editor.at("hover", "a.ndjson", *where(text, 1, '"birthDate"'))
    assert hover["contents"]["value"].startswith("**Patient.birthDate**")
    assert hover["range"]["start"]["line"] == 1
    assert editor.close() == 0


def test_an_editor_that_dies_takes_the_server_along(editor: Editor) -> None:
    editor.open("a.json", WRONG)
    assert editor.hang_up() in (0, 1)


def test_nothing_of_a_document_is_logged(editor: Editor) -> None:
    editor.open("a.json", WRONG.replace('"m"', '"canarius"'))
    document = {"uri": editor.uri("a.json"), "version": "canarius"}
    editor.tell("textDocument/didChange", textDocument=document, contentChanges="canarius")
    editor.tell("textDocument/hover", canarius="canarius")
    assert editor.close() == 0
    assert "canarius" not in editor.log


def test_a_rule_has_its_link(editor: Editor) -> None:
    (found,) = editor.open("a.json", WRONG)
    assert re.match(r"https?://hl7\.org/", found["codeDescription"]["href"])
    assert editor.close() == 0


def test_what_is_in_no_file_yet_goes_by_its_language(editor: Editor, tmp_path: Path) -> None:
    (tmp_path / "fhirkit.toml").write_text('[severity]\nprimitive-format = "warning"\n')
    (found,) = editor.open("untitled:Untitled-1", WRONG)
    assert (found["code"], found["severity"]) == ("primitive-format", 2)
    found = editor.open("untitled:Untitled-2", CASE.replace("sex", "sxe"), "yaml")
    assert "case-unknown-key" in codes(found)
    hover = editor.at("hover", "untitled:Untitled-2", *where(CASE, 8, "conditions"))
    assert "Becomes a FHIR Condition." in hover["contents"]["value"]
    assert editor.open("untitled:Untitled-3", WRONG, "plaintext") == []
    assert editor.close() == 0


def test_names_with_blanks_and_percents_are_files(editor: Editor, tmp_path: Path) -> None:
    (tmp_path / "fhirkit.toml").write_text('exclude = ["a b%20c.json"]\n')
    assert editor.open("a b%20c.json", WRONG) == []
    assert codes(editor.open("ü %25.json", WRONG)) == ["primitive-format"]
    assert editor.close() == 0
