"""The language server: an editor's questions, over the Language Server Protocol, answered here.

https://microsoft.github.io/language-server-protocol. Nothing is fetched and nothing is written.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.workspace import TextDocument

from fhirkit.core.errors import FhirkitError
from fhirkit.core.issues import Issue, Severity
from fhirkit.editor import documents
from fhirkit.editor.elements import Elements
from fhirkit.editor.place import Place
from fhirkit.validate import Validator

_SEVERITIES = {
    Severity.FATAL: lsp.DiagnosticSeverity.Error,
    Severity.ERROR: lsp.DiagnosticSeverity.Error,
    Severity.WARNING: lsp.DiagnosticSeverity.Warning,
    Severity.INFORMATION: lsp.DiagnosticSeverity.Information,
}
#: Larger documents are checked when they are opened and saved, not at every stroke.
_LARGE = 500_000


class Checker(Protocol):
    """The settings of the folder that the editor works in."""

    @property
    def validator(self) -> Validator:
        """A validator that knows the folder's packages."""

    def check_text(self, name: str, data: bytes) -> list[Issue]:
        """The issues of a record that count there."""


class Server:
    """Answers one editor. ``open_project`` makes the checker of a folder."""

    def __init__(self, open_project: Callable[[Path], Checker], version: str) -> None:
        self.protocol = LanguageServer("fhirkit", version)
        self._open_project = open_project
        self._checker: Checker | None = None
        self._elements: Elements | None = None
        self._trouble = ""
        self._root = Path.cwd()
        self._on(lsp.INITIALIZE, self._initialize)
        self._on(lsp.TEXT_DOCUMENT_DID_OPEN, self._opened)
        self._on(lsp.TEXT_DOCUMENT_DID_CHANGE, self._changed)
        self._on(lsp.TEXT_DOCUMENT_DID_SAVE, self._saved)
        self._on(lsp.TEXT_DOCUMENT_DID_CLOSE, self._closed)
        self._on(lsp.TEXT_DOCUMENT_HOVER, self._hover)
        options = lsp.CompletionOptions(trigger_characters=['"', ":", " ", "{"])
        self._on(lsp.TEXT_DOCUMENT_COMPLETION, self._complete, options)

    def _on(self, name: str, answer: Callable[[Any], Any], options: Any = None) -> None:
        # pygls writes on what it registers, which a bound method does not allow.
        def feature(params: Any) -> Any:
            return answer(params)

        self.protocol.feature(name, options)(feature)

    def run(self) -> None:
        """Speak over standard input and output until the editor says exit."""
        # pygls closes what it is given; the process's own streams are the command line's.
        self.protocol.start_io(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"))

    # What the editor tells

    def _initialize(self, params: lsp.InitializeParams) -> None:
        folders = params.workspace_folders
        uri = folders[0].uri if folders else params.root_uri
        if uri:
            self._root = _path(uri)

    def _opened(self, params: lsp.DidOpenTextDocumentParams) -> None:
        self._publish(params.text_document.uri)

    def _changed(self, params: lsp.DidChangeTextDocumentParams) -> None:
        document = self.protocol.workspace.get_text_document(params.text_document.uri)
        if len(document.source) <= _LARGE:
            self._publish(params.text_document.uri)

    def _saved(self, params: lsp.DidSaveTextDocumentParams) -> None:
        if _path(params.text_document.uri).name in ("fhirkit.toml", "pyproject.toml"):
            self._checker = self._elements = None
        self._publish(params.text_document.uri)

    def _closed(self, params: lsp.DidCloseTextDocumentParams) -> None:
        self._send(params.text_document.uri, [])

    # What it asks

    def _hover(self, params: lsp.HoverParams) -> lsp.Hover | None:
        document = self.protocol.workspace.get_text_document(params.text_document.uri)
        kind, place = self._place(document, params.position)
        if place is None or place.start == place.end:
            return None
        text = documents.about(kind, place, self._known())
        if not text:
            return None
        span = _range(document, place.start, place.end)
        return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, text), span)

    def _complete(self, params: lsp.CompletionParams) -> lsp.CompletionList:
        document = self.protocol.workspace.get_text_document(params.text_document.uri)
        kind, place = self._place(document, params.position)
        if place is None:
            return lsp.CompletionList(is_incomplete=False, items=[])
        span = _range(document, place.start, place.end)
        sort = lsp.CompletionItemKind.Property if place.on_name else lsp.CompletionItemKind.Value
        quoted = document.source[place.start : place.start + 1] == '"'
        items = [
            lsp.CompletionItem(
                label=one.label,
                kind=sort,
                detail=one.detail or None,
                documentation=one.about or None,
                # Editors narrow by what stands in the span: with its quote, where there is one.
                filter_text=f'"{one.label}"' if quoted else one.label,
                sort_text=f"{number:04}",
                text_edit=lsp.TextEdit(span, one.text),
            )
            for number, one in enumerate(documents.choices(kind, place, self._known()))
        ]
        return lsp.CompletionList(is_incomplete=True, items=items)

    # How it is answered

    def _project(self) -> Checker:
        if self._checker is None:
            self._checker = self._open_project(self._root)
        return self._checker

    def _known(self) -> Elements:
        if self._elements is None:
            self._elements = Elements(self._project().validator.shapes)
        return self._elements

    def _place(self, document: TextDocument, position: lsp.Position) -> tuple[str, Place | None]:
        kind = documents.kind_of(document.path, document.source)
        offset = document.offset_at_position(position)
        return kind, documents.place_of(kind, document.source, offset)

    def _publish(self, uri: str) -> None:
        document = self.protocol.workspace.get_text_document(uri)
        path = _path(uri)
        kind = documents.kind_of(path.name, document.source)
        if not kind:
            self._send(uri, [])
            return
        try:
            found = documents.issues_of(kind, path, document.source, self._check)
        except FhirkitError as problem:
            self._say(problem)
            return
        lines = document.source.split("\n")
        self._send(uri, [_diagnostic(document, issue, lines) for issue in found])

    def _check(self, name: str, data: bytes) -> list[Issue]:
        return self._project().check_text(name, data)

    def _say(self, problem: FhirkitError) -> None:
        """What stops every check (settings, packages) is said once, not at every stroke."""
        text = problem.message + (f"; {problem.advice}" if problem.advice else "")
        if text != self._trouble:
            self._trouble = text
            message = lsp.ShowMessageParams(lsp.MessageType.Error, f"fhirkit: {text}")
            self.protocol.window_show_message(message)

    def _send(self, uri: str, found: list[lsp.Diagnostic]) -> None:
        params = lsp.PublishDiagnosticsParams(uri=uri, diagnostics=found)
        self.protocol.text_document_publish_diagnostics(params)


def _diagnostic(document: TextDocument, issue: Issue, lines: list[str]) -> lsp.Diagnostic:
    number, start, end = documents.span_of(issue, lines)
    line = lines[number] if lines else ""
    message = issue.message + (f" ({issue.expression})" if issue.expression else "")
    return lsp.Diagnostic(
        range=lsp.Range(_position(document, number, line[:start]),
                        _position(document, number, line[:end])),
        severity=_SEVERITIES[issue.severity],
        code=issue.rule,
        source="fhirkit",
        message=message + (f"\ntry: {issue.advice}" if issue.advice else ""),
    )  # fmt: skip


def _range(document: TextDocument, start: int, end: int) -> lsp.Range:
    return lsp.Range(_at(document, start), _at(document, end))


def _at(document: TextDocument, offset: int) -> lsp.Position:
    before = document.source[:offset]
    number = before.count("\n")
    return _position(document, number, before[before.rfind("\n") + 1 :])


def _position(document: TextDocument, number: int, before: str) -> lsp.Position:
    """A position in the units that editor and server agreed on, UTF-16 if nothing else."""
    return lsp.Position(number, document.position_codec.client_num_units(before))


def _path(uri: str) -> Path:
    return Path(unquote(urlsplit(uri).path))
