"""Instruments of systemic sclerosis: the skin score and the classification criteria."""

from collections.abc import Mapping

_SIDED = ("fingers", "hand", "forearm", "upper_arm", "thigh", "lower_leg", "foot")

MRSS_AREAS: tuple[str, ...] = (
    "face",
    "chest",
    "abdomen",
    *(f"{area}_{side}" for area in _SIDED for side in ("right", "left")),
)
"""The 17 areas of the modified Rodnan skin score, each 0 to 3."""

_FINGERS = {"none": 0, "puffy": 2, "sclerodactyly": 4}
_FINGERTIPS = {"none": 0, "ulcers": 2, "scars": 3}


def derive_mrss(areas: Mapping[str, int | None]) -> int | None:
    """Modified Rodnan skin score, 0 to 51: the sum over the 17 areas (Khanna 2017,
    doi 10.5301/jsrd.5000231).

    None if any area is missing: no area is imputed. ValueError for a grade other than 0, 1, 2, 3.
    """
    grades = [areas.get(area) for area in MRSS_AREAS]
    if any(g is not None and g not in (0, 1, 2, 3) for g in grades):
        raise ValueError("a skin area is graded 0, 1, 2 or 3")
    known = [g for g in grades if g is not None]
    return sum(known) if len(known) == len(MRSS_AREAS) else None


def derive_acr_eular_2013(
    *,
    proximal_skin: bool,
    fingers: str,
    fingertips: str,
    telangiectasia: bool,
    nailfold: bool,
    lung: bool,
    raynaud: bool,
    antibody: bool,
) -> int:
    """Score of the ACR/EULAR 2013 classification of systemic sclerosis; 9 or more classifies.

    doi 10.1136/annrheumdis-2013-204424. Skin thickening of both hands beyond the
    metacarpophalangeal joints gives 9 alone. `fingers` is `none`, `puffy` (2) or `sclerodactyly`
    (4), `fingertips` is `none`, `ulcers` (2) or `scars` (3): of each pair the higher finding
    counts. `lung` (2) is pulmonary arterial hypertension or interstitial lung disease;
    telangiectasia and abnormal nailfold capillaries give 2 each, Raynaud 3, any of the three
    antibodies 3. It does not apply where the fingers are spared or another disorder explains the
    picture better. KeyError for another finding.
    """
    weights = (
        (proximal_skin, 9),
        (telangiectasia, 2),
        (nailfold, 2),
        (lung, 2),
        (raynaud, 3),
        (antibody, 3),
    )
    points = sum(weight for is_present, weight in weights if is_present)
    return points + _FINGERS[fingers] + _FINGERTIPS[fingertips]
