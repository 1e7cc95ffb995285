"""String manipulation (http://hl7.org/fhirpath/N1/#string-manipulation), with the later additions
encode, decode, escape, unescape, trim, split and join.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable

from fhirkit.core.jsonio import dumps
from fhirkit.core.regex import UnsupportedPattern, replacer, searcher
from fhirkit.fhirpath.arithmetic import text
from fhirkit.fhirpath.errors import EvaluationError, NotCheckableError
from fhirkit.fhirpath.frame import Collection, Frame, Item, single_integer, single_string
from fhirkit.fhirpath.functions.registry import function


def _define(
    name: str, operation: Callable[..., Item | None], arguments: int, returns: str = "String"
) -> None:
    """Register a function of strings: empty when the input or an argument is empty."""

    def call(frame: Frame, source: Collection, *given: Collection) -> Collection:
        texts = [single_string(frame, each, f"{name}()") for each in (source, *given)]
        if None in texts:
            return []
        value = operation(*texts)
        return [] if value is None else [value]

    function(name, arguments, takes="String", returns=returns)(call)


def _search(subject: str, pattern: str) -> bool:
    try:
        return searcher(pattern)(subject)
    except UnsupportedPattern:
        raise not_checkable() from None


def _full(subject: str, pattern: str) -> bool:
    try:
        return searcher(rf"\A(?:{pattern})\z")(subject)
    except UnsupportedPattern:
        raise not_checkable() from None


def not_checkable() -> NotCheckableError:
    """The error for a pattern RE2 does not run."""
    return NotCheckableError(
        "the regular expression needs look-around or back-references, or is none",
        advice="rewrite the pattern without them; it was not checked",
    )


_define("startsWith", str.startswith, 1, "Boolean")
_define("endsWith", str.endswith, 1, "Boolean")
_define("contains", str.__contains__, 1, "Boolean")
_define("indexOf", str.find, 1, "Integer")
_define("lastIndexOf", str.rfind, 1, "Integer")
_define("upper", str.upper, 0)
_define("lower", str.lower, 0)
_define("trim", str.strip, 0)
_define("length", len, 0, "Integer")
_define("matches", _search, 1, "Boolean")
_define("matchesFull", _full, 1, "Boolean")


@function("substring", 1, 2, takes="String", returns="String")
def substring(
    frame: Frame, source: Collection, start: Collection, length: Collection | None = None
) -> Collection:
    """The part from ``start`` on, at most ``length`` characters."""
    subject = single_string(frame, source, "substring()")
    begin = single_integer(frame, start, "substring()")
    if subject is None or begin is None or not 0 <= begin < len(subject):
        return []
    size = None if length is None else single_integer(frame, length, "substring()")
    return [subject[begin:] if size is None else subject[begin : begin + max(0, size)]]


@function("replace", 2, takes="String", returns="String")
def replace(frame: Frame, source: Collection, pattern: Collection, by: Collection) -> Collection:
    """Every occurrence of a text replaced; an empty one stands between all characters."""
    subject, old, new = (single_string(frame, x, "replace()") for x in (source, pattern, by))
    if subject is None or old is None or new is None:
        return []
    frame.spend((subject.count(old) * len(new) + len(subject)) // 64)
    return [text(frame, subject.replace(old, new))]


@function("replaceMatches", 2, takes="String", returns="String")
def replace_matches(
    frame: Frame, source: Collection, pattern: Collection, by: Collection
) -> Collection:
    """Every match of a regular expression replaced; ``$1`` or ``${name}`` stands for a group."""
    subject, old, new = (single_string(frame, x, "replaceMatches()") for x in (source, pattern, by))
    if subject is None or old is None or new is None:
        return []
    if not old:
        return [subject]
    frame.spend(len(subject) * (len(new) + 1) // 64)
    try:
        return [text(frame, replacer(old)(subject, new))]
    except UnsupportedPattern:
        raise not_checkable() from None


@function("toChars", takes="String", returns="String")
def to_chars(frame: Frame, source: Collection) -> Collection:
    """The characters, one item each."""
    subject = single_string(frame, source, "toChars()") or ""
    frame.spend(len(subject))
    return list(subject)


@function("split", 1, takes="String", returns="String")
def split(frame: Frame, source: Collection, separator: Collection) -> Collection:
    """The parts between separators."""
    subject = single_string(frame, source, "split()")
    mark = single_string(frame, separator, "split()")
    if subject is None or mark is None:
        return []
    frame.spend(len(subject) // 8)
    return subject.split(mark) if mark else list(subject)


@function("join", 0, 1, takes="String", returns="String")
def join(frame: Frame, source: Collection, separator: Collection | None = None) -> Collection:
    """All strings as one."""
    mark = "" if separator is None else single_string(frame, separator, "join()") or ""
    texts = [single_string(frame, [item], "join()") for item in source]
    frame.spend(len(mark) * len(texts) // 64)
    return [text(frame, mark.join(x for x in texts if x is not None))] if source else []


def _decode64(subject: str, alphabet: bytes) -> str:
    return base64.b64decode(subject.encode("ascii"), altchars=alphabet, validate=True).decode()


# Only the escapes are undone, so that a text with bare quotes is no error.
_JSON_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_JSON_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def _unescaped(match: re.Match[str]) -> str:
    code = match[1]
    return chr(int(code[1:], 16)) if len(code) == 5 else _JSON_ESCAPES.get(code, code)


def _escaped_html(plain: str) -> str:
    import html  # its table of names is large

    return html.escape(plain, quote=True)


def _unescaped_html(plain: str) -> str:
    import html

    return html.unescape(plain)


_ENCODERS: dict[str, Callable[[str], str]] = {
    "base64": lambda x: base64.b64encode(x.encode()).decode(),
    "urlbase64": lambda x: base64.urlsafe_b64encode(x.encode()).decode(),
    "hex": lambda x: x.encode().hex(),
}
_DECODERS: dict[str, Callable[[str], str]] = {
    "base64": lambda x: _decode64(x, b"+/"),
    "urlbase64": lambda x: _decode64(x, b"-_"),
    "hex": lambda x: bytes.fromhex(x).decode(),
}
_ESCAPERS: dict[str, Callable[[str], str]] = {
    "html": _escaped_html,
    "json": lambda x: dumps(x, indent=False)[1:-1],
}
_UNESCAPERS: dict[str, Callable[[str], str]] = {
    "html": _unescaped_html,
    "json": lambda x: _JSON_ESCAPE.sub(_unescaped, x),
}


def _define_coding(name: str, table: dict[str, Callable[[str], str]]) -> None:
    def call(frame: Frame, source: Collection, format_name: Collection) -> Collection:
        subject = single_string(frame, source, f"{name}()")
        wanted = single_string(frame, format_name, f"{name}()")
        if subject is None or wanted is None:
            return []
        if wanted not in table:
            raise EvaluationError(f"{name}(): unknown format {wanted!r}, known: {', '.join(table)}")
        try:
            return [text(frame, table[wanted](subject))]
        except (binascii.Error, ValueError):
            return []

    function(name, 1, takes="String", returns="String")(call)


_define_coding("encode", _ENCODERS)
_define_coding("decode", _DECODERS)
_define_coding("escape", _ESCAPERS)
_define_coding("unescape", _UNESCAPERS)
