"""What can be validated: a path, bytes, a text, a dict or a model, as one kind of document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fhirkit.core.errors import InvalidInput, UsageError
from fhirkit.core.files import read_bytes
from fhirkit.core.jsonio import loads
from fhirkit.validate.shapes import Shapes

#: A path; bytes or text of JSON or XML; a dict; or a model with ``model_dump``.
Source = Any

_OPENERS = ("{", "[", "<")


class Document:
    """A resource in the JSON shape, and where its parts stand in the text."""

    def __init__(self, value: Any, *, file: str | None = None, text: bytes | None = None) -> None:
        self.value = value
        self.file = file
        self._text = text
        self._xml: Any = None
        #: What reading found: rule, message, node, and where to point to.
        self.found: list[tuple[str, str, Any, Any]] = []

    @classmethod
    def from_xml(cls, data: bytes, *, file: str | None, shapes: Shapes) -> Document:
        """Read FHIR XML; ``InvalidInput`` when it is not well-formed."""
        from fhirkit.core.xmlio import parse
        from fhirkit.validate.xml_reader import XmlReader

        reader = XmlReader(parse(data, file=file), shapes)
        document = cls(reader.value, file=file)
        document.found = reader.found
        document._xml = reader
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
        from fhirkit.validate.positions import locate

        return dict(locate(self._text.decode("utf-8-sig"), wanted).items())


def read(
    source: Source, shapes: Shapes, *, file: str | None = None, respell: bool = False
) -> Document:
    """The document of a source. A str that starts with ``{``, ``[`` or ``<`` is text, else a path.

    ``InvalidInput`` when it is no JSON or XML; ``UsageError`` when it is nothing to validate.
    ``respell``: see ``jsonio.loads``.
    """
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
        raise _explained(problem, data) from None
    return Document(value, file=file, text=data)


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
