"""A whole session of an editor with `fhirkit lsp`, over its standard input and output."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fhirkit.cli.main import COMMANDS

RECORD = '{\n  "resourceType": "Patient",\n  "name": [{"text": "Zoë 🦊"}], "gender": "m"\n}\n'


class Editor:
    """Speaks the Language Server Protocol: https://microsoft.github.io/language-server-protocol."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "fhirkit.cli.main", "lsp"],
            cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self._folder = folder
        self._number = 0
        self.notices: list[dict[str, Any]] = []
        root = folder.as_uri()
        self.capabilities = self.ask("initialize", processId=None, rootUri=root, capabilities={})[
            "capabilities"
        ]
        self.tell("initialized")

    def uri(self, name: str) -> str:
        return (self._folder / name).as_uri()

    def tell(self, method: str, **params: Any) -> None:
        self._send({"method": method, "params": params})

    def ask(self, method: str, **params: Any) -> Any:
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        while True:
            message = self._receive()
            if message.get("id") == self._number:
                assert "error" not in message, message
                return message["result"]
            self.notices.append(message)

    def open(self, name: str, text: str) -> list[dict[str, Any]]:
        (self._folder / name).write_text(text)
        document = {"uri": self.uri(name), "languageId": "json", "version": 1, "text": text}
        self.tell("textDocument/didOpen", textDocument=document)
        return self.diagnostics(name)

    def change(self, name: str, text: str, version: int) -> list[dict[str, Any]]:
        document = {"uri": self.uri(name), "version": version}
        self.tell("textDocument/didChange", textDocument=document, contentChanges=[{"text": text}])
        return self.diagnostics(name)

    def at(self, method: str, name: str, line: int, character: int) -> Any:
        position = {"line": line, "character": character}
        document = {"uri": self.uri(name)}
        return self.ask(f"textDocument/{method}", textDocument=document, position=position)

    def diagnostics(self, name: str) -> list[dict[str, Any]]:
        """The next diagnostics of a document."""
        while True:
            message = self.notices.pop(0) if self.notices else self._receive()
            params = message.get("params", {})
            if message.get("method") == "textDocument/publishDiagnostics":
                assert params["uri"] == self.uri(name)
                return list(params["diagnostics"])
            if message.get("method") == "window/showMessage":
                raise AssertionError(params["message"])

    def close(self) -> int:
        self.ask("shutdown")
        self.tell("exit")
        code = self._process.wait(20)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()
        return code

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()

    def _send(self, message: dict[str, Any]) -> None:
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(data), data))
        self._process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        length = 0
        while (line := self._process.stdout.readline().strip()) != b"":
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        assert length, "the server has gone"
        message: dict[str, Any] = json.loads(self._process.stdout.read(length))
        return message


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
