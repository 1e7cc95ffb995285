"""The source text and the way back to it: which sentence of which document a fact came from.

Reads the extension ``derivation-reference`` (package hl7.fhir.uv.extensions.r4): ``offset`` and
``length`` count characters of the decoded text of a DocumentReference's attachment.
"""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from fhirkit.report.records import Entry, Record
from fhirkit.report.untrusted import listed
from fhirkit.report.visible import Whole

DERIVATION = "http://hl7.org/fhir/StructureDefinition/derivation-reference"
#: More of a document than this is not printed; the page says so.
MOST_CHARACTERS = 400_000


@dataclass(frozen=True, slots=True)
class Quote:
    """A stretch of a source; ``document`` is None when the source is not on the page."""

    document: int | None
    offset: int
    length: int
    line: int
    label: str

    @property
    def anchor(self) -> str:
        """The line it begins on, for a page without a script."""
        return f"s{self.document}-L{self.line}"

    @property
    def end(self) -> int:
        """The offset just behind it."""
        return self.offset + self.length


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a line between two quote boundaries; ``facts`` are anchors of what cites it."""

    offset: int
    text: str
    facts: tuple[str, ...]

    @property
    def end(self) -> int:
        """The offset just behind it."""
        return self.offset + len(self.text)


@dataclass(frozen=True, slots=True)
class Line:
    """A numbered line, cut at quote boundaries."""

    number: int
    segments: tuple[Segment, ...]


@dataclass(slots=True)
class Document:
    """One source text. ``cite`` collects who cites it; ``lines`` cuts it accordingly."""

    index: int
    title: str
    entry: Entry
    text: str
    language: str = ""
    left_out: int = 0
    _starts: list[int] = field(default_factory=list)
    _cited: dict[tuple[int, int], list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.text) > MOST_CHARACTERS:
            self.left_out = len(self.text) - MOST_CHARACTERS
            self.text = self.text[:MOST_CHARACTERS]
        self._starts = [0]
        self._starts += [at + 1 for at, char in enumerate(self.text) if char == "\n"]

    def line_at(self, offset: int) -> int:
        """The number of the line that holds a character, from 1."""
        return bisect_right(self._starts, offset)

    def cite(self, quote: Quote, anchor: str) -> None:
        """Remember that ``anchor`` (an element of the page) came from this quote."""
        facts = self._cited.setdefault((quote.offset, quote.end), [])
        if anchor not in facts:
            facts.append(anchor)

    def lines(self) -> Iterator[Line]:
        """The text in numbered lines."""
        cuts = sorted({edge for pair in self._cited for edge in pair})
        waiting = deque(sorted(self._cited.items()))
        open_spans: list[tuple[tuple[int, int], list[str]]] = []
        ends = [*self._starts[1:], len(self.text) + 1]
        for number, (start, after) in enumerate(zip(self._starts, ends, strict=True), 1):
            stop = after - 1
            open_spans = [span for span in open_spans if span[0][1] > start]
            while waiting and waiting[0][0][0] < stop:
                open_spans.append(waiting.popleft())
            inner = cuts[bisect_right(cuts, start) : bisect_left(cuts, stop)]
            segments = []
            for left, right in pairwise([start, *inner, stop]):
                facts = {
                    name: None
                    for (first, last), names in open_spans
                    if first <= left and last >= right
                    for name in names
                }
                piece = self.text[left:right].rstrip("\r")
                if piece:
                    segments.append(Segment(left, Whole(piece), tuple(facts)))
            yield Line(number, tuple(segments))


class Sources:
    """The source texts of a record, and the quotes that its elements give."""

    def __init__(self, record: Record) -> None:
        self.documents: list[Document] = []
        self._record = record
        self._by_entry: dict[int, list[Document]] = {}
        for entry in record:
            if entry.type == "DocumentReference":
                self._read(entry)

    def _read(self, entry: Entry) -> None:
        for content in listed(entry.resource.get("content")):
            attachment = content.get("attachment") if isinstance(content, dict) else None
            text = _decoded(attachment)
            if text is None or not isinstance(attachment, dict):
                continue
            number = len(self.documents)
            title = attachment.get("title")
            language = attachment.get("language") or entry.resource.get("language")
            document = Document(
                number,
                title if isinstance(title, str) and title else f"{entry.type}/{entry.id}",
                entry,
                text,
                language if isinstance(language, str) and len(language) < 20 else "",
            )
            self.documents.append(document)
            self._by_entry.setdefault(entry.index, []).append(document)

    def quotes(self, element: Any, anchor: str) -> tuple[Quote, ...]:
        """The quotes an element carries itself, remembered as cited by ``anchor``."""
        if not isinstance(element, dict):
            return ()
        found: list[Quote] = []
        for extension in listed(element.get("extension")):
            if isinstance(extension, dict) and extension.get("url") == DERIVATION:
                quote = self._quote(extension)
                if quote and quote not in found:
                    found.append(quote)
                    if quote.document is not None:
                        self.documents[quote.document].cite(quote, anchor)
        return tuple(sorted(found, key=lambda quote: (quote.document is None, quote.offset)))

    def _quote(self, extension: dict[str, Any]) -> Quote | None:
        parts = {
            part["url"]: part
            for part in listed(extension.get("extension"))
            if isinstance(part, dict) and isinstance(part.get("url"), str)
        }
        reference = parts.get("reference", {}).get("valueReference")
        reference = reference if isinstance(reference, dict) else {}
        offset = parts.get("offset", {}).get("valueInteger")
        length = parts.get("length", {}).get("valueInteger")
        display = reference.get("display")
        label = display if isinstance(display, str) else "source"
        entry = self._record.find(reference)
        documents = self._by_entry.get(entry.index, []) if entry else []
        document = (
            documents[_content(parts.get("path", {}).get("valueString"), len(documents))]
            if (documents)
            else None
        )
        if document and type(offset) is int and type(length) is int:
            if 0 <= offset < offset + length <= len(document.text):
                line = document.line_at(offset)
                return Quote(document.index, offset, length, line, f"line {line}")
            label = f"{label} (the place given is outside the text)"
        return Quote(None, 0, 0, 0, label)


def _content(path: Any, count: int) -> int:
    """Which attachment a path such as ``…content[1].attachment`` means; the first by default."""
    if isinstance(path, str):
        number = path.partition("content[")[2].partition("]")[0]
        if number.isascii() and number.isdigit() and len(number) < 6 and int(number) < count:
            return int(number)
    return 0


def _decoded(attachment: Any) -> str | None:
    """The text of a text attachment that is in the resource itself; None for any other."""
    if not isinstance(attachment, dict) or not isinstance(attachment.get("data"), str):
        return None
    kind, *parameters = str(attachment.get("contentType", "")).lower().split(";")
    if not kind.strip().startswith("text/"):
        return None
    charset = "utf-8"
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset":
            charset = value.strip().strip('"')
    if charset not in ("utf-8", "us-ascii", "iso-8859-1"):
        return None
    try:
        raw = base64.b64decode("".join(attachment["data"].split()), validate=True)
        return raw.decode(charset)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
