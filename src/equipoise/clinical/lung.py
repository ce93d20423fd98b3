"""Diffusing capacity of the lung, corrected for hemoglobin."""

_CHILD_BELOW_YEARS = 15
_MAN, _WOMAN_OR_CHILD = 10.22, 9.38


def derive_dlco_corrected(
    dlco: float, hb_g_dl: float, sex: str, age_years: float = _CHILD_BELOW_YEARS
) -> float | None:
    """DLCO at the reference hemoglobin, in the unit of `dlco`, measured or percent of predicted.

    DLCO × (K + Hb) / (1.7 × Hb), Hb in g/dL, K = 10.22 for men from 15 years (reference
    14.6 g/dL), 9.38 for women and children (13.4 g/dL). Cotes; ATS/ERS 2005,
    doi 10.1183/09031936.05.00034905. It is not DLCO × 1.7 Hb_ref / (Hb + 0.7 Hb_ref), which
    overcorrects by some 3 % and would let anemic patients past a limit.
    """
    if sex not in ("female", "male") or hb_g_dl <= 0 or dlco < 0:
        return None
    is_man = sex == "male" and age_years >= _CHILD_BELOW_YEARS
    constant = _MAN if is_man else _WOMAN_OR_CHILD
    return dlco * (constant + hb_g_dl) / (1.7 * hb_g_dl)
