"""Words for measurements: `hemoglobin`, `blood-pressure` → LOINC code, unit, category, profile.

LOINC has a code for each kind of unit: hemoglobin in g/dL is 718-7, in mmol/L 59260-0. So the
unit that was written chooses the code, and a unit of another kind is an error. Vital signs carry
the profile of R4 (https://hl7.org/fhir/R4/observation-vitalsigns.html).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from importlib.resources import files

from fhirkit.terminology.systems import LOINC
from fhirkit.terminology.ucum import same_dimension

VITAL_SIGNS = "vital-signs"
LABORATORY = "laboratory"


class WrongUnit(ValueError):
    """A unit that this measurement is never given in; ``advice`` lists those it is."""

    def __init__(self, message: str, *, advice: str) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice


@dataclass(frozen=True, slots=True)
class Variant:
    """A LOINC code and the UCUM unit it is usually given in."""

    code: str
    unit: str


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measurement that has a word.

    ``category`` is a code of observation-category. ``variants`` come usual first. ``components``
    are the LOINC codes of a pair's two values. No code says more than the word does: how a thing
    was measured is for the author to say.
    """

    name: str
    category: str
    variants: tuple[Variant, ...]
    profile: str | None = None
    components: tuple[str, ...] = ()
    by_unit: tuple[Variant, ...] = ()
    unitless: bool = False
    system: str = LOINC

    @property
    def code(self) -> str:
        """The LOINC code where no value tells the unit."""
        return self.variants[0].code

    @property
    def unit(self) -> str:
        """The usual UCUM unit."""
        return self.variants[0].unit

    @property
    def default_unit(self) -> str | None:
        """The unit of a bare number, for the few measurements that have none of their own."""
        return self.unit if self.unitless else None

    def variant(self, unit: str) -> Variant:
        """The code that fits a UCUM unit; ``WrongUnit`` if the unit measures something else."""
        for exact in self.by_unit:
            if exact.unit == unit:
                return exact
        for variant in self.variants:
            if same_dimension(variant.unit, unit):
                return variant
        units = [variant.unit for variant in (*self.variants, *self.by_unit)]
        raise WrongUnit(
            f"{self.name} is not given in {unit}",
            advice=f"write it in {' or '.join(units)}, or name the test by its LOINC code",
        )


def find(word: str, category: str | None = None) -> Measurement | None:
    """The measurement of that name or other word, in that category if one is given."""
    found = _by_word().get(_plain(word))
    return None if found is None or category not in (None, found.category) else found


def names(category: str | None = None) -> tuple[str, ...]:
    """The names of all measurements, in the order of the list."""
    return tuple(
        measurement.name
        for measurement in _measurements()
        if category in (None, measurement.category)
    )


def similar(word: str, category: str | None = None) -> list[str]:
    """Names of measurements whose name or other word is spelled nearly like this one."""
    words = {
        known: measurement.name
        for known, measurement in _by_word().items()
        if category in (None, measurement.category)
    }
    close = get_close_matches(_plain(word), words, n=3, cutoff=0.6)
    return list(dict.fromkeys(words[known] for known in close))


def _plain(word: str) -> str:
    return "-".join(word.lower().replace("_", " ").replace("-", " ").split())


@lru_cache(maxsize=1)
def _measurements() -> tuple[Measurement, ...]:
    return tuple(dict.fromkeys(_by_word().values()))


@lru_cache(maxsize=1)
def _by_word() -> dict[str, Measurement]:
    text = files("fhirkit.terminology").joinpath("data", "measurements.toml").read_text("utf-8")
    table: dict[str, Measurement] = {}
    for category, entries in tomllib.loads(text).items():
        for name, entry in entries.items():
            measurement = Measurement(
                name,
                category,
                tuple(Variant(code, unit) for code, unit in entry["codes"].items()),
                entry.get("profile"),
                tuple(entry.get("components", ())),
                tuple(Variant(code, unit) for unit, code in entry.get("by-unit", {}).items()),
                entry.get("unitless", False),
            )
            table.update(dict.fromkeys((name, *entry["words"]), measurement))
    return table
