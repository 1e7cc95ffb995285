"""Words for measurements lead to codes whose displays are known and whose units fit."""

from __future__ import annotations

import pytest

from fhirkit.definitions import embedded
from fhirkit.terminology import measurements
from fhirkit.terminology.codes import check
from fhirkit.terminology.measurements import LABORATORY, VITAL_SIGNS, WrongUnit, find, similar
from fhirkit.terminology.ucum import same_dimension

ALL = [find(name) for name in measurements.names()]


@pytest.mark.parametrize("measurement", ALL, ids=lambda m: m.name)
def test_every_code_is_known_with_a_display_and_every_unit_can_be_read(
    measurement: measurements.Measurement,
) -> None:
    variants = (*measurement.variants, *measurement.by_unit)
    for code in [*(v.code for v in variants), *measurement.components]:
        answer = check(measurement.system, code)
        assert answer.is_known
        assert answer.display
    for variant in variants:
        assert measurement.variant(variant.unit) == variant
    dimensions = [v.unit for v in measurement.variants]
    assert not any(
        same_dimension(one, other)
        for at, one in enumerate(dimensions)
        for other in dimensions[at + 1 :]
    )


@pytest.mark.parametrize("measurement", ALL, ids=lambda m: m.name)
def test_the_display_tells_the_kind_of_unit(measurement: measurements.Measurement) -> None:
    """A LOINC name says [Mass/volume] or [Moles/volume]; the unit must be of that kind."""
    kinds = {
        "[Mass/volume]": "g/L",
        "[Moles/volume]": "mol/L",
        "[#/volume]": "/L",
        "[Enzymatic activity/volume]": "U/L",
        "[Units/volume]": "[IU]/L",
        "[Volume Fraction]": "%",
        "[Mass Fraction]": "%",
    }
    for variant in measurement.variants:
        display = check(measurement.system, variant.code).display or ""
        for kind, unit in kinds.items():
            if kind in display:
                assert same_dimension(unit, variant.unit), (display, variant)


@pytest.mark.parametrize("name", measurements.names(VITAL_SIGNS))
def test_vital_signs_carry_a_profile_of_r4(name: str) -> None:
    measurement = find(name, VITAL_SIGNS)
    assert measurement is not None
    row = embedded.connect().execute("SELECT 1 FROM schema WHERE url = ?", (measurement.profile,))
    assert row.fetchone() is not None


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("Haemoglobin", "hemoglobin"),
        ("hb", "hemoglobin"),
        ("heart rate", "heart-rate"),
        ("heart_rate", "heart-rate"),
        ("SpO2", "oxygen-saturation"),
        ("TIBC", "iron-binding-capacity"),
        ("ft4", "free-t4"),
    ],
)
def test_other_words(word: str, name: str) -> None:
    found = find(word)
    assert found is not None
    assert found.name == name


def test_the_unit_chooses_the_code() -> None:
    hemoglobin, hba1c = find("hemoglobin"), find("hba1c")
    assert hemoglobin is not None
    assert hba1c is not None
    assert hemoglobin.variant("g/L").code == "718-7"
    assert hemoglobin.variant("mmol/L").code == "59260-0"
    assert hba1c.variant("%").code == "4548-4"
    assert hba1c.variant("mmol/mol").code == "59261-8"
    with pytest.raises(WrongUnit) as caught:
        hemoglobin.variant("Cel")
    assert "g/dL" in caught.value.advice


def test_unknown_words_and_categories() -> None:
    assert find("hemoglobine") is None
    assert similar("hemoglobine")[0] == "hemoglobin"
    assert find("hemoglobin", VITAL_SIGNS) is None
    assert find("temperature", LABORATORY) is None
    assert similar("temprature", VITAL_SIGNS) == ["temperature"]


def test_no_word_has_two_meanings() -> None:
    import tomllib
    from importlib.resources import files

    path = files("fhirkit.terminology").joinpath("data", "measurements.toml")
    table = tomllib.loads(path.read_text("utf-8"))
    words = [
        word
        for entries in table.values()
        for name, entry in entries.items()
        for word in (name, *entry["words"])
    ]
    assert len(words) == len(set(words))
