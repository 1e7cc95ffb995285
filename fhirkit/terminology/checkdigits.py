"""Check digits and shapes: what can be said of a code without having its system.

LOINC numbers end in a mod-10 check digit (Luhn), SNOMED CT identifiers in Verhoeff's, which also
catches two neighbours exchanged; before it stand two digits that tell what is identified.
"""

from __future__ import annotations

import re

from fhirkit.terminology.systems import ATC, CVX, ICD10, ICD10CM, LOINC, NDC, RXNORM, SNOMED

# Verhoeff's scheme: multiplication in the dihedral group D5, and the permutation of a position.
_D5 = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 2, 3, 4, 0, 6, 7, 8, 9, 5),
    (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
    (3, 4, 0, 1, 2, 8, 9, 5, 6, 7),
    (4, 0, 1, 2, 3, 9, 5, 6, 7, 8),
    (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
    (6, 5, 9, 8, 7, 1, 0, 4, 3, 2),
    (7, 6, 5, 9, 8, 2, 1, 0, 4, 3),
    (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
    (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
)
_INVERSE = (0, 4, 3, 2, 1, 5, 6, 7, 8, 9)
_STEP = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)

_LOINC = re.compile(r"(LA|LL|LP|LG)?([0-9]{1,7})-([0-9])")
_SCTID = re.compile(r"[1-9][0-9]{5,17}")
_PARTITIONS = {
    "00": "concept",
    "10": "concept",
    "01": "description",
    "11": "description",
    "02": "relationship",
    "12": "relationship",
}

_SHAPES = {
    ICD10: (re.compile(r"[A-Z][0-9]{2}(?:\.[0-9]{1,2})?"), "a letter and digits, as G25.8"),
    ICD10CM: (
        re.compile(r"[A-Z][0-9][0-9AB](?:\.[0-9A-Z]{1,4})?"),
        "a letter and digits, as G25.81",
    ),
    ATC: (
        re.compile(r"[A-DGHJLMNPRSV](?:[0-9]{2}(?:[A-Z](?:[A-Z](?:[0-9]{2})?)?)?)?"),
        "one to seven characters, as B03AA07",
    ),
    RXNORM: (re.compile(r"[1-9][0-9]{0,7}"), "a number of up to eight digits"),
    CVX: (re.compile(r"[0-9]{1,3}"), "a number of up to three digits"),
    NDC: (
        re.compile(r"[0-9]{10,11}|[0-9]{4,5}-[0-9]{3,4}-[0-9]{1,2}"),
        "ten or eleven digits, or three groups of digits",
    ),
}


def loinc_digit(number: str) -> str:
    """The check digit of the digits before the hyphen (mod 10, every second digit doubled)."""
    total = 0
    for position, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if position % 2 == 0 else 1)
        total += value - 9 if value > 9 else value  # the sum of two digits
    return str(-total % 10)


def verhoeff_digit(number: str) -> str:
    """The Verhoeff check digit that follows these digits."""
    check = 0
    for position, digit in enumerate(reversed(number), start=1):
        check = _D5[check][_permuted(int(digit), position)]
    return str(_INVERSE[check])


def _permuted(digit: int, position: int) -> int:
    for _ in range(position % 8):
        digit = _STEP[digit]
    return digit


def fault(system: str, code: str) -> str | None:
    """Why this cannot be a code of the system, or ``None``: it may be one."""
    if system == LOINC:
        return _loinc_fault(code)
    if system == SNOMED:
        return _snomed_fault(code)
    shape = _SHAPES.get(system)
    if shape is not None and not shape[0].fullmatch(code):
        return f"it has not the shape of such a code: {shape[1]}"
    return None


def _loinc_fault(code: str) -> str | None:
    found = _LOINC.fullmatch(code)
    if found is None:
        return "it has not the shape of a LOINC code: digits, a hyphen and a check digit"
    if found[3] != loinc_digit(found[2]):
        return "its check digit is wrong"
    return None


def _snomed_fault(code: str) -> str | None:
    if not _SCTID.fullmatch(code):
        return "a SNOMED CT identifier has 6 to 18 digits"
    if code[-1] != verhoeff_digit(code[:-1]):
        return "its check digit is wrong"
    kind = _PARTITIONS.get(code[-3:-1])
    if kind != "concept":
        return f"it identifies a {kind or 'nothing known'}, not a concept"
    return None


def neighbours(system: str, code: str) -> list[str]:
    """Codes one slip of the hand away that the check digit allows, likeliest first."""
    if system == LOINC:
        found = re.fullmatch(r"([A-Z]*)([0-9]{1,7})-?([0-9])", code)
        if found is None:
            return []
        corrected = f"{found[1]}{found[2]}-{loinc_digit(found[2])}"
        swapped = [f"{found[1]}{number}-{found[3]}" for number in _swaps(found[2])]
        typed = [f"{found[1]}{number}-{found[3]}" for number in _retyped(found[2])]
        near = [corrected, *swapped, *typed]
        if "-" not in code:
            whole = f"{found[2]}{found[3]}"
            near.append(f"{found[1]}{whole}-{loinc_digit(whole)}")
    elif system == SNOMED and code.isascii() and code.isdigit() and len(code) <= 18:  # digits
        near = [*_swaps(code), *_retyped(code)]
    elif system in (ICD10, ICD10CM):
        bare = code.upper().replace(".", "").replace(" ", "")
        near = [f"{bare[:3]}.{bare[3:]}" if len(bare) > 3 else bare]  # a category
    else:
        near = [code.upper().strip()]
    return [
        other for other in dict.fromkeys(near) if other != code and fault(system, other) is None
    ]


def _swaps(digits: str) -> list[str]:
    return [
        digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :]
        for at in range(len(digits) - 1)
    ]


def _retyped(digits: str) -> list[str]:
    return [
        digits[:at] + other + digits[at + 1 :]
        for at in range(len(digits))
        for other in "0123456789"
    ]
