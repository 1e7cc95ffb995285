"""UCUM's building stones as figures: prefixes, and each unit in terms of simpler ones.

From the tables of UCUM 2.0.1 (https://ucum.org), all of them. Figures are as exact as there;
nothing here is a float.
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

#: For bits and bytes.
BINARY_PREFIXES = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40}

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
gon plain 0.9 deg
a_t plain 365.24219 d
mo_s plain 29.53059 d
mo_g plain 1 a_g/12
AU plain 149597.870691 Mm
pc metric 3.085678e16 m
[c] metric 299792458 m/s
[h] metric 6.6260755e-34 J.s
[k] metric 1.380658e-23 J/K
[eps_0] metric 8.854187817e-12 F/m
[mu_0] metric 1 4.[pi].10*-7.N/A2
[e] metric 1.60217733e-19 C
[m_e] metric 9.1093897e-28 g
[m_p] metric 1.6726231e-24 g
[G] metric 6.67259e-11 m3.kg-1.s-2
[g] metric 9.80665 m/s2
[ly] metric 1 [c].a_j
gf metric 1 g.[g]
Ky metric 1 cm-1
Gal metric 1 cm/s2
Bi metric 10 A
Mx metric 1e-8 Wb
G metric 1e-4 T
Oe metric 250 /[pi].A/m
Gb metric 1 Oe.cm
sb metric 1 cd/cm2
Lmb metric 1 cd/cm2/[pi]
ph metric 1e-4 lx
[fth_i] plain 6 [ft_i]
[nmi_i] plain 1852 m
[kn_i] plain 1 [nmi_i]/h
[syd_i] plain 1 [yd_i]2
[cft_i] plain 1 [ft_i]3
[cyd_i] plain 1 [yd_i]3
[bf_i] plain 144 [in_i]3
[cr_i] plain 128 [ft_i]3
[mil_i] plain 1e-3 [in_i]
[cml_i] plain 1 [pi]/4.[mil_i]2
[hd_i] plain 4 [in_i]
[yd_us] plain 3 [ft_us]
[rd_us] plain 16.5 [ft_us]
[ch_us] plain 4 [rd_us]
[lk_us] plain 1 [ch_us]/100
[rch_us] plain 100 [ft_us]
[rlk_us] plain 1 [rch_us]/100
[fth_us] plain 6 [ft_us]
[fur_us] plain 40 [rd_us]
[mi_us] plain 8 [fur_us]
[acr_us] plain 160 [rd_us]2
[srd_us] plain 1 [rd_us]2
[smi_us] plain 1 [mi_us]2
[sct] plain 1 [mi_us]2
[twp] plain 36 [sct]
[mil_us] plain 1e-3 [in_us]
[in_br] plain 2.539998 cm
[ft_br] plain 12 [in_br]
[rd_br] plain 16.5 [ft_br]
[ch_br] plain 4 [rd_br]
[lk_br] plain 1 [ch_br]/100
[fth_br] plain 6 [ft_br]
[pc_br] plain 2.5 [ft_br]
[yd_br] plain 3 [ft_br]
[mi_br] plain 5280 [ft_br]
[nmi_br] plain 6080 [ft_br]
[kn_br] plain 1 [nmi_br]/h
[acr_br] plain 4840 [yd_br]2
[bbl_us] plain 42 [gal_us]
[gil_us] plain 1 [pt_us]/4
[fdr_us] plain 1 [foz_us]/8
[min_us] plain 1 [fdr_us]/60
[crd_us] plain 128 [ft_i]3
[bu_us] plain 2150.42 [in_i]3
[gal_wi] plain 1 [bu_us]/8
[pk_us] plain 1 [bu_us]/4
[dqt_us] plain 1 [pk_us]/8
[dpt_us] plain 1 [dqt_us]/2
[foz_m] plain 30 mL
[cup_m] plain 240 mL
[tsp_m] plain 5 mL
[tbs_m] plain 15 mL
[gal_br] plain 4.54609 l
[pk_br] plain 2 [gal_br]
[bu_br] plain 4 [pk_br]
[qt_br] plain 1 [gal_br]/4
[gil_br] plain 1 [pt_br]/4
[fdr_br] plain 1 [foz_br]/8
[min_br] plain 1 [fdr_br]/60
[scwt_av] plain 100 [lb_av]
[lcwt_av] plain 112 [lb_av]
[pwt_tr] plain 24 [gr]
[sc_ap] plain 20 [gr]
[dr_ap] plain 3 [sc_ap]
[oz_ap] plain 8 [dr_ap]
[lb_ap] plain 12 [oz_ap]
[oz_m] plain 28 g
[lne] plain 1 [in_i]/12
[pnt] plain 1 [lne]/6
[pca] plain 12 [pnt]
[pnt_pr] plain 0.013837 [in_i]
[pca_pr] plain 12 [pnt_pr]
[pied] plain 32.48 cm
[pouce] plain 1 [pied]/12
[ligne] plain 1 [pouce]/12
[didot] plain 1 [ligne]/6
[cicero] plain 12 [didot]
cal_[15] metric 4.18580 J
cal_[20] metric 4.18190 J
cal_m metric 4.19002 J
cal_IT metric 4.1868 J
cal_th metric 4.184 J
[Btu_39] plain 1.05967 kJ
[Btu_59] plain 1.05480 kJ
[Btu_60] plain 1.05468 kJ
[Btu_m] plain 1.05587 kJ
[Btu_IT] plain 1.05505585262 kJ
[Btu_th] plain 1.054350 kJ
tex metric 1 g/km
[den] plain 1 g/9/km
[in_i'H2O] plain 1 m[H2O].[in_i]/m
[in_i'Hg] plain 1 m[Hg].[in_i]/m
[mesh_i] plain 1 /[in_i]
[hnsf'U] plain 1 1
[S] plain 1 10*-13.s
st metric 1 m3
Ao plain 0.1 nm
b plain 100 fm2
att plain 1 kgf/cm2
mho metric 1 S
circ plain 2 [pi].rad
sph plain 4 [pi].sr
[car_m] plain 2e-1 g
[car_Au] plain 1 /24
[smoot] plain 67 [in_i]
bit metric 1 1
By metric 8 bit
Bd metric 1 /s
"""

# Amounts that only their own assay defines, logarithms, roots and slopes: each is a dimension of
# its own, since a factor says nothing of it.
_ARBITRARY = """
[arb'U] [USP'U] [GPL'U] [MPL'U] [APL'U] [beth'U] [anti'Xa'U] [todd'U] [dye'U] [smgy'U] [bdsk'U]
[ka'U] [knk'U] [mclg'U] [tb'U] [CCID_50] [TCID_50] [EID_50] [PFU] [FFU] [CFU] [BAU] [AU] [PNU]
[Lf] [D'ag'U] [FEU] [ELU] [EU] [hp_X] [hp_C] [hp_M] [pH] [m/s2/Hz^0.5] [p'diop] [Amb'a'1'U]
%[slope] [hp'_X] [hp'_C] [hp'_M] [hp'_Q] [hp_Q] [kp_X] [kp_C] [kp_M] [kp_Q] [IR] bit_s
[m/s2/Hz^(1/2)]
"""
_ARBITRARY_METRIC = "B Np B[SPL] B[V] B[mV] B[uV] B[10.nV] B[W] B[kW]"


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
