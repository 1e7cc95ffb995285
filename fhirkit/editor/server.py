"""The language server: an editor's questions, over the Language Server Protocol, answered here.

https://microsoft.github.io/language-server-protocol. Nothing is fetched and nothing is written.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from fhirkit.editor import documents
from fhirkit.editor.actions import Actions
from fhirkit.editor.checks import Checks, Report, Snapshot
from fhirkit.editor.diagnostics import diagnostics_of
from fhirkit.editor.elements import MOST, Elements
from fhirkit.editor.place import Place
from fhirkit.editor.project import Project, Projects
from fhirkit.editor.text import Document

#: Seconds without a stroke until a document is checked again.
_PAUSE = 0.15
#: So many characters take a while to check; then the pause is longer.
_LARGE, _LONG_PAUSE = 500_000, 0.8
#: Files that decide what counts: when one is saved, everything open is checked again.
_SETTINGS = ("fhirkit.toml", "pyproject.toml", "fhirkit-baseline.json")


class Server:
    """Answers one editor. ``open_projects`` gives the projects of files, to one thread each."""

    def __init__(self, open_projects: Callable[[], Projects], version: str) -> None:
        self.protocol = LanguageServer("fhirkit", version)
        self._checks = Checks(open_projects(), self._told)
        self._actions = Actions(self._checks)
        self._projects = open_projects()
        self._elements: tuple[Project, Elements] | None = None
        self._open: set[str] = set()
        self._trouble = ""
        self._on(lsp.INITIALIZE, self._initialize)
        self._on(lsp.INITIALIZED, self._initialized)
        self._on(lsp.TEXT_DOCUMENT_DID_OPEN, self._opened)
        self._on(lsp.TEXT_DOCUMENT_DID_CHANGE, self._changed)
        self._on(lsp.TEXT_DOCUMENT_DID_SAVE, self._saved)
        self._on(lsp.TEXT_DOCUMENT_DID_CLOSE, self._closed)
        self._on(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, self._recheck)
        self._on(lsp.TEXT_DOCUMENT_HOVER, self._hover)
        self._on(lsp.TEXT_DOCUMENT_DEFINITION, self._definition)
        options = lsp.CompletionOptions(trigger_characters=['"', ":", " ", "{"])
        self._on(lsp.TEXT_DOCUMENT_COMPLETION, self._complete, options)
        kinds = [lsp.CodeActionKind.QuickFix, lsp.CodeActionKind.SourceFixAll]
        self._on_async(lsp.TEXT_DOCUMENT_CODE_ACTION, self._act, lsp.CodeActionOptions(kinds))

    def _on(self, name: str, answer: Callable[[Any], Any], options: Any = None) -> None:
        # pygls writes on what it registers, which a bound method does not allow.
        def feature(params: Any) -> Any:
            return answer(params)

        self.protocol.feature(name, options)(feature)

    def _on_async(self, name: str, answer: Callable[[Any], Any], options: Any) -> None:
        async def feature(params: Any) -> Any:
            return await answer(params)

        self.protocol.feature(name, options)(feature)

    def run(self) -> None:
        """Speak over standard input and output until the editor says exit."""
        # What pygls logs may quote a document, and editors keep what is logged.
        logging.getLogger("pygls").setLevel(logging.CRITICAL + 1)
        # pygls closes what it is given; the process's own streams are the command line's.
        stdin, stdout = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
        # Whatever else is printed must not get between the messages.
        os.dup2(2, 1)
        try:
            self.protocol.start_io(stdin, stdout)
        finally:
            self._checks.close()

    # What the editor tells

    def _initialize(self, params: lsp.InitializeParams) -> None:
        del params
        workspace: Any = self.protocol.workspace
        # pygls has no other way to say that lines end where the protocol says.
        workspace._create_text_document = lambda uri, source=None, version=None, language_id=None: (  # noqa: SLF001
            Document(uri, source, version, language_id, position_codec=workspace.position_codec)
        )

    def _initialized(self, params: lsp.InitializedParams) -> None:
        del params
        watches = self.protocol.client_capabilities.workspace
        if watches is None or watches.did_change_watched_files is None:
            return
        if watches.did_change_watched_files.dynamic_registration:
            watched = [lsp.FileSystemWatcher(f"**/{name}") for name in _SETTINGS]
            options = lsp.DidChangeWatchedFilesRegistrationOptions(watched)
            name = lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES
            wish = lsp.RegistrationParams([lsp.Registration("settings", name, options)])
            self.protocol.client_register_capability(wish)

    def _opened(self, params: lsp.DidOpenTextDocumentParams) -> None:
        self._open.add(params.text_document.uri)
        self._check(params.text_document.uri)

    def _changed(self, params: lsp.DidChangeTextDocumentParams) -> None:
        large = len(self._document(params.text_document.uri).source) > _LARGE
        self._check(params.text_document.uri, _LONG_PAUSE if large else _PAUSE)

    def _saved(self, params: lsp.DidSaveTextDocumentParams) -> None:
        if _path(params.text_document.uri).name in _SETTINGS:
            self._recheck(params)
        else:
            self._check(params.text_document.uri)

    def _closed(self, params: lsp.DidCloseTextDocumentParams) -> None:
        self._open.discard(params.text_document.uri)
        self._checks.forget(params.text_document.uri)
        self._send(params.text_document.uri, [], None)

    def _recheck(self, params: Any) -> None:
        del params
        for uri in sorted(self._open):
            self._check(uri)

    # What it asks

    def _hover(self, params: lsp.HoverParams) -> lsp.Hover | None:
        document, kind, place = self._place(params)
        if place is None or place.start == place.end:
            return None
        text = documents.about(kind, place, document.source, lambda: self._known(document))
        if not text:
            return None
        span = document.range_of(place.start, place.end)
        return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, text), span)

    def _definition(self, params: lsp.DefinitionParams) -> lsp.Location | None:
        document, kind, place = self._place(params)
        line = None if place is None else documents.definition(kind, place, document.source)
        if line is None:
            return None
        there = lsp.Position(line, 0)
        return lsp.Location(params.text_document.uri, lsp.Range(there, there))

    def _complete(self, params: lsp.CompletionParams) -> lsp.CompletionList:
        document, kind, place = self._place(params)
        if place is None:
            return lsp.CompletionList(is_incomplete=False, items=[])
        span = document.range_of(place.start, place.end)
        sort = lsp.CompletionItemKind.Property if place.on_name else lsp.CompletionItemKind.Value
        quoted = document.source[place.start : place.start + 1] == '"'
        found = documents.choices(kind, place, document.source, lambda: self._known(document))
        items = [
            lsp.CompletionItem(
                label=one.label,
                kind=sort,
                detail=one.detail or None,
                documentation=one.about or None,
                # Editors narrow by what stands in the span: with its quote, where there is one.
                filter_text=f'"{one.sought or one.label}"' if quoted else one.sought or one.label,
                sort_text=f"{number:04}",
                text_edit=lsp.TextEdit(span, one.text),
            )
            for number, one in enumerate(found)
        ]
        # More may fit what is typed next only where not all that fit are here, or none was typed.
        searched = any(one.sought for one in found) or not place.typed
        return lsp.CompletionList(is_incomplete=searched or len(items) >= MOST, items=items)

    async def _act(self, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        document = self._document(params.text_document.uri)
        return await self._actions.of(document, self._snapshot(document), params.context)

    # How it is answered

    def _document(self, uri: str) -> Document:
        document = self.protocol.workspace.get_text_document(uri)
        assert isinstance(document, Document)  # noqa: S101  # see _initialize
        return document

    def _known(self, document: Document) -> Elements:
        """What is known of elements by the project of a document."""
        project = self._projects.of(_path(document.uri))
        if self._elements is None or self._elements[0] is not project:
            self._elements = (project, Elements(project.validator.shapes))
        return self._elements[1]

    def _place(self, params: Any) -> tuple[Document, str, Place | None]:
        document = self._document(params.text_document.uri)
        kind = _kind(document)
        offset = document.offset_at_position(params.position)
        return document, kind, documents.place_of(kind, document.source, offset)

    def _snapshot(self, document: Document) -> Snapshot:
        return Snapshot(
            document.uri,
            _kind(document),
            _path(document.uri),
            document.source,
            document.version,
        )

    def _check(self, uri: str, delay: float = 0.0) -> None:
        snapshot = self._snapshot(self._document(uri))
        if snapshot.kind:
            self._checks.ask(snapshot, delay)
        else:
            self._checks.forget(uri)
            self._send(uri, [], snapshot.version)

    def _told(self, report: Report) -> None:
        document = self._document(report.snapshot.uri)
        if document.source != report.snapshot.text:
            return  # the check of what it is now comes
        if report.trouble:
            # What stops every check (settings, packages) is said once, not at every stroke.
            if report.trouble != self._trouble:
                text = f"fhirkit: {report.trouble}"
                message = lsp.ShowMessageParams(lsp.MessageType.Error, text)
                self.protocol.window_show_message(message)
            self._trouble = report.trouble
            return
        self._trouble = ""
        found = diagnostics_of(document, report.issues)
        self._send(report.snapshot.uri, found, report.snapshot.version)

    def _send(self, uri: str, found: list[lsp.Diagnostic], version: int | None) -> None:
        params = lsp.PublishDiagnosticsParams(uri=uri, diagnostics=found, version=version)
        self.protocol.text_document_publish_diagnostics(params)


def _path(uri: str) -> Path:
    """The file of a document; of one that is in no file yet, a name in the folder we are in."""
    if urlsplit(uri).scheme == "file":
        return Path(to_fs_path(uri) or unquote(urlsplit(uri).path))
    return Path.cwd() / (Path(unquote(urlsplit(uri).path)).name or "untitled")


def _kind(document: Document) -> str:
    """By the file's name; where that has no ending, by the language that the editor says."""
    path = _path(document.uri)
    name = path.name if path.suffix else f"{path.name}.{document.language_id}"
    return documents.kind_of(name, document.source)
