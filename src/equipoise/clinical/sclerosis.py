"""Instruments of systemic sclerosis: skin score, classification, disease activity."""

from collections.abc import Mapping

from equipoise.clinical.bounds import CRP_MG_L, MRSS, PERCENT_PREDICTED, is_within, round_off

_SIDED = ("fingers", "hand", "forearm", "upper_arm", "thigh", "lower_leg", "foot")

MRSS_AREAS: tuple[str, ...] = (
    "face",
    "chest",
    "abdomen",
    *(f"{area}_{side}" for area in _SIDED for side in ("right", "left")),
)
"""The 17 areas of the modified Rodnan skin score, each 0 to 3."""

ACR_EULAR_2013: Mapping[str, Mapping[str, int]] = {
    "skin": {"proximal_skin": 9, "sclerodactyly": 4, "puffy_fingers": 2},
    "fingertips": {"pitting_scars": 3, "tip_ulcers": 2},
    "telangiectasia": {"telangiectasia": 2},
    "nailfold": {"abnormal_nailfold": 2},
    "lung": {"arterial_hypertension": 2, "interstitial_disease": 2},
    "raynaud": {"raynaud": 3},
    "antibody": {"anticentromere": 3, "antitopoisomerase_1": 3, "antipolymerase_3": 3},
}
"""The findings of the ACR/EULAR 2013 classification with their weights, by category."""

ACR_EULAR_2013_FROM = 9
"""The score that classifies as systemic sclerosis."""


def derive_mrss(areas: Mapping[str, int | None]) -> int | None:
    """Modified Rodnan skin score, 0 to 51: the sum over the 17 areas of `MRSS_AREAS` (Khanna 2017,
    doi 10.5301/jsrd.5000231).

    None if any area is missing: no area is imputed (our rule; none was found published).
    ValueError for a grade other than 0, 1, 2, 3.
    """
    grades = [areas.get(area) for area in MRSS_AREAS]
    if any(g is not None and g not in (0, 1, 2, 3) for g in grades):
        raise ValueError("a skin area is graded 0, 1, 2 or 3")
    known = [g for g in grades if g is not None]
    return sum(known) if len(known) == len(MRSS_AREAS) else None


def derive_acr_eular_2013_range(findings: Mapping[str, bool | None]) -> tuple[int, int]:
    """The least and the greatest score that the known findings leave possible.

    `findings` has any of the findings of `ACR_EULAR_2013`; one that is None or not there is not
    known. ValueError for another finding.
    """
    known = {name for category in ACR_EULAR_2013.values() for name in category}
    if not known.issuperset(findings):
        raise ValueError("not a finding of the classification")
    categories = ACR_EULAR_2013.values()
    least = sum(_heaviest(c, [f for f in c if findings.get(f)]) for c in categories)
    most = sum(_heaviest(c, [f for f in c if findings.get(f) is not False]) for c in categories)
    return least, most


def derive_acr_eular_2013(findings: Mapping[str, bool | None]) -> int | None:
    """Score of the ACR/EULAR 2013 classification: the heaviest finding of each category, added.

    Van den Hoogen et al. 2013, doi 10.1136/annrheumdis-2013-204424, Table 1; the three findings of
    the skin are one category, as in doi 10.1186/s13023-021-01844-y, Table 1, so that skin thickened
    beyond the metacarpophalangeal joints gives 9 and sclerodactyly adds nothing to it. A finding
    counts if it was ever present. None as long as an unknown finding could change the score.
    """
    least, most = derive_acr_eular_2013_range(findings)
    return least if least == most else None


def assess_acr_eular_2013(
    findings: Mapping[str, bool | None], *, is_better_explained: bool | None
) -> bool | None:
    """Whether a person is classified as having systemic sclerosis: a score of 9 or more.

    Decided as soon as the known findings decide it, None otherwise: thickened skin beyond the
    metacarpophalangeal joints is sufficient alone. `is_better_explained`: the fingers are spared,
    or another disorder explains the picture better; then the classification does not apply.
    """
    least, most = derive_acr_eular_2013_range(findings)
    if is_better_explained or most < ACR_EULAR_2013_FROM:
        return False
    is_decided = is_better_explained is False and least >= ACR_EULAR_2013_FROM
    return True if is_decided else None


def derive_eustar_activity_2017(
    *,
    is_skin_worse: bool,
    has_digital_ulcers: bool,
    mrss: float,
    has_friction_rubs: bool,
    crp_mg_l: float,
    dlco_percent: float,
) -> float | None:
    """Revised EUSTAR activity index, 0 to 10; the disease is active from 2.5.

    Valentini et al. 2017, doi 10.1136/annrheumdis-2016-209768: skin worse within the last month as
    the patient sees it 1.5, digital ulcers 1.5, mRSS above 18 1.5 and otherwise 0.084 × mRSS,
    tendon friction rubs 2.25, CRP above 10 mg/L 2.25, DLCO below 70 % of predicted 1. At an mRSS
    of 18 the product, 1.512, is capped at 1.5: the index has its published maximum of 10 and never
    falls as the skin gets worse, and no one crosses 2.5 by it. None unless mRSS is 0 to 51, CRP 0
    to 1000 mg/L and DLCO 0 to 300 %.
    """
    is_measured = is_within(mrss, MRSS) and is_within(crp_mg_l, CRP_MG_L)
    if not is_measured or not is_within(dlco_percent, PERCENT_PREDICTED):
        return None
    weights = (
        (is_skin_worse, 1.5),
        (has_digital_ulcers, 1.5),
        (has_friction_rubs, 2.25),
        (crp_mg_l > 10, 2.25),
        (dlco_percent < 70, 1.0),
    )
    return round_off(min(0.084 * mrss, 1.5) + sum(w for is_present, w in weights if is_present))


def _heaviest(category: Mapping[str, int], present: list[str]) -> int:
    return max((category[finding] for finding in present), default=0)
