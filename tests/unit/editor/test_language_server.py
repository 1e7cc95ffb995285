"""A whole session of an editor with `fhirkit lsp`, over its standard input and output."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from lsp_session import Editor

from fhirkit.cli.main import COMMANDS

RECORD = '{\n  "resourceType": "Patient",\n  "name": [{"text": "Zoë 🦊"}], "gender": "m"\n}\n'


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[Editor]:
    started = Editor(tmp_path)
    yield started
    started.kill()


def test_a_session(editor: Editor, tmp_path: Path) -> None:
    assert editor.capabilities["hoverProvider"]
    (wrong, *_) = editor.open("a.json", RECORD)
    assert wrong["code"] == "binding-required"
    assert wrong["source"] == "fhirkit"
    assert wrong["severity"] == 1
    assert "try: " in wrong["message"]
    # Positions count UTF-16 units: the fox is two of them.
    line = RECORD.split("\n")[2]
    start = len(line[: line.index('"gender"')].encode("utf-16-le")) // 2
    assert wrong["range"]["start"] == {"line": 2, "character": start}
    assert wrong["range"]["end"] == {"line": 2, "character": start + len('"gender"')}

    hover = editor.at("hover", "a.json", 2, start + 3)
    assert hover["contents"]["value"].startswith("**Patient.gender**")
    assert hover["range"] == wrong["range"]

    listed = editor.at("completion", "a.json", 2, start + len('"gender": "'))
    found = {item["label"]: item for item in listed["items"]}
    assert found["male"]["textEdit"]["newText"] == '"male"'
    assert found["male"]["textEdit"]["range"]["start"]["character"] == start + len('"gender": ')

    mended = RECORD.replace('"m"', '"male"')
    assert editor.change("a.json", mended, 2) == []
    assert editor.change("a.json", mended[:20], 3)[0]["code"] == "json-syntax"
    editor.tell("textDocument/didClose", textDocument={"uri": editor.uri("a.json")})
    assert editor.diagnostics("a.json") == []
    assert editor.close() == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json"], "nothing is written"


def test_a_case_file(editor: Editor) -> None:
    text = "fhirkit: case/1\nid: x\ntitle: A title\npatient:\n  sxe: female\n"
    found = editor.open("case.yaml", text)
    (wrong,) = [one for one in found if one["code"] == "case-unknown-key"]
    assert wrong["range"]["start"]["line"] == 4
    listed = editor.at("completion", "case.yaml", 4, 5)
    assert "sex" not in {item["label"] for item in listed["items"]}, "nothing begins with sxe"
    editor.change("case.yaml", text.replace("sxe: female", "se"), 2)
    listed = editor.at("completion", "case.yaml", 4, 4)
    assert listed["items"][0]["textEdit"]["newText"] == "sex: "
    hover = editor.at("hover", "case.yaml", 2, 2)
    assert hover["contents"]["value"].startswith("**title**")
    assert editor.close() == 0


def test_the_settings_of_the_folder_count(editor: Editor, tmp_path: Path) -> None:
    settings = '[severity]\nbinding-required = "information"\n'
    (tmp_path / "fhirkit.toml").write_text(settings)
    (wrong, *_) = editor.open("a.json", RECORD)
    assert (wrong["code"], wrong["severity"]) == ("binding-required", 3)
    assert editor.close() == 0


def test_settings_that_cannot_be_read_are_said_once(editor: Editor, tmp_path: Path) -> None:
    (tmp_path / "fhirkit.toml").write_text("nonsense = 1\n")
    with pytest.raises(AssertionError, match=r"fhirkit: .*fhirkit\.toml"):
        editor.open("a.json", RECORD)
    (tmp_path / "fhirkit.toml").write_text("")
    assert editor.change("a.json", RECORD, 2)[0]["code"] == "binding-required"
    assert editor.close() == 0


def test_other_files_and_ndjson(editor: Editor) -> None:
    assert editor.open("package.json", '{"name": "x"}') == []
    found = editor.open(
        "a.ndjson", '{"resourceType": "Patient"}\n{"resourceType": "Patient", "x": 1}\n'
    )
    assert [(one["code"], one["range"]["start"]["line"]) for one in found] == [
        ("element-unknown", 1)
    ]
    assert editor.open(
        "a.xml", '<Patient xmlns="http://hl7.org/fhir"><active value="x"/></Patient>'
    )
    assert editor.close() == 0


def test_without_its_library_the_command_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['pygls'] = None; sys.modules['lsprotocol'] = None\n"
        "from fhirkit.cli.main import cli, run\n"
        "sys.exit(run(cli, ['lsp']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "pip install 'fhirkit[lsp]'" in done.stderr


def test_the_page_starts_the_command_that_there_is() -> None:
    page = (Path(__file__).parents[3] / "docs/editors.md").read_text()
    (helix,) = re.findall(r"^```toml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    server = tomllib.loads(helix)["language-server"]["fhirkit"]
    assert [server["command"], *server["args"]] == ["fhirkit", "lsp"]
    assert 'cmd = { "fhirkit", "lsp" }' in page
    assert "lsp" in COMMANDS
