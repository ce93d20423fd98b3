"""Units of laboratory results that convert only for a named substance, each with its source.

A mass and an amount convert through the molar mass, so that `mg/dL` and `µmol/L` mean nothing to
each other until the substance is known.
"""

from msgspec import Struct

CREATININE_UMOL_L_PER_MG_DL = 88.4
"""Of creatinine, as the equations of filtration have it."""

_HEMOGLOBIN_G_MOL = 1e4 / 0.6206
_CREATININE_G_MOL = 113.12
_GLUCOSE_G_MOL = 180.156
_BILIRUBIN_G_MOL = 584.673
_ATOMIC = "molar mass from the standard atomic weights of IUPAC 2021, doi 10.1515/pac-2019-0603"


class Conversion(Struct, frozen=True):
    """A number in `source_unit` times `factor` is the number in `target_unit`, of one analyte.

    The units are written as the language of expressions writes them. `molar_mass` in g/mol is that
    by which mass and amount convert, 0 where the analyte has no such pair.
    """

    analyte: str
    source_unit: str
    target_unit: str
    factor: float
    reference: str
    molar_mass: float = 0.0


ANALYTES: tuple[Conversion, ...] = (
    Conversion(
        "hemoglobin",
        "g/dL",
        "mmol/L",
        0.6206,
        "the monomer with one heme, 16.11 kg/mol, as laboratories report it (the tetramer would "
        "have 0.155): PMC3934467, Table 1",
        molar_mass=_HEMOGLOBIN_G_MOL,
    ),
    Conversion(
        "creatinine",
        "mg/dL",
        "umol/L",
        CREATININE_UMOL_L_PER_MG_DL,
        f"C4H7N3O, 113.12 g/mol, rounded as the equations of filtration have it, {_ATOMIC}",
        molar_mass=_CREATININE_G_MOL,
    ),
    Conversion("crp", "mg/dL", "mg/L", 10.0, "decimal; C-reactive protein is not converted to mol"),
    Conversion(
        "glucose", "mg/dL", "mmol/L", 10 / _GLUCOSE_G_MOL, f"C6H12O6, {_ATOMIC}", _GLUCOSE_G_MOL
    ),
    Conversion(
        "bilirubin",
        "mg/dL",
        "umol/L",
        1e4 / _BILIRUBIN_G_MOL,
        f"C33H36N4O6, {_ATOMIC}",
        _BILIRUBIN_G_MOL,
    ),
    Conversion(
        "dlco",
        "mmol/min/kPa",
        "mL/min/mmHg",
        2.987,
        "ratio of the medians of GLI 2017 in both units, doi 10.1183/13993003.50010-2017",
    ),
)
"""Every conversion, once; the way back divides."""


def find_analyte_factor(*, analyte: str, source_unit: str, target_unit: str) -> float | None:
    """What a result of `analyte` in `source_unit` is multiplied by to be in `target_unit`.

    None if the table has no such pair, in neither direction.
    """
    for row in ANALYTES:
        if row.analyte == analyte:
            if (row.source_unit, row.target_unit) == (source_unit, target_unit):
                return row.factor
            if (row.target_unit, row.source_unit) == (source_unit, target_unit):
                return 1 / row.factor
    return None
