"""What an editor offers to do about a diagnostic: safe repairs, and the word that was meant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher

from lsprotocol import types as lsp

from fhirkit.core.issues import Issue
from fhirkit.editor.checks import Checks, Repair, Snapshot
from fhirkit.editor.diagnostics import SOURCE, message_of
from fhirkit.editor.text import Document
from fhirkit.fix import FIXABLE

_MEANT = re.compile(r"did you mean (?P<words>[^?\n]+)\?")
#: A suggestion is put in the place of a word only where it is nearly that word.
_ALIKE = 0.6


class Actions:
    """Answers of one editor."""

    def __init__(self, checks: Checks) -> None:
        self._checks = checks

    async def of(
        self, document: Document, snapshot: Snapshot, context: lsp.CodeActionContext
    ) -> list[lsp.CodeAction]:
        """What can be done about the diagnostics that the editor asks about."""
        ours = [one for one in context.diagnostics if one.source == SOURCE]
        found: list[lsp.CodeAction] = []
        if _wanted(lsp.CodeActionKind.QuickFix, context):
            for diagnostic in ours:
                found += _meant(document, diagnostic)
        fixable = [one for one in ours if one.code in FIXABLE]
        # "Fix all" is asked of a document, beside or without a place in it.
        whole = _wanted(lsp.CodeActionKind.SourceFixAll, context) and bool(context.only or fixable)
        if fixable or whole:
            repairs = await self._checks.repairs(
                snapshot, lambda issue: any(_is(one, issue) for one in fixable), whole=whole
            )
            for repair in repairs:
                found += _action(document, repair, fixable, context)
        return found


def _is(diagnostic: lsp.Diagnostic, issue: Issue) -> bool:
    """Whether an editor's diagnostic is of an issue."""
    return diagnostic.code == issue.rule and diagnostic.message == message_of(issue)


def _wanted(kind: lsp.CodeActionKind, context: lsp.CodeActionContext) -> bool:
    """Whether an editor asks for actions of a kind: it may name what that is a part of."""
    if not context.only:
        return True
    return any(f"{kind.value}.".startswith(f"{_value(one)}.") for one in context.only)


def _value(kind: lsp.CodeActionKind | str) -> str:
    return kind.value if isinstance(kind, lsp.CodeActionKind) else kind


def _action(
    document: Document,
    repair: Repair,
    diagnostics: list[lsp.Diagnostic],
    context: lsp.CodeActionContext,
) -> Iterator[lsp.CodeAction]:
    mended = [one for one in diagnostics if repair.issue is not None and _is(one, repair.issue)]
    whole = repair.issue is None
    kind = lsp.CodeActionKind.SourceFixAll if whole else lsp.CodeActionKind.QuickFix
    if _wanted(kind, context) and (whole or mended):
        span = document.range_of(repair.edit.start, repair.edit.end)
        edit = _edit(document, span, repair.edit.text)
        yield lsp.CodeAction(
            repair.title, kind=kind, diagnostics=mended or None, edit=edit,
            is_preferred=True if mended else None,
        )  # fmt: skip


def _meant(document: Document, diagnostic: lsp.Diagnostic) -> Iterator[lsp.CodeAction]:
    """The words that a message suggests, in the place of the word that it is about."""
    found = _MEANT.search(diagnostic.message)
    if found is None:
        return
    start = document.offset_at_position(diagnostic.range.start)
    written = document.source[start : document.offset_at_position(diagnostic.range.end)]
    quote = '"' if written.startswith('"') and written.endswith('"') else ""
    for word in found["words"].split(" or "):
        # A code may be followed by what it stands for.
        plain = word.strip(" '`\"").split(" ")[0]
        if SequenceMatcher(None, written.strip('"'), plain).ratio() >= _ALIKE:
            yield lsp.CodeAction(
                f"Change to {plain}", kind=lsp.CodeActionKind.QuickFix, diagnostics=[diagnostic],
                edit=_edit(document, diagnostic.range, f"{quote}{plain}{quote}"),
            )  # fmt: skip


def _edit(document: Document, span: lsp.Range, text: str) -> lsp.WorkspaceEdit:
    return lsp.WorkspaceEdit(changes={document.uri: [lsp.TextEdit(span, text)]})
