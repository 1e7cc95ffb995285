"""What can be validated: a path, bytes, a text, a dict or a model, as one kind of document."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fhirkit.core.errors import InvalidInput, UsageError
from fhirkit.core.files import read_bytes
from fhirkit.core.jsonio import loads, loads_again
from fhirkit.core.tolerant import Way
from fhirkit.validate.gate.native import NOTHING, Certain
from fhirkit.validate.location import root
from fhirkit.validate.shapes import Shapes

#: A path; bytes or text of JSON or XML; a dict; or a model with ``model_dump``.
Source = Any

#: What another look at the text may get past, and the length (bytes) beyond which none is taken.
_MENDABLE = ("json-syntax", "json-duplicate-key")
_TOO_LONG_TO_MEND = 50_000_000
_ENCODING = re.compile(rb"""<\?xml[^>]*encoding=["']([A-Za-z0-9._-]+)""")
_OPENERS = ("{", "[", "<")


class Document:
    """A resource in the JSON shape, and where its parts stand in the text."""

    def __init__(self, value: Any, *, file: str | None = None, text: bytes | None = None) -> None:
        self.value = value
        self.file = file
        self._text = text
        self._xml: Any = None
        self._offsets: dict[Way, int] | None = None
        #: What reading found, as the fields of a ``Found``.
        self.found: list[tuple[Any, ...]] = []

    @classmethod
    def from_xml(cls, data: bytes, *, file: str | None, shapes: Shapes) -> Document:
        """Read FHIR XML; ``InvalidInput`` when it is not well-formed."""
        from fhirkit.core.xmlio import parse
        from fhirkit.validate.xml_reader import XmlReader

        reader = XmlReader(parse(data, file=file), shapes)
        document = cls(reader.value, file=file)
        document.found = [*reader.found, *_encoding(data, reader.value)]
        document._xml = reader
        return document

    @classmethod
    def from_slips(cls, data: bytes, *, file: str | None, shapes: Shapes) -> Document:
        """Read what is nearly JSON; ``InvalidInput`` when it is too far from it."""
        from fhirkit.core.tolerant import places, recover
        from fhirkit.validate.ways import node_of

        text = data.decode("utf-8-sig")
        recovered = recover(text, file=file)
        document = cls(recovered.value, file=file, text=data)
        document._offsets = recovered.offsets
        slips = recovered.slips
        if shapes.options.json_comments:
            slips = [slip for slip in slips if slip.rule != "json-comment"]
        for slip, spot in zip(slips, places(text, [s.offset for s in slips]), strict=True):
            node = node_of(slip.way, recovered.value, shapes)
            document.found.append((slip.rule, slip.message, node, None, spot))
        return document

    @property
    def is_xml(self) -> bool:
        """Whether it was read from XML."""
        return self._xml is not None

    def locate(
        self, wanted: list[tuple[str | int, ...]]
    ) -> dict[tuple[str | int, ...], tuple[int | None, int | None]]:
        """Line and column of places, as far as they are known."""
        if self._xml is not None:
            return {keys: (self._xml.line(keys), None) for keys in wanted}
        if self._text is None:
            return {}
        if self._offsets is not None:
            from fhirkit.core.tolerant import places

            known = {keys: self._offsets[keys] for keys in wanted if keys in self._offsets}
            spots = places(self._text.decode("utf-8-sig"), known.values())
            return dict(zip(known, spots, strict=True))
        from fhirkit.validate.positions import locate

        # Not by the codec utf-8-sig: it is written in Python.
        text = self._text.removeprefix(BOM_UTF8).decode()
        return dict(locate(text, wanted, self.value).items())


def read(
    source: Source,
    shapes: Shapes,
    *,
    file: str | None = None,
    respell: bool = False,
    certain: Certain = NOTHING,
) -> Document:
    """The document of a source. A str that starts with ``{``, ``[`` or ``<`` is text, else a path.

    ``InvalidInput`` when it is no JSON or XML; ``UsageError`` when it is nothing to validate.
    ``respell``: see ``jsonio.loads``. ``certain``: what is known of bytes.
    """
    if certain.shape:
        value = loads_again(source, whole_numbers=certain.whole_numbers)
        return Document(value, file=file, text=source)
    if isinstance(source, str):
        if not source.lstrip("\ufeff \t\r\n").startswith(_OPENERS):
            source = Path(source)
        else:
            source = source.encode("utf-8", "surrogatepass")
    if isinstance(source, Path):
        file = file or str(source)
        source = read_bytes(source)
    if isinstance(source, bytes | bytearray | memoryview):
        return _read_bytes(bytes(source), shapes, file, respell=respell)
    if isinstance(source, dict):
        return Document(source, file=file)
    dump = getattr(source, "model_dump", None)
    if callable(dump):
        return Document(_plain(dump(by_alias=True, exclude_none=True)), file=file)
    kind = type(source).__name__
    raise UsageError(f"cannot validate a {kind}: expected a path, bytes, text, dict or model")


def _read_bytes(data: bytes, shapes: Shapes, file: str | None, *, respell: bool) -> Document:
    head = data[:256].lstrip(b"\xef\xbb\xbf \t\r\n")
    utf16 = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    if head.startswith(b"<") or (utf16 and b"<" in data[2:4]):
        return Document.from_xml(data, file=file, shapes=shapes)
    try:
        value = loads(data, file=file, respell=respell)
    except InvalidInput as problem:
        if problem.issues[0].rule not in _MENDABLE or len(data) > _TOO_LONG_TO_MEND:
            raise
        try:
            return Document.from_slips(data, file=file, shapes=shapes)
        except InvalidInput as hopeless:
            raise _explained(hopeless, data) from None
    document = Document(value, file=file, text=data)
    if data.startswith(BOM_UTF8):
        name = value.get("resourceType") if isinstance(value, dict) else None
        message = "the text begins with a byte order mark, which JSON must not have"
        document.found.append(("json-byte-order-mark", message, root(str(name)), None, (1, 1)))
    return document


def _encoding(data: bytes, value: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """A finding when XML is not UTF-8: https://hl7.org/fhir/R4/xml.html."""
    declared = _ENCODING.search(data[:200])
    named = declared[1].decode("ascii", "replace").casefold() if declared is not None else "utf-8"
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        named = "utf-16"
    if named not in ("utf-8", "us-ascii", "ascii"):
        message = f"FHIR XML is written in UTF-8, not in {named[:20]}; save it as UTF-8"
        yield "xml-encoding", message, root(str(value.get("resourceType"))), None


def _explained(problem: InvalidInput, data: bytes) -> InvalidInput:
    """The same, with a hint where the kind of mistake is plain."""
    from dataclasses import replace

    lines = [line for line in data[:100_000].split(b"\n") if line.strip()]
    if len(lines) > 1 and all(line.lstrip().startswith(b"{") for line in lines[:2]):
        hint = "this looks like NDJSON: name the file .ndjson to check it line by line"
        issues = tuple(replace(issue, advice=hint) for issue in problem.issues)
        return InvalidInput(problem.message, issues=issues, advice=hint)
    return problem


def _plain(value: Any) -> Any:
    """A model's dump as JSON data: dates and bytes as the text they were read from."""
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(member) for member in value]
    isoformat = getattr(value, "isoformat", None)
    if callable(isoformat):
        return isoformat()
    return value.decode() if isinstance(value, bytes) else value
