"""UCUM's building stones as figures: prefixes, and each unit in terms of simpler ones.

From the tables of UCUM (https://ucum.org), so far as ordinary clinical data needs them. Figures
are exact; nothing here is a float.
"""

from __future__ import annotations

from typing import NamedTuple


class Atom(NamedTuple):
    """A unit as ``factor`` times ``unit`` (a UCUM term; empty for plain numbers).

    ``metric`` units take prefixes. ``base`` names the dimension of a unit that has one of its own.
    """

    metric: bool
    factor: str = "1"
    unit: str = ""
    base: str | None = None


PREFIXES = {
    "Y": 24, "Z": 21, "E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "h": 2, "da": 1,
    "d": -1, "c": -2, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15, "a": -18, "z": -21, "y": -24,
}  # fmt: skip

#: Scales with a zero of their own: kelvin = (value + offset) * numerator / denominator.
SCALES = {"Cel": ("273.15", 1, 1), "[degF]": ("459.67", 5, 9), "[degRe]": ("218.52", 5, 4)}

# UCUM's seven, and amount of substance: UCUM makes it a number, but mass and moles must not mix.
_BASE = {
    "m": "length",
    "g": "mass",
    "s": "time",
    "K": "temperature",
    "C": "charge",
    "cd": "luminosity",
    "rad": "angle",
    "mol": "amount",
}

#: 29 digits, far more than an angle in a record ever has.
_PI = "3.1415926535897932384626433833"

# name, whether it takes prefixes, factor, unit
_DERIVED = """
10* plain 10
10^ plain 10
[pi] plain PI
% plain 0.01
[ppth] plain 0.001
[ppm] plain 0.000001
[ppb] plain 0.000000001
[pptr] plain 0.000000000001
sr metric 1 rad2
Hz metric 1 s-1
N metric 1 kg.m/s2
Pa metric 1 N/m2
J metric 1 N.m
W metric 1 J/s
A metric 1 C/s
V metric 1 J/C
F metric 1 C/V
Ohm metric 1 V/A
S metric 1 Ohm-1
Wb metric 1 V.s
T metric 1 Wb/m2
H metric 1 Wb/A
lm metric 1 cd.sr
lx metric 1 lm/m2
Bq metric 1 s-1
Gy metric 1 J/kg
Sv metric 1 J/kg
L metric 1 dm3
l metric 1 dm3
ar metric 100 m2
t metric 1000 kg
u metric 1.6605402e-24 g
eV metric 1.60217733e-19 J
bar metric 100000 Pa
atm plain 101325 Pa
min plain 60 s
h plain 60 min
d plain 24 h
wk plain 7 d
a plain 365.25 d
a_j plain 365.25 d
a_g plain 365.2425 d
mo plain 30.4375 d
mo_j plain 30.4375 d
deg plain PI rad/180
' plain 1 deg/60
'' plain 1 '/60
cal metric 4.184 J
[Cal] plain 1 kcal
Ci metric 37000000000 Bq
R metric 0.000258 C/kg
RAD metric 100 erg/g
REM metric 1 RAD
erg metric 0.0000001 J
dyn metric 0.00001 N
P metric 1 dyn.s/cm2
St metric 1 cm2/s
m[Hg] metric 133.322 kPa
m[H2O] metric 9.80665 kPa
eq metric 1 mol
osm metric 1 mol
kat metric 1 mol/s
U metric 1 umol/min
g% metric 1 g/dL
[in_i] plain 2.54 cm
[ft_i] plain 12 [in_i]
[yd_i] plain 3 [ft_i]
[mi_i] plain 5280 [ft_i]
[sin_i] plain 1 [in_i]2
[cin_i] plain 1 [in_i]3
[sft_i] plain 1 [ft_i]2
[in_us] plain 1 m/39.37
[ft_us] plain 12 [in_us]
[lb_av] plain 453.59237 g
[oz_av] plain 1 [lb_av]/16
[dr_av] plain 1 [oz_av]/16
[gr] plain 64.79891 mg
[lb_tr] plain 5760 [gr]
[oz_tr] plain 480 [gr]
[stone_av] plain 14 [lb_av]
[ston_av] plain 2000 [lb_av]
[lton_av] plain 2240 [lb_av]
[lbf_av] plain 4.4482216152605 N
[psi] plain 1 [lbf_av]/[sin_i]
[gal_us] plain 231 [cin_i]
[qt_us] plain 1 [gal_us]/4
[pt_us] plain 1 [qt_us]/2
[foz_us] plain 1 [gal_us]/128
[cup_us] plain 16 [tbs_us]
[tbs_us] plain 1 [foz_us]/2
[tsp_us] plain 1 [tbs_us]/3
[foz_br] plain 28.4130625 mL
[pt_br] plain 20 [foz_br]
[Btu] plain 1.05505585262 kJ
[HP] plain 745.69987158227022 W
[Ch] plain 1 mm/3
[diop] plain 1 /m
[drp] plain 0.05 mL
[MET] plain 3.5 mL/min/kg
[PRU] plain 1 mm[Hg].s/mL
[wood'U] plain 1 mm[Hg].min/L
[degR] plain 5 K/9
"""

# Amounts that only their own assay defines: each is a dimension of its own.
_ARBITRARY = """
[arb'U] [USP'U] [GPL'U] [MPL'U] [APL'U] [beth'U] [anti'Xa'U] [todd'U] [dye'U] [smgy'U] [bdsk'U]
[ka'U] [knk'U] [mclg'U] [tb'U] [CCID_50] [TCID_50] [EID_50] [PFU] [FFU] [CFU] [BAU] [AU] [PNU]
[Lf] [D'ag'U] [FEU] [ELU] [EU] [hp_X] [hp_C] [hp_M] [pH] [m/s2/Hz^0.5] [p'diop] [Amb'a'1'U]
"""
_ARBITRARY_METRIC = "B Np B[SPL] B[V] B[mV] B[uV] B[W] B[kW]"


def _table() -> dict[str, Atom]:
    atoms = {name: Atom(metric=True, base=base) for name, base in _BASE.items()}
    for line in _DERIVED.strip().splitlines():
        name, kind, factor, *unit = line.split()
        number = _PI if factor == "PI" else factor
        atoms[name] = Atom(kind == "metric", number, *unit)
    for name in _ARBITRARY.split():
        atoms[name] = Atom(metric=False, base=name)
    for name in _ARBITRARY_METRIC.split():
        atoms[name] = Atom(metric=True, base=name)
    atoms["[iU]"] = atoms["[IU]"] = Atom(metric=True, base="[iU]")
    # High- and low-power fields are counted, not measured.
    atoms["[HPF]"] = atoms["[LPF]"] = Atom(metric=False)
    return atoms


ATOMS = _table()
