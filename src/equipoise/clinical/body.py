"""Body, kidney and pulmonary pressure: calculators with their units and sources.

Each gives None where its formula is not defined, never a number that only looks like a result.
"""

import math

_UMOL_L_PER_MG_DL = 88.4
"""Of creatinine: its molar mass is 113.12 g/mol."""

_KIDNEY = {"female": (0.7, -0.241, 1.012), "male": (0.9, -0.302, 1.0)}


def derive_bmi(weight_kg: float, height_cm: float) -> float | None:
    """Body mass index in kg/m²: weight over height squared (Quetelet)."""
    if weight_kg <= 0 or height_cm <= 0:
        return None
    return weight_kg / (height_cm / 100) ** 2


def derive_egfr(creatinine_umol_l: float, age_years: float, sex: str) -> float | None:
    """Estimated glomerular filtration rate, CKD-EPI 2021 creatinine, in mL/min/1.73 m².

    142 × min(Scr/κ, 1)^α × max(Scr/κ, 1)^-1.200 × 0.9938^age × 1.012 if female, Scr in mg/dL
    (1 mg/dL = 88.4 µmol/L). For adults. Inker et al., N Engl J Med 2021;385:1737. The result is
    indexed to body surface; see `derive_unindexed_gfr`.
    """
    if sex not in _KIDNEY or age_years < 18 or creatinine_umol_l <= 0:
        return None
    kappa, alpha, factor = _KIDNEY[sex]
    ratio = creatinine_umol_l / _UMOL_L_PER_MG_DL / kappa
    scaled = min(ratio, 1) ** alpha * max(ratio, 1) ** -1.2
    return float(142 * scaled * 0.9938**age_years * factor)


def derive_body_surface(weight_kg: float, height_cm: float) -> float | None:
    """Body surface in m²: 0.007184 × weight^0.425 × height^0.725 (Du Bois and Du Bois 1916)."""
    if weight_kg <= 0 or height_cm <= 0:
        return None
    return float(0.007184 * weight_kg**0.425 * height_cm**0.725)


def derive_unindexed_gfr(gfr: float, weight_kg: float, height_cm: float) -> float | None:
    """Filtration rate of this person in mL/min, from one indexed to 1.73 m² of body surface."""
    surface = derive_body_surface(weight_kg, height_cm)
    return None if surface is None else gfr * surface / 1.73


def derive_spap(trv_m_s: float, rap_mmhg: float) -> float | None:
    """Systolic pulmonary artery pressure in mmHg: 4 × TRV² + RAP (modified Bernoulli).

    `trv_m_s` is the peak tricuspid regurgitation velocity, `rap_mmhg` the right atrial pressure,
    which the cava's width and collapse give as 3, 8 or 15 mmHg. Without a regurgitation there is
    no estimate, which is not a pressure of zero.
    """
    if trv_m_s <= 0 or rap_mmhg < 0:
        return None
    return 4 * math.pow(trv_m_s, 2) + rap_mmhg
