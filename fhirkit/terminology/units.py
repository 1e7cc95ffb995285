"""Quantities as people write them: `36.6 Cel`, `97.9 °F`, `<5 mg/L`, `128/76 mmHg`.

A value keeps the digits it was written with; a unit becomes a UCUM code and keeps its spelling
beside it. A unit that is missing, unknown or written with a comma for a point is an error with
what may be meant, never a guess (https://hl7.org/fhir/R4/datatypes.html#Quantity).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from functools import lru_cache

from fhirkit.definitions import embedded
from fhirkit.terminology.systems import UCUM
from fhirkit.terminology.ucum import (
    UnitError,
    agree,
    analyse,
    convert,
    convertible,
    is_unit,
    same_dimension,
)
from fhirkit.terminology.unitnames import familiar, spelled

__all__ = [
    "Quantity",
    "QuantityError",
    "UnitError",
    "agree",
    "convert",
    "convertible",
    "parse_pair",
    "parse_quantity",
    "parse_unit",
    "same_dimension",
]

_COMPARATORS = {"<": "<", "<=": "<=", ">": ">", ">=": ">=", "≤": "<=", "≥": ">="}
_QUANTITY = re.compile(
    r"(?P<comparator><=|>=|<|>|≤|≥)?\s*(?P<value>[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)"
    r"(?P<space>\s*)(?P<unit>\S.*)?"
)
_PAIR = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*/\s*([0-9]+(?:\.[0-9]+)?)(?P<rest>.*)")
_RANGE = re.compile(r"[0-9.]+\s*(?:-|–|to|\.\.)\s*[0-9.]+(?:\s|$|[^0-9.\s])")
_COMMA = re.compile(r"([<>=≤≥\s]*)([0-9]+),([0-9]+)(.*)")
_ABOUT = re.compile(r"(?:~|≈|about|approx\.?|ca\.?|circa)\s*[0-9]", re.IGNORECASE)
_SINGLE_LETTERS = {"C": ("coulomb", "Cel"), "F": ("farad", "[degF]")}
# A capital M for a small one makes a value wrong by 10 to the 9th, and stays a valid unit.
_HUGE = re.compile(r"(?<![A-Za-z\[{])[MGTPEZY](?:g|L|l|mol|eq|osm)(?![A-Za-z\]}])")
_LEADING_ZERO = re.compile(r"[+-]?0[0-9]")
_MAX_TEXT = 200
_MAX_DIGITS = 18


class QuantityError(ValueError):
    """A text that is no quantity. ``rule`` is the issue's, ``advice`` what to write."""

    def __init__(self, message: str, *, advice: str, rule: str = "case-quantity") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value with its digits, the unit as written, its UCUM ``code``, and `<` or the like."""

    value: Decimal
    unit: str
    code: str
    comparator: str | None = None

    @property
    def pair(self) -> tuple[Decimal, str]:
        """Value and code, as ``agree`` takes them."""
        return self.value, self.code


def parse_quantity(text: str, *, default_unit: str | None = None) -> Quantity:
    """Read one quantity; ``default_unit`` (a UCUM code) stands in where none is written.

    Raises ``QuantityError`` (rule ``case-quantity`` or ``case-unit``).
    """
    plain = text.strip()
    found = _QUANTITY.fullmatch(plain) if len(plain) <= _MAX_TEXT else None
    if found is None:
        raise _refused(plain[:_MAX_TEXT])
    unit = (found["unit"] or "").strip()
    if _PAIR.match(plain):
        raise QuantityError(
            "two values are written where one is expected",
            advice="only blood pressure takes a pair; write each value by itself",
        )
    if unit[:1] in (",", "-", "–") or unit.startswith(("..", "to ")):
        raise _refused(plain)
    value = _value(found["value"], found["space"], unit)
    shown, code = (unit, parse_unit(unit)) if unit else _default(default_unit)
    return Quantity(value, shown, code, _COMPARATORS.get(found["comparator"] or ""))


def parse_pair(text: str, *, default_unit: str | None = None) -> tuple[Quantity, Quantity]:
    """Read `128/76 mmHg`: two quantities of one unit. ``QuantityError`` as ``parse_quantity``."""
    found = _PAIR.fullmatch(text.strip()) if len(text) <= _MAX_TEXT else None
    if found is None:
        raise QuantityError(
            "two values with a slash between are expected", advice="write them as 128/76 mmHg"
        )
    unit = found["rest"].strip()
    shown, code = (unit, parse_unit(unit)) if unit else _default(default_unit)
    first, second = (Quantity(_value(found[i], " ", ""), shown, code) for i in (1, 2))
    return first, second


@lru_cache(maxsize=2048)
def parse_unit(text: str) -> str:
    """The UCUM code for a unit as written; ``QuantityError`` (rule ``case-unit``) if unknown."""
    for code in spelled(text[:_MAX_TEXT]):
        trap = _trap(code)
        if trap is not None:
            raise QuantityError(
                f"'{text[:40]}' is {trap[0]} in UCUM", advice=trap[1], rule="case-unit"
            )
        if is_unit(code):
            return code
    raise QuantityError(
        f"'{text[:40]}' is not a unit that is known", advice=_meant(text[:40]), rule="case-unit"
    )


def _trap(code: str) -> tuple[str, str] | None:
    """Units that are valid and yet hardly ever meant: coulombs, farads, tonnes in a tablet."""
    if code in _SINGLE_LETTERS:
        meaning, meant = _SINGLE_LETTERS[code]
        return meaning, f"did you mean {meant}?"
    huge = _HUGE.search(code)
    if huge is not None and is_unit(code):
        meant = f"{code[: huge.start()]}m{code[huge.start() + 1 :]}"
        return f"a million times the plain unit or more ({huge[0]})", f"did you mean {meant}?"
    return None


def _default(unit: str | None) -> tuple[str, str]:
    if unit is None:
        raise QuantityError(
            "the unit is missing",
            advice="write the value with its unit, as 36.6 Cel or 13.1 g/dL",
            rule="case-unit",
        )
    analyse(unit)
    return unit, unit


def _value(lexeme: str, space: str, unit: str) -> Decimal:
    if _LEADING_ZERO.match(lexeme):
        raise QuantityError(
            "the number starts with a zero", advice=f"write {lexeme.lstrip('+').lstrip('0')}"
        )
    if sum(char.isdigit() for char in lexeme) > _MAX_DIGITS:
        raise QuantityError(
            f"the number has more than {_MAX_DIGITS} digits", advice="write fewer digits"
        )
    if "e" in lexeme.lower() and not space and unit:
        raise QuantityError(
            "number and unit run together", advice="put a space between the value and its unit"
        )
    value = Decimal(lexeme)
    if abs(value.adjusted()) > 2 * _MAX_DIGITS:
        raise QuantityError("the number is out of range", advice="check the exponent")
    return value


def _refused(text: str) -> QuantityError:
    """Why a text is no quantity, and how it should be written."""
    comma = _COMMA.fullmatch(text)
    if comma is not None:
        sign, whole, rest, unit = comma.groups()
        if len(rest) == 3:  # could group thousands
            return QuantityError(
                "the comma may group thousands or mark decimals",
                advice=f"write {sign}{whole}{rest}{unit} or {sign}{whole}.{rest}{unit}",
            )
        return QuantityError(
            "a comma stands in the number", advice=f"write a point: {sign}{whole}.{rest}{unit}"
        )
    if _ABOUT.match(text):
        return QuantityError(
            "FHIR R4 has no way to say 'about'", advice="write the value, and the doubt in `note:`"
        )
    if _RANGE.match(text):
        return QuantityError(
            "a range is written where one value is expected",
            advice="write one value; a reference range has its own key",
        )
    return QuantityError(
        "this is not a value with a unit", advice="write a number and a unit, as 36.6 Cel"
    )


def _meant(text: str) -> str:
    if re.match(r"units?\b", text, re.IGNORECASE):
        return "write [IU] for international units, U for enzyme units, {units} for others"
    known = {name.lower(): name for name in familiar()}
    known.update((code.lower(), code) for code in _published())
    folded = " ".join(text.lower().split())
    close = get_close_matches(folded, known, n=2, cutoff=0.7)
    if folded in known:
        close = [folded]
    if close:
        meant = dict.fromkeys(_code_of(known[name]) for name in close)
        return f"did you mean {' or '.join(meant)}?"
    return "write a UCUM code, as mg/dL, mmol/L, 10*9/L or %; your own words go in braces: {drops}"


def _code_of(name: str) -> str:
    return next((code for code in spelled(name) if is_unit(code)), name)


@lru_cache(maxsize=1)
def _published() -> tuple[str, ...]:
    rows = embedded.connect().execute("SELECT code FROM code WHERE system = ?", (UCUM,))
    return tuple(code for (code,) in rows)
