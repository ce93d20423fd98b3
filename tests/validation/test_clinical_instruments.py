"""Instruments of systemic sclerosis against what their authors published."""

import pytest

from equipoise.clinical import (
    ACR_EULAR_2013,
    MRSS_AREAS,
    CoreSet,
    derive_acr_criss_2016,
    derive_acr_eular_2013,
    derive_eustar_activity_2017,
    derive_haq_category,
    derive_haq_di,
    derive_mrss,
)

NONE_PRESENT = {name: False for category in ACR_EULAR_2013.values() for name in category}


@pytest.mark.evidence(kind="published", source="Khanna 2017: 17 areas, 0 to 3 each, 0 to 51")
def test_the_skin_score_has_the_published_areas_and_range() -> None:
    """Three single areas, seven on both sides."""
    sided = ["fingers", "hand", "forearm", "upper_arm", "thigh", "lower_leg", "foot"]
    areas = ["face", "chest", "abdomen", *[f"{a}_{s}" for a in sided for s in ("left", "right")]]

    assert sorted(MRSS_AREAS) == sorted(areas)
    assert [derive_mrss(dict.fromkeys(areas, grade)) for grade in (0, 1, 2, 3)] == [0, 17, 34, 51]


@pytest.mark.evidence(
    kind="published", source="van den Hoogen 2013, doi 10.1136/annrheumdis-2013-204424, Table 1"
)
@pytest.mark.parametrize(
    ("present", "score"),
    [
        ([], 0),
        (["proximal_skin"], 9),
        (["puffy_fingers"], 2),
        (["sclerodactyly"], 4),
        (["puffy_fingers", "sclerodactyly"], 4),
        (["tip_ulcers"], 2),
        (["pitting_scars"], 3),
        (["tip_ulcers", "pitting_scars"], 3),
        (["telangiectasia"], 2),
        (["abnormal_nailfold"], 2),
        (["arterial_hypertension"], 2),
        (["interstitial_disease"], 2),
        (["arterial_hypertension", "interstitial_disease"], 2),
        (["raynaud"], 3),
        (["anticentromere"], 3),
        (["antitopoisomerase_1", "antipolymerase_3"], 3),
        (["anticentromere", "antitopoisomerase_1", "antipolymerase_3"], 3),
        (["raynaud", "anticentromere", "telangiectasia"], 8),
        (["raynaud", "anticentromere", "sclerodactyly"], 10),
        (["raynaud", "interstitial_disease", "sclerodactyly"], 9),
    ],
)
def test_each_category_adds_its_heaviest_finding(present: list[str], score: int) -> None:
    """Of a pair only the higher counts; the lung has at most 2, the antibodies at most 3."""
    assert derive_acr_eular_2013({**NONE_PRESENT, **dict.fromkeys(present, True)}) == score


@pytest.mark.evidence(
    kind="published",
    source="French recommendations 2021, doi 10.1186/s13023-021-01844-y, Table 1: of cutaneous "
    "thickening only the highest score",
)
def test_everything_at_once_scores_twenty_four() -> None:
    """9 for the skin, 3, 2, 2, 2, 3, 3: sclerodactyly adds nothing to the sufficient criterion."""
    assert derive_acr_eular_2013(dict.fromkeys(NONE_PRESENT, True)) == 24
    assert (
        derive_acr_eular_2013({**dict.fromkeys(NONE_PRESENT, True), "proximal_skin": False}) == 19
    )


@pytest.mark.evidence(
    kind="published", source="CLINHAQ scoring instructions (Wolfe), after Fries 1980"
)
@pytest.mark.parametrize(("worst", "with_aid"), [(0, 2), (1, 2), (2, 2), (3, 3)])
def test_a_category_with_an_aid_has_at_least_two(worst: int, with_aid: int) -> None:
    """One that has 2 or more already is not modified."""
    assert derive_haq_category([0, worst], is_aided=False) == worst
    assert derive_haq_category([0, worst], is_aided=True) == with_aid


@pytest.mark.evidence(
    kind="published", source="CLINHAQ scoring instructions (Wolfe): sum over 8, or over 7"
)
def test_the_index_is_the_sum_divided_by_the_answered_categories() -> None:
    """Eight sections are divided by 8; if one is not completed, by 7."""
    names = ["dressing", "arising", "eating", "walking", "hygiene", "reach", "grip", "activities"]
    scores: dict[str, int | None] = dict(zip(names, [2, 1, 0, 3, 2, 1, 1, 2], strict=True))

    assert derive_haq_di(scores) == 12 / 8
    assert derive_haq_di({**scores, "walking": None}) == 9 / 7


@pytest.mark.evidence(
    kind="published", source="equation of Khanna 2016 (PMC4818571, Table 4), computed apart"
)
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ((0, 0, 0, 0, 0), 0.00391),
        ((-5, 0, 0, 0, 0), 0.18392),
        ((-5, 0, -1, -1, -0.25), 0.55045),
        ((-10, 2, -2, -2, -0.5), 0.99828),
        ((5, -5, 1, 1, 0.25), 0.00000),
    ],
)
def test_the_probability_of_improvement(changes: tuple[float, ...], expected: float) -> None:
    """Changes of the skin score, FVC, patient's and physician's global, HAQ-DI."""
    measures = ("mrss", "fvc_percent", "patient_global", "physician_global", "haq_di")
    start = dict(zip(measures, (25.0, 75.0, 5.0, 5.0, 1.5), strict=True))
    after = {name: start[name] + by for name, by in zip(measures, changes, strict=True)}
    found = derive_acr_criss_2016(
        baseline=CoreSet(**start), follow_up=CoreSet(**after), has_organ_event=False
    )

    assert found == pytest.approx(expected, abs=6e-6)


@pytest.mark.evidence(
    kind="published",
    source="Valentini 2017, doi 10.1136/annrheumdis-2016-209768, abstract (weights, cut-off 2.5)",
)
@pytest.mark.parametrize(
    ("changed", "score"),
    [
        ({}, 0),
        ({"is_skin_worse": True}, 1.5),
        ({"has_digital_ulcers": True}, 1.5),
        ({"mrss": 19}, 1.5),
        ({"mrss": 51}, 1.5),
        ({"mrss": 10}, 0.84),
        ({"has_friction_rubs": True}, 2.25),
        ({"crp_mg_l": 10}, 0),
        ({"crp_mg_l": 10.1}, 2.25),
        ({"dlco_percent": 70}, 0),
        ({"dlco_percent": 69.9}, 1),
        ({"is_skin_worse": True, "dlco_percent": 60}, 2.5),
        (
            {
                "is_skin_worse": True,
                "has_digital_ulcers": True,
                "mrss": 30,
                "has_friction_rubs": True,
                "crp_mg_l": 20,
                "dlco_percent": 50,
            },
            10,
        ),
    ],
)
def test_the_activity_index_has_the_published_weights(
    changed: dict[str, float], score: float
) -> None:
    """A 10-point index; C-reactive protein above 1 mg/dL is above 10 mg/L."""
    quiet = {
        "is_skin_worse": False,
        "has_digital_ulcers": False,
        "mrss": 0,
        "has_friction_rubs": False,
        "crp_mg_l": 2,
        "dlco_percent": 90,
    }

    assert derive_eustar_activity_2017(**{**quiet, **changed}) == score  # type: ignore[arg-type]
