"""From text to tokens (http://hl7.org/fhirpath/N1/#lexical-elements)."""

from __future__ import annotations

import re
from typing import NamedTuple

from fhirkit.fhirpath.errors import ExpressionSyntaxError

#: A longer text is refused; the longest published invariant has some 600 characters.
MAX_LENGTH = 100_000

# Every alternative is linear: none has two ways to read the same characters.
_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r\n]+|//[^\r\n]*|/\*(?:[^*]|\*(?!/))*\*/)
  | (?P<time>@T[0-9]{2}(?::[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?)
  | (?P<date>@[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?
      (?:T(?:[0-9]{2}(?::[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?)?(?:Z|[+-][0-9]{2}:[0-9]{2})?)?)
  | (?P<number>[0-9]+(?:\.[0-9]+)?)
  | (?P<string>'(?:[^'\\]|\\.)*')
  | (?P<quoted>`(?:[^`\\]|\\.)*`)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<variable>\$[a-z]+)
  | (?P<symbol><=|>=|!=|!~|[-+*/&|.,()\[\]{}<>=~%])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_ESCAPES = {"f": "\f", "n": "\n", "r": "\r", "t": "\t"} | {c: c for c in "'\"`\\/"}


class Token(NamedTuple):
    """``kind`` is time, date, number, string, name, quoted, variable, symbol or end."""

    kind: str
    text: str
    at: int


def tokens(text: str) -> list[Token]:
    """All tokens, white space and comments left out, with one of kind ``end`` behind them."""
    if len(text) > MAX_LENGTH:
        raise ExpressionSyntaxError(f"the expression is longer than {MAX_LENGTH} characters", 0)
    found: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ExpressionSyntaxError(_complaint(text, position), position)
        kind = str(match.lastgroup)
        if kind != "space":
            value = match[0]
            if kind in ("string", "quoted"):
                value = _unescape(value[1:-1], position)
            found.append(Token(kind, value, position))
        if kind == "time" and match.end() < len(text) and text[match.end()] in "Z+-":
            raise ExpressionSyntaxError("a time has no time zone", match.end())
        position = match.end()
    found.append(Token("end", "", len(text)))
    return found


def _complaint(text: str, position: int) -> str:
    if text.startswith("/*", position):
        return "this comment is never closed"
    if text[position] in "'`":
        return "this string is never closed"
    return f"unexpected character {text[position]!r}"


def _unescape(text: str, position: int) -> str:
    if "\\" not in text:
        return text

    def replace(match: re.Match[str]) -> str:
        code = match[1]
        if len(code) == 5:
            return chr(int(code[1:], 16))
        if code not in _ESCAPES:
            raise ExpressionSyntaxError(f"unknown escape \\{code}", position)
        return _ESCAPES[code]

    return _ESCAPE.sub(replace, text)
