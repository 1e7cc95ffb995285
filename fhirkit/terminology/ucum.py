"""UCUM codes read, compared and converted exactly (https://ucum.org, case-sensitive form).

Its whole table and grammar: prefixes, atoms, exponents, products, quotients,
brackets, annotations, and temperatures with their offsets. Bounded in length and depth.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from fhirkit.definitions import embedded
from fhirkit.terminology.systems import UCUM
from fhirkit.terminology.ucumatoms import ATOMS, BINARY_PREFIXES, PREFIXES, SCALES

_MAX_LENGTH = 100
_MAX_DEPTH = 8
_MAX_EXPONENT = 30

_TOKEN = re.compile(
    r"(?P<open>\()|(?P<close>\))|(?P<sign>[./])|(?P<note>\{[^{}]*\})"
    r"|(?P<unit>10[*^]|(?:\[[^\[\]\s]+\]|[^\[\]{}()./0-9+\-\s])+)(?P<exponent>[+-]?[0-9]+)?"
    r"|(?P<number>[0-9]+)"
)
# A space only inside braces: UCUM has none there, but FHIR's own list of units does.
_ASCII = re.compile(r"(?:[!-~]|(?<=[!-~]) (?=[^{}]*\}))+")


class UnitError(ValueError):
    """A unit that cannot be read; ``advice`` names what may be meant."""

    def __init__(self, message: str, *, advice: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice


Dimension = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit in base units: ``factor`` times ``dimension``; ``offset`` only for temperatures.

    ``notes`` are its annotations, which UCUM gives no meaning: `{cells}/uL` is `/uL`.
    """

    factor: Fraction
    dimension: Dimension
    offset: Fraction | None = None


@lru_cache(maxsize=2048)
def analyse(code: str) -> Unit:
    """The unit that a UCUM code stands for; ``UnitError`` if it is none that we can read."""
    if not code or len(code) > _MAX_LENGTH:
        raise UnitError("a unit has 1 to 100 characters")
    if not _ASCII.fullmatch(code):
        raise UnitError(f"'{code}' has characters that UCUM codes cannot have")
    special = _special(code)
    if special is not None:
        return special
    try:
        tokens = _tokens(code)
        factor, powers, rest = _term(tokens, 0, code, 0)
    except UnitError:
        if _is_published(code):
            return Unit(Fraction(1), ((code, 1),))
        raise
    if rest != len(tokens):
        raise UnitError(f"'{code}' has a bracket too many")
    return Unit(factor, _dimension(powers))


def _is_published(code: str) -> bool:
    """Whether FHIR lists the code: barrels and barns are units, though we cannot convert them."""
    row = (
        embedded.connect()
        .execute("SELECT 1 FROM code WHERE system = ? AND code = ?", (UCUM, code))
        .fetchone()
    )
    return row is not None


def is_unit(code: str) -> bool:
    """Whether the text is a UCUM code that we can read."""
    try:
        analyse(code)
    except UnitError:
        return False
    return True


def same_dimension(one: str, other: str) -> bool:
    """Whether both measure the same kind of thing: `mg/dL` and `g/L`, not `mg/dL` and `mmol/L`."""
    try:
        return analyse(one).dimension == analyse(other).dimension
    except UnitError:
        return False


def convertible(one: str, other: str) -> bool:
    """Whether a value in one unit can be given in the other without knowing the substance."""
    return same_dimension(one, other)


def convert(value: Decimal, unit: str, to: str) -> Fraction:
    """The exact value in the other unit; ``UnitError`` if they measure different things."""
    source, target = analyse(unit), analyse(to)
    if source.dimension != target.dimension:
        raise UnitError(f"{unit} and {to} do not measure the same kind of thing")
    base = (Fraction(value) + (source.offset or 0)) * source.factor
    return base / target.factor - (target.offset or 0)


def agree(one: tuple[Decimal, str], other: tuple[Decimal, str]) -> bool:
    """Whether two values can be one measurement, each rounded to the digits it was written with.

    36.6 Cel and 97.9 degF agree (97.88 rounds to 97.9); 36.6 Cel and 98.9 degF do not.
    """
    try:
        first = [convert(edge, one[1], other[1]) for edge in _edges(one[0])]
    except UnitError:
        return False
    second = [Fraction(edge) for edge in _edges(other[0])]
    return max(min(first), min(second)) <= min(max(first), max(second))


def _edges(value: Decimal) -> tuple[Decimal, Decimal]:
    exponent = value.as_tuple().exponent
    half = Decimal(5).scaleb((exponent if isinstance(exponent, int) else 0) - 1)
    return value - half, value + half


