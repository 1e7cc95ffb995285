"""Units of measure: which can be compared, and by what exact factor.

The codes of UCUM (https://ucum.org/ucum) that clinical data use, with exact rational factors.
``UnitConverter`` is the hook for a larger table. Units that are not simply proportional
(degrees Celsius, pH) are equal to themselves only.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import Protocol

#: Exponents of the base units: ((name, exponent), …), sorted.
Dimension = tuple[tuple[str, int], ...]

_MAX_LENGTH = 200
_PREFIXES = {
    "Y": 24, "Z": 21, "E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "h": 2, "da": 1,
    "d": -1, "c": -2, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15, "a": -18, "z": -21, "y": -24,
}  # fmt: skip
_PI = Fraction("3.1415926535897932384626433832795028841971693993751058209749445923")
# Metric units take prefixes. Each: factor, and what it is made of in base units.
_METRIC: dict[str, tuple[str, str]] = {
    "m": ("1", "m"),
    "g": ("1", "g"),
    "s": ("1", "s"),
    "K": ("1", "K"),
    "cd": ("1", "cd"),
    "C": ("1", "C"),
    "rad": ("1", "rad"),
    "mol": ("602213670000000000000000", "1"),
    "eq": ("602213670000000000000000", "1"),
    "osm": ("602213670000000000000000", "1"),
    "L": ("0.001", "m3"),
    "l": ("0.001", "m3"),
    "Hz": ("1", "s-1"),
    "N": ("1000", "g.m.s-2"),
    "Pa": ("1000", "g.m-1.s-2"),
    "bar": ("100000000", "g.m-1.s-2"),
    "J": ("1000", "g.m2.s-2"),
    "W": ("1000", "g.m2.s-3"),
    "A": ("1", "C.s-1"),
    "V": ("1000", "g.m2.s-2.C-1"),
    "Ohm": ("1000", "g.m2.s-1.C-2"),
    "S": ("0.001", "g-1.m-2.s.C2"),
    "F": ("0.001", "g-1.m-2.s2.C2"),
    "Wb": ("1000", "g.m2.s-1.C-1"),
    "T": ("1000", "g.s-1.C-1"),
    "H": ("1000", "g.m2.C-2"),
    "lm": ("1", "cd.rad2"),
    "lx": ("1", "cd.rad2.m-2"),
    "Bq": ("1", "s-1"),
    "Ci": ("37000000000", "s-1"),
    "Gy": ("1", "m2.s-2"),
    "Sv": ("1", "m2.s-2"),
    "kat": ("602213670000000000000000", "s-1"),
    "U": ("10036894500000000", "s-1"),
    "cal": ("4184", "g.m2.s-2"),
    "eV": ("0.000000000000000160217733", "g.m2.s-2"),
    "t": ("1000000", "g"),
    "u": ("0.0000000000000000000000016605402", "g"),
    "m[H2O]": ("9806650", "g.m-1.s-2"),
    "m[Hg]": ("133322000", "g.m-1.s-2"),
    "[iU]": ("1", "[iU]"),
    "[IU]": ("1", "[iU]"),
    "st": ("1", "m3"),
    "ar": ("100", "m2"),
    "pc": ("30856780000000000", "m"),
    "P": ("0.1", "g.m-1.s-1"),
    "dyn": ("0.01", "g.m.s-2"),
    "erg": ("0.0001", "g.m2.s-2"),
    "Gal": ("0.01", "m.s-2"),
}
_PLAIN: dict[str, tuple[str, str]] = {
    "1": ("1", "1"),
    "%": ("0.01", "1"),
    "[ppth]": ("0.001", "1"),
    "[ppm]": ("0.000001", "1"),
    "[ppb]": ("0.000000001", "1"),
    "[pptr]": ("0.000000000001", "1"),
    "10*": ("10", "1"),
    "10^": ("10", "1"),
    "min": ("60", "s"),
    "h": ("3600", "s"),
    "d": ("86400", "s"),
    "wk": ("604800", "s"),
    "a": ("31557600", "s"),
    "a_j": ("31557600", "s"),
    "a_g": ("31556952", "s"),
    "a_t": ("31556925.216", "s"),
    "mo": ("2629800", "s"),
    "mo_j": ("2629800", "s"),
    "mo_g": ("2629746", "s"),
    "mo_s": ("2551442.976", "s"),
    "[in_i]": ("0.0254", "m"),
    "[ft_i]": ("0.3048", "m"),
    "[yd_i]": ("0.9144", "m"),
    "[mi_i]": ("1609.344", "m"),
    "[nmi_i]": ("1852", "m"),
    "[in_us]": ("100/3937", "m"),
    "[ft_us]": ("1200/3937", "m"),
    "[mil_i]": ("0.0000254", "m"),
    "Ao": ("0.0000000001", "m"),
    "[cin_i]": ("0.000016387064", "m3"),
    "[cft_i]": ("0.028316846592", "m3"),
    "[sin_i]": ("0.00064516", "m2"),
    "[sft_i]": ("0.09290304", "m2"),
    "[gal_us]": ("0.003785411784", "m3"),
    "[qt_us]": ("0.000946352946", "m3"),
    "[pt_us]": ("0.000473176473", "m3"),
    "[cup_us]": ("0.0002365882365", "m3"),
    "[foz_us]": ("0.0000295735295625", "m3"),
    "[tbs_us]": ("0.00001478676478125", "m3"),
    "[tsp_us]": ("0.00000492892159375", "m3"),
    "[cup_m]": ("0.00024", "m3"),
    "[tbs_m]": ("0.000015", "m3"),
    "[tsp_m]": ("0.000005", "m3"),
    "[foz_m]": ("0.00003", "m3"),
    "[drp]": ("0.00000005", "m3"),
    "[gr]": ("0.06479891", "g"),
    "[oz_av]": ("28.349523125", "g"),
    "[lb_av]": ("453.59237", "g"),
    "[stone_av]": ("6350.29318", "g"),
    "[ston_av]": ("907184.74", "g"),
    "[oz_tr]": ("31.1034768", "g"),
    "[lb_tr]": ("373.2417216", "g"),
    "[oz_ap]": ("31.1034768", "g"),
    "[car_m]": ("0.2", "g"),
    "[degR]": ("5/9", "K"),
    "[psi]": ("6894757.293168361", "g.m-1.s-2"),
    "[in_i'Hg]": ("3386378.8", "g.m-1.s-2"),
    "[in_i'H2O]": ("249088.91", "g.m-1.s-2"),
    "atm": ("101325000", "g.m-1.s-2"),
    "[lbf_av]": ("4448.2216152605", "g.m.s-2"),
    "gf": ("9.80665", "g.m.s-2"),
    "[g]": ("9.80665", "m.s-2"),
    "[Cal]": ("4184000", "g.m2.s-2"),
    "[kn_i]": ("1852/3600", "m.s-1"),
    "[Btu]": ("1055056", "g.m2.s-2"),
    "REM": ("0.01", "m2.s-2"),
    "RAD": ("0.01", "m2.s-2"),
    "[c]": ("299792458", "m.s-1"),
    "[h]": ("0.00000000000000000000000000000066260755", "g.m2.s-1"),
    "[m_e]": ("0.00000000000000000000000000091093897", "g"),
}
# Arbitrary units: comparable with themselves alone.
_ARBITRARY = frozenset(
    [
        "[arb'U]",
        "[USP'U]",
        "[GPL'U]",
        "[MPL'U]",
        "[APL'U]",
        "[beth'U]",
        "[todd'U]",
        "[CFU]",
        "[FFU]",
        "[PFU]",
        "[BAU]",
        "[AU]",
        "[bdsk'U]",
        "[kunk'U]",
        "[mclg'U]",
        "[knk'U]",
        "[dye'U]",
        "[anti'Xa'U]",
        "[Lf]",
        "[EID_50]",
        "[TCID_50]",
        "[CCID_50]",
        "[pH]",
        "[HPF]",
        "[LPF]",
        "[acr_br]",
        "[diop]",
        "[smgy'U]",
        "[ka'U]",
        "[tb'U]",
        "[Amb'a'1'U]",
        "[D'ag'U]",
        "[ELU]",
        "[EU]",
        "Cel",
        "[degF]",
        "[degRe]",
        "B",
        "Np",
        "[S]",
        "[MET]",
    ]
)
_ANGLES = {"deg": _PI / 180, "'": _PI / 10800, "''": _PI / 648000, "[pi]": _PI}
_EXPONENT = re.compile(r"(.*?[^0-9+-])([+-]?[0-9]{1,2})\Z", re.DOTALL)
_NUMBER = re.compile(r"[0-9]{1,30}\Z")
_TOKEN = re.compile(r"[./()]|(?:\[[^\]\[]*\]|\{[^{}]*\}|[^./()\[\]{}])+")


class UnitConverter(Protocol):
    """How to relate units. A unit nobody knows is still equal to itself."""

    def measure(self, unit: str) -> tuple[Fraction, Dimension] | None:
        """Factor and dimension in base units, or None when the unit is not known."""


class CommonUnits:
    """The converter with the table of this module."""

    def measure(self, unit: str) -> tuple[Fraction, Dimension] | None:
        """Factor and dimension in base units, or None when the unit is not known."""
        return _measure(unit)


@lru_cache(maxsize=2048)
def _measure(unit: str) -> tuple[Fraction, Dimension] | None:
    if not unit or len(unit) > _MAX_LENGTH or unit != unit.strip():
        return None
    tokens = _TOKEN.findall(unit)
    if sum(map(len, tokens)) != len(unit):
        return None
    return _product(tokens)


def _product(tokens: list[str]) -> tuple[Fraction, Dimension] | None:
    """A product such as ``mg/(kg.d)``: read with a stack, so that nesting cannot hurt."""
    factor, powers = Fraction(1), dict[str, int]()
    stack: list[int] = []  # the sign of each open bracket
    sign, around, wants_unit = 1, 1, True
    for position, piece in enumerate(tokens):
        if piece in (".", "/"):
            if wants_unit and not (position == 0 and piece == "/"):
                return None
            sign, wants_unit = (-1 if piece == "/" else 1), True
        elif piece == "(":
            if not wants_unit:
                return None
            stack.append(around)
            around, sign = around * sign, 1
        elif piece == ")":
            if wants_unit or not stack:
                return None
            around = stack.pop()
        else:
            if not wants_unit or (part := _component(piece)) is None:
                return None
            direction, wants_unit = around * sign, False
            factor *= part[0] ** direction
            for name, power in part[1]:
                powers[name] = powers.get(name, 0) + power * direction
    if wants_unit or stack or abs(_size(factor)) > 400:
        return None
    return factor, tuple(sorted((name, power) for name, power in powers.items() if power))


def _size(factor: Fraction) -> int:
    return factor.numerator.bit_length() - factor.denominator.bit_length()


def _component(token: str) -> tuple[Fraction, Dimension] | None:
    """A unit with prefix, exponent and annotation, such as ``mm2{burned}``."""
    plain = re.sub(r"\{[\x21-\x7e]*?\}\Z", "", token)
    if not plain:
        return (Fraction(1), ()) if token != plain else None
    if _NUMBER.match(plain):
        return (Fraction(int(plain)), ()) if int(plain) else None
    found = _atom(plain)
    if found is None and (match := _EXPONENT.match(plain)):
        base = _atom(match[1])
        if base is not None:
            power = int(match[2])
            return base[0] ** power, tuple((name, each * power) for name, each in base[1])
    return found


def _atom(code: str) -> tuple[Fraction, Dimension] | None:
    if code in _PLAIN:
        return _made_of(*_PLAIN[code])
    if code in _METRIC:
        return _made_of(*_METRIC[code])
    if code in _ANGLES:
        return _ANGLES[code], () if code == "[pi]" else (("rad", 1),)
    if code in _ARBITRARY:
        return Fraction(1), ((code, 1),)
    for size in (2, 1):
        power = _PREFIXES.get(code[:size])
        if power is not None and len(code) > size and code[size:] in _METRIC:
            factor, dimension = _made_of(*_METRIC[code[size:]])
            return factor * Fraction(10) ** power, dimension
    return None


@lru_cache(maxsize=256)
def _made_of(factor: str, base: str) -> tuple[Fraction, Dimension]:
    powers: list[tuple[str, int]] = []
    for part in base.split("."):
        match = re.fullmatch(r"([A-Za-z]+|\[iU\])(-?[0-9])?", part)
        if match is not None:
            powers.append((match[1], int(match[2] or 1)))
    return Fraction(factor), tuple(sorted(powers))
