"""What people write for a unit, and its UCUM code: `mmHg`, `°C`, `bpm`, `µg`, `x10^9/L`."""

from __future__ import annotations

import re

#: Whole texts, compared without regard to case where no other unit is spelled alike.
_WHOLE = {
    "mmhg": "mm[Hg]", "mm hg": "mm[Hg]", "cmh2o": "cm[H2O]", "cm h2o": "cm[H2O]",
    "°c": "Cel", "degc": "Cel", "deg c": "Cel", "celsius": "Cel", "℃": "Cel",
    "degrees celsius": "Cel",
    "°f": "[degF]", "degf": "[degF]", "deg f": "[degF]", "fahrenheit": "[degF]", "℉": "[degF]",
    "degrees fahrenheit": "[degF]",
    "bpm": "/min", "beats/min": "/min", "beats per minute": "/min", "breaths/min": "/min",
    "breaths per minute": "/min", "per minute": "/min", "per min": "/min", "1/min": "/min",
    "years": "a", "year": "a", "yrs": "a", "yr": "a", "y": "a", "yo": "a", "years old": "a",
    "months": "mo", "month": "mo", "weeks": "wk", "week": "wk", "wks": "wk",
    "days": "d", "day": "d", "hours": "h", "hour": "h", "hrs": "h", "hr": "h",
    "minutes": "min", "minute": "min", "mins": "min",
    "seconds": "s", "second": "s", "secs": "s", "sec": "s",
    "percent": "%", "per cent": "%",
    "pounds": "[lb_av]", "pound": "[lb_av]", "lbs": "[lb_av]", "lb": "[lb_av]",
    "ounces": "[oz_av]", "ounce": "[oz_av]", "oz": "[oz_av]", "stone": "[stone_av]",
    "inches": "[in_i]", "inch": "[in_i]", "in": "[in_i]", "feet": "[ft_i]", "foot": "[ft_i]",
    "ft": "[ft_i]", "kilograms": "kg", "kilogram": "kg", "kgs": "kg", "grams": "g", "gram": "g",
    "centimeters": "cm", "centimetres": "cm", "meters": "m", "metres": "m",
    "kg/m²": "kg/m2", "kg/m^2": "kg/m2", "kg/m**2": "kg/m2",
    "ml/min/1.73m2": "mL/min/{1.73_m2}", "ml/min/1.73 m2": "mL/min/{1.73_m2}",
    "ml/min/1.73m²": "mL/min/{1.73_m2}", "ml/min/1.73 m²": "mL/min/{1.73_m2}",
    "ml/min/1.73m^2": "mL/min/{1.73_m2}", "ml/min/1.73 m^2": "mL/min/{1.73_m2}",
    "ml/min/{1.73_m2}": "mL/min/{1.73_m2}", "inr": "{INR}",
    "k/ul": "10*3/uL", "thou/ul": "10*3/uL", "k/mm3": "10*3/uL", "m/ul": "10*6/uL",
    "mil/ul": "10*6/uL",
    "iu/l": "[IU]/L", "iu/ml": "[IU]/mL", "miu/l": "m[IU]/L", "miu/ml": "m[IU]/mL",
    "uiu/ml": "u[IU]/mL", "miu": "m[IU]", "iu": "[IU]", "ku/l": "kU/L",
    "meq/l": "meq/L", "mosm/kg": "mosm/kg", "mosmol/kg": "mosm/kg",
    "cells/ul": "{cells}/uL", "copies/ml": "{copies}/mL", "/hpf": "/[HPF]", "/lpf": "/[LPF]",
    "tablets": "{tablet}", "tablet": "{tablet}", "drops": "[drp]", "puffs": "{puff}",
}  # fmt: skip

#: One word of a compound, as written.
_WORDS = {
    "mcg": "ug", "mcL": "uL", "mcl": "uL", "gm": "g", "gms": "g", "cc": "mL", "µ": "u",
    "sec": "s", "msec": "ms", "hr": "h", "hrs": "h", "day": "d", "days": "d", "week": "wk",
    "hour": "h", "minute": "min", "second": "s", "year": "a", "month": "mo",
    "mmHg": "mm[Hg]", "mEq": "meq", "mEq.": "meq", "mOsm": "mosm", "IU": "[IU]", "mIU": "m[IU]",
    "uIU": "u[IU]", "kIU": "k[IU]", "lb": "[lb_av]", "mm3": "mm3", "Mol": "mol", "mMol": "mmol",
    "mM": "mmol/L", "HPF": "[HPF]", "hpf": "[HPF]", "LPF": "[LPF]", "lpf": "[LPF]",
    "cells": "{cells}", "copies": "{copies}", "beats": "{beats}", "breaths": "{breaths}",
    "tablet": "{tablet}", "tablets": "{tablet}", "dose": "{dose}",
}  # fmt: skip

_LITRES = re.compile(r"(?<![A-Za-z\[])(d|c|m|u|n|p|f)?l(?![A-Za-z\]])")
_POWER_OF_TEN = re.compile(r"^[x×*]?\s*10\s*(?:\^|\*\*|\*|[eE])?\s*([0-9]{1,2})(?=\s*/)")
_WORD = re.compile(r"[^./()\s]+")
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
# U+00B5 (the sign) and U+03BC (the letter) look alike; so do the two dots and the two slashes.
_LOOKALIKES = str.maketrans({"µ": "u", "μ": "u", "·": ".", "⋅": ".", "∕": "/", "⁄": "/"})


def spelled(text: str) -> list[str]:
    """UCUM codes that the text may stand for, likeliest first; not all of them need be valid."""
    plain = text.translate(_LOOKALIKES).strip()
    whole = _WHOLE.get(" ".join(plain.lower().split()))
    if whole is not None:
        return [whole]
    plain = plain.translate(_SUPERSCRIPTS)
    plain = _POWER_OF_TEN.sub(r"10*\1", plain).replace(" per ", "/").replace(" / ", "/")
    plain = _LITRES.sub(r"\1L", plain)
    respelled = _WORD.sub(lambda word: _WORDS.get(word[0], word[0]), plain)
    return list(dict.fromkeys((respelled, respelled.replace(" ", ""))))


def familiar() -> tuple[str, ...]:
    """Everything that is understood beside UCUM itself, for suggestions."""
    return tuple(dict.fromkeys((*_WHOLE, *_WORDS)))