def _special(code: str) -> Unit | None:
    """A temperature scale, alone: a degree per minute has no zero to count from."""
    plain = re.sub(r"\{[^{}]*\}$", "", code)
    known = SCALES.get(plain)
    power = 0
    if known is None:
        power = PREFIXES.get(plain.removesuffix("Cel"), 0) if plain.endswith("Cel") else 0
        if not power:
            return None
        known = SCALES["Cel"]
    offset, numerator, denominator = known
    return Unit(
        Fraction(numerator, denominator) * Fraction(10) ** power,
        (("temperature", 1),),
        Fraction(offset) / Fraction(10) ** power,
    )


def _tokens(code: str) -> list[re.Match[str]]:
    tokens = []
    at = 0
    while at < len(code):
        found = _TOKEN.match(code, at)
        if found is None:
            raise UnitError(f"'{code}' cannot be read as a UCUM unit")
        tokens.append(found)
        at = found.end()
    return tokens


_Powers = dict[str, int]


def _term(
    tokens: list[re.Match[str]], at: int, code: str, depth: int
) -> tuple[Fraction, _Powers, int]:
    """Components joined by . and /, read from left to right, up to a closing bracket."""
    if depth > _MAX_DEPTH:
        raise UnitError(f"'{code}' has too many brackets inside each other")
    factor, powers = Fraction(1), _Powers()
    sign = 1
    if at < len(tokens) and tokens[at][0] == "/":
        sign, at = -1, at + 1
    while True:
        value, inner, at = _component(tokens, at, code, depth)
        factor *= value**sign
        for name, power in inner.items():
            powers[name] = powers.get(name, 0) + sign * power
        if at == len(tokens) or tokens[at]["close"]:
            return factor, powers, at
        if not tokens[at]["sign"]:
            raise UnitError(f"'{code}': . or / is missing between two units")
        sign, at = (-1 if tokens[at][0] == "/" else 1), at + 1


def _component(
    tokens: list[re.Match[str]], at: int, code: str, depth: int
) -> tuple[Fraction, _Powers, int]:
    if at == len(tokens):
        raise UnitError(f"'{code}' ends where a unit is expected")
    token = tokens[at]
    if token["open"]:
        factor, powers, at = _term(tokens, at + 1, code, depth + 1)
        if at == len(tokens):
            raise UnitError(f"'{code}': a bracket is not closed")
        at += 1
    elif token["number"]:
        if int(token[0]) == 0:
            raise UnitError(f"'{code}': a unit cannot be zero")
        factor, powers, at = Fraction(int(token[0])), {}, at + 1
    elif token["note"]:
        return Fraction(1), {}, at + 1
    elif token["unit"]:
        factor, powers = _powered(token["unit"], int(token["exponent"] or 1), code)
        at += 1
    else:
        raise UnitError(f"'{code}': a unit is expected before '{token[0]}'")
    if at < len(tokens) and tokens[at]["note"]:
        at += 1
    return factor, powers, at


def _powered(name: str, exponent: int, code: str) -> tuple[Fraction, _Powers]:
    if not -_MAX_EXPONENT <= exponent <= _MAX_EXPONENT or exponent == 0:
        raise UnitError(f"'{code}': the exponent {exponent} is out of range")
    unit = _simple(name)
    if unit is None:
        raise UnitError(f"'{name}' is not a unit of UCUM")
    return unit.factor**exponent, {base: power * exponent for base, power in unit.dimension}


@lru_cache(maxsize=1024)
def _simple(name: str) -> Unit | None:
    """An atom, or a metric atom with its prefix."""
    atom = ATOMS.get(name)
    if atom is not None:
        if atom.base is not None:
            return Unit(Fraction(1), ((atom.base, 1),))
        inner = analyse(atom.unit) if atom.unit else Unit(Fraction(1), ())
        return Unit(Fraction(atom.factor) * inner.factor, inner.dimension)
    for length in (1, 2):
        atom = ATOMS.get(name[length:])
        factor = _prefix(name[:length])
        if atom is not None and atom.metric and factor is not None:
            plain = _simple(name[length:])
            if plain is not None:
                return Unit(plain.factor * factor, plain.dimension)
    # Within a compound a temperature is a difference: kelvins, without an offset.
    scale = SCALES.get(name)
    if scale is not None:
        return Unit(Fraction(scale[1], scale[2]), (("temperature", 1),))
    factor = _prefix(name.removesuffix("Cel")) if name.endswith("Cel") else None
    return None if factor is None else Unit(factor, (("temperature", 1),))


def _prefix(name: str) -> Fraction | None:
    if name in PREFIXES:
        return Fraction(10) ** PREFIXES[name]
    return Fraction(BINARY_PREFIXES[name]) if name in BINARY_PREFIXES else None


def _dimension(powers: _Powers) -> Dimension:
    return tuple(sorted((name, power) for name, power in powers.items() if power))
