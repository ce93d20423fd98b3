"""Body, kidney and pulmonary pressure: calculators with their units and sources.

Each gives None where its formula is not defined or an input cannot be, never a number that only
looks like a result.
"""

from equipoise.clinical.analytes import CREATININE_UMOL_L_PER_MG_DL
from equipoise.clinical.bounds import (
    ADULT_AGE_YEARS,
    CREATININE_UMOL_L,
    GFR,
    HEIGHT_CM,
    LIMIT,
    RAP_MMHG,
    RESULT,
    TRV_M_S,
    WEIGHT_KG,
    is_within,
    round_off,
)

_KIDNEY = {"female": (0.7, -0.241, 1.012), "male": (0.9, -0.302, 1.0)}


def derive_bmi(*, weight_kg: float, height_cm: float) -> float | None:
    """Body mass index in kg/m²: weight over height squared (Quetelet).

    None unless the weight is 0.2 to 700 kg and the height 10 to 280 cm: a height in meters gives
    nothing.
    """
    if not _is_body(weight_kg, height_cm):
        return None
    return weight_kg / (height_cm / 100) ** 2


def derive_egfr(*, creatinine_umol_l: float, age_years: float, sex: str) -> float | None:
    """Estimated glomerular filtration rate, CKD-EPI 2021 creatinine, in mL/min/1.73 m².

    142 × min(Scr/κ, 1)^α × max(Scr/κ, 1)^-1.200 × 0.9938^age × 1.012 if female, Scr in mg/dL
    (1 mg/dL = 88.4 µmol/L). Inker et al., N Engl J Med 2021;385:1737,
    doi 10.1056/NEJMoa2102953. `sex` is `female` or `male`. None unless the age is 18 to 120 and
    the creatinine 8 to 5000 µmol/L: one in mg/dL gives nothing. The result is indexed to body
    surface; see `derive_unindexed_gfr`.
    """
    is_measured = is_within(creatinine_umol_l, CREATININE_UMOL_L)
    if sex not in _KIDNEY or not is_measured or not is_within(age_years, ADULT_AGE_YEARS):
        return None
    kappa, alpha, factor = _KIDNEY[sex]
    ratio = creatinine_umol_l / CREATININE_UMOL_L_PER_MG_DL / kappa
    scaled = min(ratio, 1) ** alpha * max(ratio, 1) ** -1.2
    return float(142 * scaled * 0.9938**age_years * factor)


def derive_body_surface(*, weight_kg: float, height_cm: float) -> float | None:
    """Body surface in m²: 0.007184 × weight^0.425 × height^0.725 (Du Bois and Du Bois 1916,
    Arch Intern Med 17:863).

    None unless the weight is 0.2 to 700 kg and the height 10 to 280 cm.
    """
    if not _is_body(weight_kg, height_cm):
        return None
    return float(0.007184 * weight_kg**0.425 * height_cm**0.725)


def derive_unindexed_gfr(*, gfr: float, weight_kg: float, height_cm: float) -> float | None:
    """Filtration rate of this person in mL/min, from one indexed to 1.73 m² of body surface.

    `gfr` in mL/min/1.73 m², 0 to 300; otherwise, or without a body surface, None.
    """
    surface = derive_body_surface(weight_kg=weight_kg, height_cm=height_cm)
    return None if surface is None or not is_within(gfr, GFR) else gfr * surface / 1.73


def derive_spap(*, trv_m_s: float, rap_mmhg: float) -> float | None:
    """Systolic pulmonary artery pressure in mmHg: 4 × TRV² + RAP (simplified Bernoulli).

    `trv_m_s` is the peak tricuspid regurgitation velocity, `rap_mmhg` the right atrial pressure,
    which the cava's width and collapse give as 3, 8 or 15 mmHg. Rudski et al. 2010 (ASE), J Am Soc
    Echocardiogr 23:685, doi 10.1016/j.echo.2010.05.010. Without a regurgitation there is no
    estimate, which is not a pressure of zero. None unless the velocity is 0.1 to 8 m/s (one in
    cm/s gives nothing) and the atrial pressure 0 to 40 mmHg.
    """
    if not is_within(trv_m_s, TRV_M_S) or not is_within(rap_mmhg, RAP_MMHG):
        return None
    return 4 * trv_m_s**2 + rap_mmhg


def derive_uln_multiple(*, value: float, upper_limit: float) -> float | None:
    """A result as a multiple of the upper limit of normal that its laboratory gives for it.

    Both in one unit, whichever it is. None unless the limit is above zero, the value at least zero
    and neither without end. To twelve digits: 38.1 is three times 12.7.
    """
    if not is_within(value, RESULT) or not is_within(upper_limit, LIMIT):
        return None
    return round_off(value / upper_limit)


def _is_body(weight_kg: float, height_cm: float) -> bool:
    return is_within(weight_kg, WEIGHT_KG) and is_within(height_cm, HEIGHT_CM)
