"""An editor's side of a session with `fhirkit lsp`, over standard input and output."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def _place(at: tuple[int, int]) -> dict[str, int]:
    return {"line": at[0], "character": at[1]}


class Editor:
    """Speaks the Language Server Protocol: https://microsoft.github.io/language-server-protocol."""

    def __init__(self, folder: Path, **capabilities: Any) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "fhirkit.cli.main", "lsp"],
            cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self._folder = folder
        self._number = 0
        self.notices: list[dict[str, Any]] = []
        root = folder.as_uri()
        self.capabilities = self.ask(
            "initialize", processId=None, rootUri=root, capabilities=capabilities
        )["capabilities"]
        self.tell("initialized")

    def uri(self, name: str) -> str:
        if name.startswith("untitled:"):
            return name
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

    def open(self, name: str, text: str, language: str = "json") -> list[dict[str, Any]]:
        if not name.startswith("untitled:"):
            (self._folder / name).write_text(text)
        document = {"uri": self.uri(name), "languageId": language, "version": 1, "text": text}
        self.tell("textDocument/didOpen", textDocument=document)
        return self.diagnostics(name)

    def change(self, name: str, text: str, version: int) -> list[dict[str, Any]]:
        document = {"uri": self.uri(name), "version": version}
        self.tell("textDocument/didChange", textDocument=document, contentChanges=[{"text": text}])
        return self.diagnostics(name)

    def edit(
        self, name: str, version: int, *edits: tuple[tuple[int, int], tuple[int, int], str]
    ) -> None:
        """Change a document piece by piece; each place is a line and a character."""
        changes = [
            {"range": {"start": _place(start), "end": _place(end)}, "text": text}
            for start, end, text in edits
        ]
        document = {"uri": self.uri(name), "version": version}
        self.tell("textDocument/didChange", textDocument=document, contentChanges=changes)

    def actions(self, name: str, found: list[dict[str, Any]], *only: str) -> dict[str, str]:
        """Title of what is offered about these diagnostics → the text after it."""
        context: dict[str, Any] = {"diagnostics": found}
        if only:
            context["only"] = only
        span = found[0]["range"] if found else {"start": _place((0, 0)), "end": _place((0, 0))}
        offered = self.ask(
            "textDocument/codeAction", textDocument={"uri": self.uri(name)}, range=span,
            context=context,
        )  # fmt: skip
        return {one["title"]: self._after(name, one["edit"]) for one in offered}

    def _after(self, name: str, edit: dict[str, Any]) -> str:
        lines = (self._folder / name).read_text().split("\n")
        ((uri, (change,)),) = edit["changes"].items()
        assert uri == self.uri(name)
        start, end = change["range"]["start"], change["range"]["end"]
        before = [*lines[: start["line"]], lines[start["line"]][: start["character"]]]
        after = [lines[end["line"]][end["character"] :], *lines[end["line"] + 1 :]]
        return "\n".join(before) + change["newText"] + "\n".join(after)

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
                self.version = params.get("version")
                return list(params["diagnostics"])
            if message.get("method") == "window/showMessage":
                raise AssertionError(params["message"])

    def close(self) -> int:
        self.ask("shutdown")
        self.tell("exit")
        return self.ended()

    def hang_up(self) -> int:
        """The editor dies."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self.ended()

    def ended(self) -> int:
        """The exit code, once the server has ended; ``log`` is what it wrote to stderr."""
        code = self._process.wait(20)
        assert self._process.stderr is not None
        self.log = self._process.stderr.read().decode()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()
        return code

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()

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
