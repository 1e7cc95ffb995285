"""FHIR JSON in and out, exactly: decimals keep their digits, duplicate keys are refused.

The only module that parses or writes JSON. Numbers with a fraction or an exponent are read as
``decimal.Decimal`` (https://hl7.org/fhir/R4/json.html#decimal); whole numbers as ``int``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any, Self

import jiter
import orjson

from fhirkit.core.errors import InvalidInput
from fhirkit.core.issues import Issue, Severity

# A number with an exponent: Decimal would respell `1.0E2` as `1.0E+2`, so such texts take the
# slow way below. Matching inside a string costs time only, never correctness.
_EXPONENT = re.compile(rb"[0-9][eE][+-]?[0-9]")
# Beyond so many digits a number made in code is written with an exponent.
_PLAIN = 400
_NOT_UTF8 = "the text is not UTF-8 (it looks like {}); save it as UTF-8"
#: Words of the parser's messages, and the rule that they mean.
_RULES = {"duplicate key": "json-duplicate-key", "recursion limit": "too-deep"}
_PLACE = re.compile(r" at line (\d+) column (\d+)$")


class FhirDecimal(Decimal):
    """A decimal that is written again with the very characters it was read with."""

    __slots__ = ("lexeme",)
    lexeme: str

    def __new__(cls, lexeme: str) -> Self:
        """A decimal from its JSON text."""
        self = super().__new__(cls, lexeme)
        self.lexeme = lexeme
        return self

    def __str__(self) -> str:
        return self.lexeme


def loads(data: bytes | bytearray | str, *, file: str | None = None, respell: bool = False) -> Any:
    """Parse one JSON document strictly.

    ``respell`` is quicker for who will not write the numbers again: value and precision are kept,
    but a number with an exponent may come out in ``Decimal``'s own spelling.

    Raises ``InvalidInput`` with one issue (rule ``json-syntax``, ``json-duplicate-key`` or
    ``json-encoding``, with line and column) for anything that is not strict JSON in UTF-8,
    including duplicate keys, NaN, lone surrogates and nesting beyond 200 levels.
    """
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else bytes(data)
    if raw.startswith(b"\xef\xbb\xbf"):
        raw = raw[3:]
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in raw[:4]:
        wide = raw[:4] in (b"\xff\xfe\0\0", b"\0\0\xfe\xff") or raw[:4].count(0) > 2
        looks = "UTF-32" if wide else "UTF-16"
        raise invalid_json("json-encoding", _NOT_UTF8.format(looks), file, 1, 1)
    try:
        value = jiter.from_json(
            raw, allow_inf_nan=False, catch_duplicate_keys=True, float_mode="decimal"
        )
    except ValueError as problem:
        _check_encoding(raw, file)
        text = str(problem)
        place = _PLACE.search(text)
        line, column = (int(place[1]), int(place[2])) if place else (1, 1)
        what = text[: place.start()] if place else text
        rule = next((rule for words, rule in _RULES.items() if words in what), "json-syntax")
        raise invalid_json(rule, f"not valid JSON: {what}", file, line, column) from None
    if not respell and _EXPONENT.search(raw):
        # jiter has vouched for syntax, keys and depth, so the plain parser can only agree.
        import json

        value = json.loads(raw, parse_float=_exact)
    return value


def loads_again(data: bytes, *, whole_numbers: bool) -> Any:
    """Parse JSON that is known to be strict, in UTF-8, without repeated keys and exponents.

    ``whole_numbers``: no number in it has a fraction.
    """
    if whole_numbers:
        return orjson.loads(data)
    return jiter.from_json(data, allow_inf_nan=False, float_mode="decimal")


@cache
def value_skipper() -> Callable[[str, int], int]:
    """A function that tells where the JSON value that begins at an offset of a text ends.

    For texts that ``loads`` has accepted only: what it skips it does not judge.
    """
    import json

    # Numbers stay text: an integer of any length costs no more than its characters.
    decode = json.JSONDecoder(parse_int=str, parse_float=str, strict=False).raw_decode

    def skip(text: str, start: int) -> int:
        return decode(text, start)[1]

    return skip


def _check_encoding(raw: bytes, file: str | None) -> None:
    """Raise ``InvalidInput`` where the first byte stands that is no UTF-8."""
    try:
        raw.decode()
    except UnicodeDecodeError as problem:
        before = raw[: problem.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode()) + 1
        surrogate = raw[problem.start] == 0xED
        looks = (
            "UTF-16 surrogates, each written as UTF-8" if surrogate else "Windows-1252 or Latin-1"
        )
        message = _NOT_UTF8.format(looks)
        raise invalid_json("json-encoding", message, file, line, column) from None


def _exact(lexeme: str) -> Decimal:
    return FhirDecimal(lexeme) if "e" in lexeme or "E" in lexeme else Decimal(lexeme)


def invalid_json(rule: str, message: str, file: str | None, line: int, column: int) -> InvalidInput:
    """What is raised for a text that is no JSON, with its one issue."""
    issue = Issue(
        Severity.FATAL,
        rule,
        message,
        issue_type="structure",
        file=file,
        line=line,
        column=column,
    )
    return InvalidInput(f"{issue.place}: {message}", issues=(issue,))


def dumps(value: Any, *, indent: bool = True, sort_keys: bool = False) -> str:
    """Write FHIR JSON; decimals keep their digits. ``indent`` means two spaces a level."""
    return dump_bytes(value, indent=indent, sort_keys=sort_keys).decode()


def dump_bytes(value: Any, *, indent: bool = True, sort_keys: bool = False) -> bytes:
    """As ``dumps``, in UTF-8. Raises ``ValueError`` for NaN and infinities, ``TypeError`` for
    what is not JSON. Floats are written as Python spells them.
    """
    option = 0
    if indent:
        option |= orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    if sort_keys:
        option |= orjson.OPT_SORT_KEYS
    try:
        data = orjson.dumps(value, default=_default, option=option)
    except orjson.JSONEncodeError as problem:
        if isinstance(problem.__cause__, ValueError | TypeError):
            raise problem.__cause__ from None
        if "range" not in str(problem):
            raise
        # An integer beyond 64 bits is legal in a FHIR decimal; write it digit by digit.
        data = orjson.dumps(_fragments(value), default=_default, option=option)
    # orjson writes a NaN float as null without a word. Null is rare in FHIR, so looking is cheap.
    if b"null" in data:
        _refuse_nan(value)
    return data


def _default(value: Any) -> Any:
    if isinstance(value, FhirDecimal):
        return orjson.Fragment(value.lexeme)
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError("JSON has no NaN or Infinity")
        # `str` turns to an exponent below 1e-6; a number read as 0.00000001 stays that.
        return orjson.Fragment(f"{value:f}" if abs(value.adjusted()) < _PLAIN else str(value))
    raise TypeError(f"cannot write {type(value).__name__} as FHIR JSON")


def _refuse_nan(value: Any) -> None:
    if isinstance(value, dict):
        for member in value.values():
            _refuse_nan(member)
    elif isinstance(value, list):
        for member in value:
            _refuse_nan(member)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("JSON has no NaN or Infinity")


def _fragments(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _fragments(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_fragments(member) for member in value]
    if type(value) is int and value.bit_length() > 63:
        return orjson.Fragment(str(value))
    return value
