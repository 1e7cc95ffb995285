"""XML in, safely: the one place that parses it.

No DOCTYPE (so no entities of any kind), no network, no external files, bounded depth and size
(https://hl7.org/fhir/R4/security.html#xml). Namespaces are kept, comments and processing
instructions dropped.
"""

from __future__ import annotations

from typing import Any
from xml.parsers.expat import ExpatError, ParserCreate  # noqa: TID251  # this is that module

from lxml import etree

from fhirkit.core.errors import InvalidInput
from fhirkit.core.issues import Issue, Severity

#: An lxml element. lxml ships no types.
Element = Any


def parse(data: bytes | str, *, file: str | None = None) -> Element:
    """The root element. ``InvalidInput`` (``xml-syntax``, ``xml-doctype``) with line and column."""
    if isinstance(data, str):
        # A text has no encoding any more, so a declaration of one would be wrong: bytes decide.
        data = _without_declaration(data).encode("utf-8", "surrogatepass")
    try:
        root = etree.fromstring(data, _parser())
    except etree.XMLSyntaxError as problem:
        line, column = problem.position
        if b"<!DOCTYPE" in data:
            raise _doctype(file) from None
        what = str(problem.msg).partition(", line ")[0]
        raise _invalid("xml-syntax", f"not well-formed XML: {what}", file, line, column) from None
    except ValueError:
        raise _invalid("xml-syntax", "not well-formed XML", file, 1, 1) from None
    info = root.getroottree().docinfo
    if info.internalDTD is not None or info.doctype:
        raise _doctype(file)
    return root


def _parser() -> Any:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        strip_cdata=True,
    )


def is_well_formed(text: str) -> bool:
    """Whether a text of elements alone is well-formed; False may also mean "parse it to see".

    Nothing but elements, attributes and characters: with ``<!`` or ``<?`` in it a text is not
    looked at, so that this parser never sees a DOCTYPE, an entity declaration or an encoding.
    """
    if "<!" in text or "<?" in text:
        return False
    parser = ParserCreate(namespace_separator=" ")
    try:
        parser.Parse(text, True)  # noqa: FBT003  # the C function takes no keywords
    except (ExpatError, UnicodeEncodeError):
        return False
    return True


def local_name(element: Element) -> str:
    """The element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def namespace(element: Element) -> str:
    """The element's namespace, or nothing."""
    return str(element.tag)[1:].partition("}")[0] if str(element.tag).startswith("{") else ""


def serialise(element: Element) -> str:
    """The element as XML text, without what follows it."""
    text: str = etree.tostring(element, encoding="unicode", with_tail=False)
    return text


def _without_declaration(text: str) -> str:
    stripped = text.lstrip("\ufeff \t\r\n")
    if stripped.startswith("<?xml"):
        return stripped.partition("?>")[2]
    return stripped


def _doctype(file: str | None) -> InvalidInput:
    return _invalid("xml-doctype", "a DOCTYPE is not allowed in FHIR", file, None, None)


def _invalid(
    rule: str, message: str, file: str | None, line: int | None, column: int | None
) -> InvalidInput:
    issue = Issue(
        Severity.FATAL,
        rule,
        message,
        issue_type="structure",
        file=file,
        line=line or None,
        column=column or None,
    )
    place = f"{issue.place}: " if issue.place else ""
    return InvalidInput(f"{place}{message}", issues=(issue,))
