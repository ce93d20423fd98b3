"""Lung function: predicted values by a named GLI set, and DLCO corrected for hemoglobin.

The predicted values need the tables of the package `pyspiro`, which is optional and loaded when a
value is asked for; it states that it is meant for research. Its tables are used and its rounding is
not: the formulas below are applied to the L, M and S that it gives.
"""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from msgspec import Struct

from equipoise.clinical.bounds import (
    AGE_YEARS,
    HEMOGLOBIN_G_DL,
    PERCENT_PREDICTED,
    Domain,
    is_within,
)
from equipoise.problems import Refused, problem

TABLES_PACKAGE, TABLES_EXTRA = "pyspiro", "lung"
_CHILD_BELOW_YEARS = 15
_MAN, _WOMAN_OR_CHILD = 10.22, 9.38
_SEXES = {"female": 0, "male": 1}
_NORMAL_Z = 1.645
"""From the fifth to the 95th percentile."""
GLI_HEIGHT_CM: Domain = (80, 250)

GLI_2012_GROUPS: Mapping[str, int] = {
    "caucasian": 1,
    "african_american": 2,
    "north_east_asian": 3,
    "south_east_asian": 4,
    "other": 5,
}
"""The groups of GLI 2012, as the paper names them, with their number in the tables."""


class GliSet(Struct, frozen=True):
    """A published set of reference equations for one quantity.

    Ages in years that it is for, the measured values that are believed, the class and the parameter
    that hold its tables, and the paper.
    """

    unit: str
    ages: Domain
    values: Domain
    tables: str
    parameter: int
    source: str
    has_groups: bool = False


_GLI_2017 = "Stanojevic 2017, doi 10.1183/13993003.00010-2017, as corrected in 2020"

GLI_SETS: Mapping[str, GliSet] = {
    "fvc_gli_2012": GliSet(
        unit="L",
        ages=(3, 95),
        values=(0.01, 12),
        tables="GLI_2012",
        parameter=2,
        source="Quanjer 2012, doi 10.1183/09031936.00080312",
        has_groups=True,
    ),
    "fvc_gli_global_2022": GliSet(
        unit="L",
        ages=(3, 95),
        values=(0.01, 12),
        tables="BOWERMAN_2022",
        parameter=2,
        source="Bowerman 2022, doi 10.1164/rccm.202205-0963OC",
    ),
    "dlco_gli_2017": GliSet(
        unit="mL/min/mmHg",
        ages=(5, 85),
        values=(0.01, 100),
        tables="GLI_2017",
        parameter=2,
        source=_GLI_2017,
    ),
    "tlco_gli_2017": GliSet(
        unit="mmol/min/kPa",
        ages=(5, 85),
        values=(0.01, 35),
        tables="GLI_2017",
        parameter=1,
        source=_GLI_2017,
    ),
}
"""The sets by name. The choice between the first two moves the same woman across 80 %: there is no
default, and a study must name its set."""


class Prediction(Struct, frozen=True):
    """A measured value against its reference: median and both limits in its unit, percent of the
    median, z-score. The limits are the fifth and the 95th percentile (z = ±1.645)."""

    median: float
    lower_limit: float
    upper_limit: float
    percent: float
    z: float


def derive_prediction(
    *,
    gli_set: str,
    value: float,
    age_years: float,
    height_cm: float,
    sex: str,
    group: str = "",
) -> Prediction | None:
    """A measured FVC (L) or DLCO (the unit of the set) against a named GLI set of `GLI_SETS`.

    L, M and S of the set at this age, height and sex: percent = 100 x/M,
    z = ((x/M)^L - 1) / (L S), limits M (1 ± 1.645 L S)^(1/L). `age_years` is the exact age with
    its fraction, not the completed years. `group` is one of `GLI_2012_GROUPS` for that set and
    empty for all others. DLCO must be corrected for hemoglobin apart (`derive_dlco_corrected`).

    None outside the ages and values of the set, for a height outside 80 to 250 cm, and another sex
    or group. `Refused`: the set is unknown (EQ-M003),
    or the tables are not installed (EQ-M004).
    """
    chosen = GLI_SETS.get(gli_set)
    if chosen is None:
        raise Refused([problem("EQ-M003", name=gli_set, known=", ".join(GLI_SETS))])
    is_measured = is_within(value, chosen.values) and is_within(height_cm, GLI_HEIGHT_CM)
    is_covered = sex in _SEXES and is_within(age_years, chosen.ages)
    if not is_measured or not is_covered or chosen.has_groups != (group in GLI_2012_GROUPS):
        return None
    return _predict(value, _find_lms(chosen, (_SEXES[sex], age_years, height_cm), group=group))


def derive_dlco_corrected(
    *, dlco: float, hb_g_dl: float, sex: str, age_years: float = _CHILD_BELOW_YEARS
) -> float | None:
    """DLCO at the reference hemoglobin, in the unit of `dlco`, measured or percent of predicted.

    DLCO × (K + Hb) / (1.7 × Hb), Hb in g/dL, K = 10.22 for men from 15 years (reference
    14.6 g/dL), 9.38 for women and children (13.4 g/dL). Cotes; ATS/ERS 2005, MacIntyre et al.,
    doi 10.1183/09031936.05.00034905. It follows from 1/DL = 1/Dm + 1/(θ Vc) with θ in proportion
    to Hb and Dm/(θ Vc) = 0.7 at the reference, so K = 0.7 Hb_ref. It is not DLCO × 1.7 Hb_ref /
    (Hb + 0.7 Hb_ref), which overcorrects by some 3 % and would let anemic patients past a limit.

    None unless the hemoglobin is 2 to 30 g/dL (one in g/L gives nothing), the DLCO 0 to 300 and
    the age 0 to 120 years.
    """
    is_measured = is_within(dlco, PERCENT_PREDICTED) and is_within(hb_g_dl, HEMOGLOBIN_G_DL)
    if sex not in _SEXES or not is_measured or not is_within(age_years, AGE_YEARS):
        return None
    is_man = sex == "male" and age_years >= _CHILD_BELOW_YEARS
    constant = _MAN if is_man else _WOMAN_OR_CHILD
    return dlco * (constant + hb_g_dl) / (1.7 * hb_g_dl)


def _predict(value: float, lms: tuple[float, float, float]) -> Prediction:
    skew, median, spread = lms
    reach = _NORMAL_Z * skew * spread
    return Prediction(
        median=median,
        lower_limit=median * (1 - reach) ** (1 / skew),
        upper_limit=median * (1 + reach) ** (1 / skew),
        percent=100 * value / median,
        z=((value / median) ** skew - 1) / (skew * spread),
    )


def _find_lms(
    chosen: GliSet, person: tuple[int, float, float], *, group: str
) -> tuple[float, float, float]:
    groups = [GLI_2012_GROUPS[group]] if chosen.has_groups else []
    # The last argument is a measured value, which these sets do not look at.
    found = _load_tables(chosen.tables).lms(*person, *groups, chosen.parameter, 0.0)
    skew, median, spread = (float(x) for x in found)
    return skew, median, spread


def has_tables() -> bool:
    """Whether the reference tables are installed; they are not loaded for that."""
    return find_spec(TABLES_PACKAGE) is not None


@cache
def _load_tables(name: str) -> Any:
    try:
        package = import_module(TABLES_PACKAGE)
    except ImportError:
        raise Refused([problem("EQ-M004", package=TABLES_PACKAGE, extra=TABLES_EXTRA)]) from None
    return getattr(package, name)()
