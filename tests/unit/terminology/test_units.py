"""Quantities and UCUM: digits kept, units recognised, mistakes named."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirkit.definitions import embedded
from fhirkit.terminology.systems import UCUM
from fhirkit.terminology.ucum import UnitError, analyse, is_unit
from fhirkit.terminology.units import (
    Quantity,
    QuantityError,
    agree,
    convert,
    convertible,
    parse_pair,
    parse_quantity,
    parse_unit,
    same_dimension,
)


@pytest.mark.parametrize(
    ("text", "value", "unit", "code", "comparator"),
    [
        ("36.6 Cel", "36.6", "Cel", "Cel", None),
        ("97.9 degF", "97.9", "degF", "[degF]", None),
        ("36.6°C", "36.6", "°C", "Cel", None),
        ("76 /min", "76", "/min", "/min", None),
        ("76 bpm", "76", "bpm", "/min", None),
        ("42 a", "42", "a", "a", None),
        ("42 years", "42", "years", "a", None),
        ("5.6 %", "5.6", "%", "%", None),
        ("<5 mg/L", "5", "mg/L", "mg/L", "<"),
        ("≥ 5 mg/L", "5", "mg/L", "mg/L", ">="),
        ("1.00 g/dL", "1.00", "g/dL", "g/dL", None),
        ("13.10 g/dl", "13.10", "g/dl", "g/dL", None),
        ("5 \u00b5g/L", "5", "\u00b5g/L", "ug/L", None),
        ("5 \u03bcg/L", "5", "\u03bcg/L", "ug/L", None),
        ("5 mcg", "5", "mcg", "ug", None),
        ("250 ml", "250", "ml", "mL", None),
        ("88 mmHg", "88", "mmHg", "mm[Hg]", None),
        ("88 mm Hg", "88", "mm Hg", "mm[Hg]", None),
        ("5.0 x10^9/L", "5.0", "x10^9/L", "10*9/L", None),
        ("5.0 ×10⁹/L", "5.0", "×10⁹/L", "10*9/L", None),
        ("5.0 10*9/L", "5.0", "10*9/L", "10*9/L", None),
        ("4.5 K/uL", "4.5", "K/uL", "10*3/uL", None),
        ("3 IU/L", "3", "IU/L", "[IU]/L", None),
        ("45 mL/min/1.73 m²", "45", "mL/min/1.73 m²", "mL/min/{1.73_m2}", None),
        ("22.1 kg/m²", "22.1", "kg/m²", "kg/m2", None),
        ("2 tablets", "2", "tablets", "{tablet}", None),
        ("-2.5 mmol/L", "-2.5", "mmol/L", "mmol/L", None),
        ("3 mg per day", "3", "mg per day", "mg/d", None),
        ("70kg", "70", "kg", "kg", None),
    ],
)
def test_quantities(text: str, value: str, unit: str, code: str, comparator: str | None) -> None:
    quantity = parse_quantity(text)
    assert quantity == Quantity(Decimal(value), unit, code, comparator)
    assert str(quantity.value) == value


@pytest.mark.parametrize(
    ("text", "rule", "advice"),
    [
        ("5", "case-unit", "unit"),
        ("36,6 Cel", "case-quantity", "36.6 Cel"),
        ("1,000 mg", "case-quantity", "1000 mg or 1.000 mg"),
        ("1,000.5 mg", "case-quantity", "1000.5 mg"),
        ("10-20 mg/L", "case-quantity", "reference range"),
        ("10 to 20 mg/L", "case-quantity", "reference range"),
        ("~5 mg", "case-quantity", "note"),
        ("007 mg", "case-quantity", "7"),
        ("128/76 mmHg", "case-quantity", "pair"),
        ("high", "case-quantity", "36.6 Cel"),
        ("5 mgg/L", "case-unit", "mg/L"),
        ("5 MG/DL", "case-unit", "mg/dL"),
        ("5 Mg/dL", "case-unit", "mg/dL"),
        ("37 C", "case-unit", "Cel"),
        ("98.6 F", "case-unit", "[degF]"),
        ("12 units", "case-unit", "[IU]"),
        ("1e999 mg", "case-quantity", "exponent"),
        ("1" * 30 + " mg", "case-quantity", "digits"),
        ("5 " + "m" * 300, "case-quantity", ""),
        ("5 " + "(" * 1_000_000, "case-quantity", ""),
    ],
)
def test_mistakes_are_named_with_a_cure(text: str, rule: str, advice: str) -> None:
    with pytest.raises(QuantityError) as caught:
        parse_quantity(text)
    assert caught.value.rule == rule
    assert advice in caught.value.advice


def test_pairs() -> None:
    systolic, diastolic = parse_pair("128/76 mmHg")
    assert (systolic.value, diastolic.value) == (Decimal(128), Decimal(76))
    assert systolic.code == diastolic.code == "mm[Hg]"
    for wrong in ("128 mmHg", "128/76", "128/76 mmhgg", "128/76/60 mmHg"):
        with pytest.raises(QuantityError):
            parse_pair(wrong)


def test_a_default_unit_stands_in_only_for_a_missing_one() -> None:
    assert parse_quantity("2.5", default_unit="{INR}").code == "{INR}"
    assert parse_quantity("2.5 s", default_unit="{INR}").code == "s"


def test_every_unit_that_fhir_lists_can_be_read() -> None:
    rows = embedded.connect().execute("SELECT code FROM code WHERE system = ?", (UCUM,)).fetchall()
    assert len(rows) > 1000
    assert [code for (code,) in rows if not is_unit(code)] == []


@pytest.mark.parametrize(
    "code",
    ["", "mgg", "m/", "//m", "m2m", "m[Hg", "(m", "m)", "10*0", "m--1", "0", "g{", "µg", "m m",
     "[in_i", "kCel2x", "(" * 50 + "m" + ")" * 50, "m" * 101, "m99", "Kg", "mmHg", "Mmol/l "],
)  # fmt: skip
def test_what_is_no_unit_is_refused(code: str) -> None:
    with pytest.raises(UnitError):
        analyse(code)


@pytest.mark.parametrize(
    ("value", "unit", "to", "result"),
    [
        ("1", "[in_i]", "cm", "2.54"),
        ("1", "[lb_av]", "kg", "0.45359237"),
        ("120", "mm[Hg]", "kPa", "15.99864"),
        ("37", "Cel", "[degF]", "98.6"),
        ("98.6", "[degF]", "Cel", "37"),
        ("37", "Cel", "K", "310.15"),
        ("1", "g/dL", "g/L", "10"),
        ("5", "10*9/L", "/uL", "5000"),
        ("1", "U", "nmol/s", "16.66666666666666666666666667"),
        ("1", "a", "d", "365.25"),
        ("1", "%", "1", "0.01"),
        ("25", "mL/min", "L/h", "1.5"),
    ],
)
def test_conversions_are_exact(value: str, unit: str, to: str, result: str) -> None:
    exact = convert(Decimal(value), unit, to)
    assert abs(exact - Fraction(result)) < Fraction(1, 10**20)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("mg/dL", "g/L", True),
        ("mg/dL", "mmol/L", False),
        ("U/L", "[IU]/L", False),
        ("/min", "{beats}/min", True),
        ("mm[Hg]", "kPa", True),
        ("Cel", "[degF]", True),
        ("kg", "cm", False),
        ("xx", "xx", False),
    ],
)
def test_dimensions(one: str, other: str, same: bool) -> None:
    assert same_dimension(one, other) is same
    assert convertible(other, one) is same
    if not same:
        with pytest.raises(UnitError):
            convert(Decimal(1), one, other)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("36.6 Cel", "97.9 degF", True),
        ("36.6 Cel", "98.9 degF", False),
        ("70 kg", "154 lb", True),
        ("70 kg", "70 lb", False),
        ("180 cm", "1.8 m", True),
        ("13.1 g/dL", "131 g/L", True),
        ("13.1 g/dL", "131 mmol/L", False),
    ],
)
def test_two_spellings_of_one_value_agree_within_their_digits(
    one: str, other: str, same: bool
) -> None:
    assert agree(parse_quantity(one).pair, parse_quantity(other).pair) is same
    assert agree(parse_quantity(other).pair, parse_quantity(one).pair) is same


@given(
    st.decimals(-(10**9), 10**9, allow_nan=False, places=3),
    st.sampled_from(["g/L", "mg/dL", "ug/mL", "kg/m3", "ng/L"]),
    st.sampled_from(["g/L", "mg/dL", "ug/mL", "kg/m3", "ng/L"]),
)
def test_there_and_back_is_the_same(value: Decimal, unit: str, to: str) -> None:
    there = convert(value, unit, to)
    back = there * analyse(to).factor / analyse(unit).factor
    assert back == Fraction(value)


@given(st.text(max_size=40))
def test_any_text_is_a_quantity_or_is_refused(text: str) -> None:
    problem = None
    try:
        assert is_unit(parse_quantity(text).code)
    except QuantityError as caught:
        problem = caught
    assert problem is None or problem.advice


@given(st.text(alphabet="mgLdk/.{}()[]^*0123456789+-%", max_size=30))
def test_any_unit_text_is_read_or_refused(text: str) -> None:
    problem = None
    try:
        assert is_unit(parse_unit(text))
    except QuantityError as caught:
        problem = caught
    assert problem is None or problem.rule == "case-unit"


@pytest.mark.parametrize(
    ("value", "unit", "other", "expected"),
    [
        ("2", "[tsp_m]", "mL", "10"),
        ("1", "[oz_m]", "g", "28"),
        ("1", "g.[g]", "mN", "9.80665"),
        ("1", "KiBy", "bit", "8192"),
        ("3", "[nmi_i]/h", "[kn_i]", "3"),
        ("1", "mG", "T", "0.0000001"),
        ("5", "mCel/min", "K/s", "0.00008333333333333333333333333333"),
    ],
)
def test_units_of_the_whole_table(value: str, unit: str, other: str, expected: str) -> None:
    found = convert(Decimal(value), unit, other)
    assert abs(found - Fraction(expected)) < Fraction(1, 10**30)


@pytest.mark.parametrize("code", ["B[10.nV]", "%[slope]", "[hp'_X]", "[m/s2/Hz^(1/2)]"])
def test_codes_that_stand_for_no_plain_amount_are_codes(code: str) -> None:
    assert is_unit(code)
    assert not convertible(code, "1")
