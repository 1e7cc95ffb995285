"""JSON that is none, read all the same: what each slip is, and where it stands.

For a text that the strict parser of ``jsonio`` has refused. Comments, commas too many or too few,
missing or single quotes, names that repeat, numbers and characters that JSON does not know are
noted and passed over, so that the rest can be looked at. Brackets that do not match and a text
that ends too early are beyond repair.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple, NoReturn

from fhirkit.core.jsonio import FhirDecimal, invalid_json

#: A way through a document: property names and list places.
Way = tuple[str | int, ...]

MAX_DEPTH = 200
_SPACE = re.compile(r"[ \t\r\n\ufeff]*")
_COMMENT = re.compile(r"//[^\r\n]*|/\*.*?\*/", re.DOTALL)
_PLAIN = re.compile(r'"([^"\\\x00-\x1f]*)"')
_QUOTED = {
    '"': re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL),
    "'": re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL),
}
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_WORD = re.compile(r"[^\W\d][\w.$-]*")
_NUMBER = re.compile(r"[-+]?(?:Infinity\b|NaN\b|0[xX][0-9a-fA-F]+|[0-9.][0-9.eE+-]*)")
_STRICT = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x1f]")
_WORDS = {"true": True, "false": False, "null": None}
# Digits beyond which a number is not worked out: a text may hold a million of them.
_MANY_DIGITS = 4000
_IN_LIST = "json-comma in a list"


class Slip(NamedTuple):
    """One departure from JSON: its rule, what it is, at which element, and its offset."""

    rule: str
    message: str
    way: Way
    offset: int


class Recovered(NamedTuple):
    """What a text means, its slips in order, and the offset of each property and list entry."""

    value: Any
    slips: list[Slip]
    offsets: dict[Way, int]


def recover(text: str, *, file: str | None = None) -> Recovered:
    """Read a text that is not JSON. ``InvalidInput`` (``json-syntax``, ``too-deep``) when no value
    can be made out, with line and column. Of a name that repeats, the first value is kept.
    """
    scanner = _Scanner(text, file)
    value = scanner.document()
    return Recovered(value, scanner.kept(), scanner.offsets)


class _Scanner:
    """One pass over a text."""

    def __init__(self, text: str, file: str | None) -> None:
        self._text = text
        self._file = file
        self._position = 0
        self._depth = 0
        self._slips: list[Slip] = []
        #: Comments met since the last value: they are told at the next one.
        self._comments: list[int] = []
        #: Objects that lack a comma between their own properties.
        self._uneven: set[Way] = set()
        self.offsets: dict[Way, int] = {}

    def document(self) -> Any:
        """The value of the whole text."""
        value = self._value(())
        self._space()
        if self._position < len(self._text):
            self._fail("something follows after the end of the document")
        self._tell_comments(())
        return value

    def kept(self) -> list[Slip]:
        """The slips. A comma that a list lacks inside an object that lacks one, too, is left out:
        one hand made both, and one look finds both.
        """
        return [
            slip._replace(rule="json-comma") if slip.rule == _IN_LIST else slip
            for slip in self._slips
            if slip.rule != _IN_LIST or _around(slip.way) not in self._uneven
        ]

    def _value(self, way: Way) -> Any:
        self._space()
        self.offsets.setdefault(way, self._position)
        self._tell_comments(way)
        char = self._peek()
        if char == "{":
            return self._nested(self._properties, way)
        if char == "[":
            return self._nested(self._entries, way)
        if char in _QUOTED:
            return self._string(way)
        number = _NUMBER.match(self._text, self._position)
        if number is not None:
            self._position = number.end()
            return self._number(number.group(), way, number.start())
        word = _WORD.match(self._text, self._position)
        if word is None:
            self._fail(f"expected a value, found {_shown(char)}")
        start, self._position = self._position, word.end()
        if word.group() in _WORDS:
            return _WORDS[word.group()]
        # A value in a list is named by its place, one in an object by the object.
        at = way if way and isinstance(way[-1], int) else way[:-1]
        self._slip("json-quotes", "a text without quotes is JSON5, not JSON", at, start)
        return word.group()

    def _nested(self, read: Any, way: Way) -> Any:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._fail(f"nested deeper than {MAX_DEPTH} levels", "too-deep")
        self._position += 1
        value = read(way)
        self._position += 1
        self._depth -= 1
        return value

    def _properties(self, way: Way) -> dict[str, Any]:
        value: dict[str, Any] = {}
        need_comma = False
        while True:
            comma = self._commas("}", way, first=not value and not need_comma)
            if comma is None:
                return value
            if need_comma and not comma:
                self._uneven.add(way)
                self._slip("json-comma", "a comma is missing", way, self._position)
            start = self._position
            name = self._name(way)
            self._space()
            if self._peek() != ":":
                self._fail(
                    f"expected a colon after a property's name, found {_shown(self._peek())}"
                )
            self._position += 1
            inner = (*way, name)
            if name in value:
                ((line, column),) = places(self._text, [self.offsets[inner]])
                message = f"the property {name[:60]!r} is there already, at line {line} column "
                message += f"{column}; only one can be meant"
                self._slip("json-duplicate-key", message, way, start)
                self._skip_value()
            else:
                self.offsets[inner] = start
                value[name] = self._value(inner)
                if not isinstance(value[name], dict | list):
                    # A comment right behind a value is about that value.
                    self._space()
                    self._tell_comments(inner)
            need_comma = True

    def _entries(self, way: Way) -> list[Any]:
        value: list[Any] = []
        while True:
            comma = self._commas("]", way, first=not value)
            if comma is None:
                return value
            inner = (*way, len(value))
            self._space()
            if value and not comma and self._peek() == "{":
                self._slip("json-comma", "a comma is missing", inner, self._position)
            elif value and not comma:
                self._slip(_IN_LIST, "a comma is missing", way, self._position)
            self.offsets[inner] = self._position
            value.append(self._value(inner))

    def _commas(self, end: str, way: Way, *, first: bool) -> bool | None:
        """Past the commas before what comes next: whether there were any; None at the end."""
        self._space()
        start, count = self._position, 0
        while self._peek() == ",":
            count += 1
            self._position += 1
            self._space()
        char = self._peek()
        if char != end and char in ("}", "]"):
            self._fail(f"expected {end!r}, found {char!r}")
        if not char:
            self._fail(f"the text ends where {end!r} is expected")
        if count > 1 or (count and first):
            self._slip("json-comma", "a comma without anything before it", way, start)
        elif count and char == end:
            self._slip("json-comma", "a comma after the last one is JSON5, not JSON", way, start)
        return None if char == end else count > 0

    def _name(self, way: Way) -> str:
        if self._peek() in _QUOTED:
            return self._string(way)
        word = _WORD.match(self._text, self._position)
        if word is None:
            self._fail(f"expected a property's name in quotes, found {_shown(self._peek())}")
        self._slip("json-quotes", "a name without quotes is JSON5, not JSON", way, self._position)
        self._position = word.end()
        return word.group()

    def _string(self, way: Way) -> str:
        plain = _PLAIN.match(self._text, self._position)
        if plain is not None and _SURROGATE.search(plain[1]) is None:
            self._position = plain.end()
            return plain[1]
        start = self._position
        match = _QUOTED[self._peek()].match(self._text, start)
        if match is None:
            self._fail("a text is never closed by a quote")
        self._position = match.end()
        if self._text[start] == "'":
            self._slip("json-quotes", "single quotes are JSON5, not JSON", way, start)
        control = _CONTROL.search(match[1])
        if control is not None:
            what = f"the character U+{ord(control.group()):04X} must be escaped in JSON"
            self._slip("json-string", what, way, start)
        return self._unescaped(match[1], way, start)

    def _unescaped(self, raw: str, way: Way, start: int) -> str:
        strange: list[str] = []

        def replace(match: re.Match[str]) -> str:
            if match[1]:
                return chr(int(match[1], 16))
            if match[2] not in _ESCAPED and match[2] != "'":
                strange.append(match[2])
            return _ESCAPED.get(match[2], match[2])

        text = _ESCAPE.sub(replace, raw)
        # Two escaped halves are one character; one half is none.
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        if strange:
            self._slip("json-string", f"JSON has no escape \\{_shown(strange[0])}", way, start)
        if "\ufffd" in text and "\ufffd" not in raw:
            message = "half a surrogate pair is no character"
            self._slip("json-string", message, way, start)
        # Told already, so what checks the characters of a text need not tell it again.
        return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", " ", text) if _CONTROL.search(raw) else text

    def _number(self, lexeme: str, way: Way, start: int) -> Any:
        if _STRICT.fullmatch(lexeme) is not None:
            if len(lexeme) > _MANY_DIGITS:
                self._slip("json-number", "a number of thousands of digits", way, start)
                return 1
            return _exact(lexeme)
        self._slip("json-number", "a number that JSON does not know", way, start)
        try:
            if "x" in lexeme.casefold():
                return int(lexeme, 16)
            number = Decimal(lexeme[:_MANY_DIGITS])
            if not any(char in lexeme for char in ".eE"):
                return int(number)
        except (InvalidOperation, ValueError, OverflowError):
            return 1
        # A stand-in keeps the rest from being blamed for what was told just now.
        return number if number.is_finite() else 1

    def _skip_value(self) -> None:
        """Past a value that nobody is told about but for its slips."""
        offsets, self.offsets = self.offsets, {}
        slips = self._slips
        self._slips = []
        self._value(())
        self.offsets, self._slips = offsets, slips

    def _space(self) -> None:
        while True:
            match = _SPACE.match(self._text, self._position)
            self._position = match.end() if match is not None else self._position
            comment = _COMMENT.match(self._text, self._position)
            if comment is None:
                return
            self._comments.append(self._position)
            self._position = comment.end()

    def _tell_comments(self, way: Way) -> None:
        for offset in self._comments:
            self._slip("json-comment", "comments are JSON5, not JSON", way, offset)
        self._comments.clear()

    def _peek(self) -> str:
        return self._text[self._position : self._position + 1]

    def _slip(self, rule: str, message: str, way: Way, offset: int) -> None:
        self._slips.append(Slip(rule, message, way, offset))

    def _fail(self, message: str, rule: str = "json-syntax") -> NoReturn:
        ((line, column),) = places(self._text, [self._position])
        raise invalid_json(rule, f"not valid JSON: {message}", self._file, line, column)


def places(text: str, offsets: Collection[int]) -> list[tuple[int, int]]:
    """Line and column, from 1, of offsets in a text."""
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    lines = [bisect_right(starts, offset) for offset in offsets]
    return [
        (line, offset - starts[line - 1] + 1) for line, offset in zip(lines, offsets, strict=True)
    ]


def _around(way: Way) -> Way:
    """The object that a list stands in."""
    while way and isinstance(way[-1], int):
        way = way[:-1]
    return way[:-1]


def _exact(lexeme: str) -> int | Decimal:
    if any(char in lexeme for char in ".eE"):
        return FhirDecimal(lexeme)
    return int(lexeme)


def _shown(char: str) -> str:
    return (
        repr(char) if char.isprintable() and char else f"U+{ord(char):04X}" if char else "the end"
    )
