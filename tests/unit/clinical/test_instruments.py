"""Instruments at their edges: what is missing, what decides all the same, what is refused."""

import math
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.clinical import (
    ACR_EULAR_2013,
    HAQ_CATEGORIES,
    MRSS_AREAS,
    CoreSet,
    assess_acr_eular_2013,
    assess_lung_decline,
    assess_organ_event,
    derive_acr_criss_2016,
    derive_acr_eular_2013,
    derive_acr_eular_2013_range,
    derive_eustar_activity_2017,
    derive_haq_category,
    derive_haq_di,
    derive_mrss,
)

FINDINGS = [name for category in ACR_EULAR_2013.values() for name in category]
NOTHING = dict.fromkeys(FINDINGS, False)
THREE_VALUES = st.sampled_from([True, False, None])
CASES = st.fixed_dictionaries(dict.fromkeys(FINDINGS, THREE_VALUES))
START = CoreSet(mrss=25, fvc_percent=80, patient_global=5, physician_global=5, haq_di=1.5)


def test_the_skin_score_sums_seventeen_areas() -> None:
    """0 to 51."""
    assert len(MRSS_AREAS) == 17
    assert derive_mrss(dict.fromkeys(MRSS_AREAS, 3)) == 51
    assert derive_mrss({**dict.fromkeys(MRSS_AREAS, 0), "face": 2}) == 2


@pytest.mark.parametrize("area", MRSS_AREAS)
def test_the_skin_score_is_missing_if_an_area_is(area: str) -> None:
    """No area is imputed."""
    areas: dict[str, int | None] = dict.fromkeys(MRSS_AREAS, 1)

    assert derive_mrss({**areas, area: None}) is None


@pytest.mark.parametrize("grade", [4, -1, 1.5, math.nan])
def test_a_grade_that_the_score_does_not_have_is_refused(grade: float) -> None:
    """Areas are graded 0 to 3, and a wrong grade is told even where another is missing."""
    with pytest.raises(ValueError, match="graded"):
        derive_mrss({"face": grade})  # type: ignore[dict-item]


@given(CASES)
def test_the_known_findings_bound_the_score_whatever_the_rest(
    findings: dict[str, bool | None],
) -> None:
    """Answering what is open with yes or with no gives a score between the bounds."""
    least, most = derive_acr_eular_2013_range(findings)
    scores = [
        derive_acr_eular_2013({f: answer if x is None else x for f, x in findings.items()})
        for answer in (False, True)
    ]

    assert scores == [least, most]
    assert derive_acr_eular_2013(findings) == (least if least == most else None)


@given(CASES, THREE_VALUES)
def test_a_classification_is_given_only_if_every_completion_agrees(
    findings: dict[str, bool | None], is_better_explained: bool | None
) -> None:
    """Three-valued, and no further from an answer than it must be."""
    least, most = derive_acr_eular_2013_range(findings)
    answers = {
        score >= 9 and not better
        for score in (least, most)
        for better in ([is_better_explained] if is_better_explained is not None else [True, False])
    }
    found = assess_acr_eular_2013(findings, is_better_explained=is_better_explained)

    assert found == (answers.pop() if len(answers) == 1 else None)


def test_nine_points_classify_although_the_rest_is_missing() -> None:
    """Skin thickened beyond the joints is sufficient; eight points wait for what could add one."""
    assert assess_acr_eular_2013({"proximal_skin": True}, is_better_explained=False) is True
    assert assess_acr_eular_2013({"proximal_skin": True}, is_better_explained=None) is None
    assert assess_acr_eular_2013({"proximal_skin": True}, is_better_explained=True) is False
    known = {"raynaud": True, "anticentromere": True, "telangiectasia": True}
    assert assess_acr_eular_2013(known, is_better_explained=False) is None
    assert assess_acr_eular_2013({**NOTHING, **known}, is_better_explained=None) is False


def test_what_could_not_add_a_point_need_not_be_known() -> None:
    """Ulcers beside known scars, a second antibody beside a known one."""
    known = {**NOTHING, "pitting_scars": True, "anticentromere": True}

    assert derive_acr_eular_2013({**known, "tip_ulcers": None, "antipolymerase_3": None}) == 6


def test_another_finding_is_refused() -> None:
    """A misspelt finding would silently count as not known."""
    with pytest.raises(ValueError, match="finding"):
        derive_acr_eular_2013({"reynaud": True})


@pytest.mark.parametrize(
    ("items", "is_aided", "score"),
    [
        ([0, 1], False, 1),
        ([0, 1], True, 2),
        ([2, 0], True, 2),
        ([3, 0], True, 3),
        ([0, 0], True, 2),
        ([None, 1], False, 1),
        ([None, None], True, None),
        ([], False, None),
    ],
)
def test_an_aid_raises_a_category_to_two_and_never_beyond(
    items: list[int | None], is_aided: bool, score: int | None
) -> None:
    """It is not one point more; and an aid alone answers nothing."""
    assert derive_haq_category(items, is_aided=is_aided) == score


@pytest.mark.parametrize(
    ("n_answered", "index"), [(8, 12 / 8), (7, 10 / 7), (6, 9 / 6), (5, None), (0, None)]
)
def test_six_of_eight_categories_make_an_index(n_answered: int, index: float | None) -> None:
    """The mean of those answered, none below six."""
    answered = enumerate(HAQ_CATEGORIES[:n_answered])

    assert derive_haq_di({name: 1 + at % 2 for at, name in answered}) == index


@pytest.mark.parametrize("score", [4, -1, 0.5, math.nan])
def test_an_answer_that_the_questionnaire_does_not_have_is_refused(score: float) -> None:
    """0, 1, 2 or 3, in an item as in a category."""
    with pytest.raises(ValueError, match="answer"):
        derive_haq_category([score], is_aided=False)  # type: ignore[list-item]
    with pytest.raises(ValueError, match="answer"):
        derive_haq_di({"grip": score})  # type: ignore[dict-item]


@given(st.lists(st.sampled_from([0, 1, 2, 3, None]), min_size=8, max_size=8))
def test_the_index_lies_among_its_categories(scores: list[int | None]) -> None:
    """0 to 3, between the best and the worst category."""
    found = derive_haq_di(dict(zip(HAQ_CATEGORIES, scores, strict=True)))
    known = [s for s in scores if s is not None]

    assert (found is None) == (len(known) < 6)
    assert found is None or min(known) <= found <= max(known)


def test_an_organ_event_decides_whatever_is_missing() -> None:
    """Nobody improved whose kidney failed; without that answer nothing is said."""
    blank = CoreSet(
        mrss=None, fvc_percent=None, patient_global=None, physician_global=None, haq_di=None
    )
    assert derive_acr_criss_2016(baseline=blank, follow_up=blank, has_organ_event=True) == 0
    assert derive_acr_criss_2016(baseline=blank, follow_up=START, has_organ_event=False) is None
    assert derive_acr_criss_2016(baseline=START, follow_up=START, has_organ_event=None) is None


@pytest.mark.parametrize(
    ("measure", "bad"),
    [
        ("mrss", 52),
        ("fvc_percent", 301),
        ("patient_global", 10.1),
        ("patient_global", 45),
        ("physician_global", 10.1),
        ("haq_di", 3.1),
        ("mrss", -1),
        ("haq_di", math.nan),
        ("patient_global", math.inf),
        ("fvc_percent", None),
    ],
)
def test_a_measure_outside_its_scale_gives_no_probability(measure: str, bad: float | None) -> None:
    """A global assessment of 45 was made on 0 to 100 and would saturate the index."""
    wrong = CoreSet(**{**{f: getattr(START, f) for f in START.__struct_fields__}, measure: bad})

    for baseline, follow_up in ((wrong, START), (START, wrong)):
        found = derive_acr_criss_2016(baseline=baseline, follow_up=follow_up, has_organ_event=False)
        assert found is None


@given(
    *[
        st.builds(
            CoreSet,
            mrss=st.integers(0, 51),
            fvc_percent=st.floats(20, 150),
            patient_global=st.floats(0, 10),
            physician_global=st.floats(0, 10),
            haq_di=st.floats(0, 3),
        )
    ]
    * 2
)
def test_the_probability_of_response_rises_as_the_skin_gets_better(
    baseline: CoreSet, follow_up: CoreSet
) -> None:
    """Between 0 and 1, and never higher for a worse skin."""
    found = derive_acr_criss_2016(baseline=baseline, follow_up=follow_up, has_organ_event=False)
    worse = CoreSet(
        mrss=51,
        fvc_percent=follow_up.fvc_percent,
        patient_global=follow_up.patient_global,
        physician_global=follow_up.physician_global,
        haq_di=follow_up.haq_di,
    )
    after = derive_acr_criss_2016(baseline=baseline, follow_up=worse, has_organ_event=False)

    assert found is not None
    assert after is not None
    assert 0 <= after <= found <= 1


@pytest.mark.parametrize("answers", list(product([True, False, None], repeat=4)))
def test_one_event_is_enough_and_no_event_needs_all_answers(
    answers: tuple[bool | None, ...],
) -> None:
    """Three-valued like every rule."""
    names = ("renal_crisis", "lung_decline", "heart_failure", "arterial_hypertension")
    expected = True if True in answers else None if None in answers else False

    assert assess_organ_event(**dict(zip(names, answers, strict=True))) is expected


@pytest.mark.parametrize(
    ("before", "after", "is_confirmed", "has_ild", "expected"),
    [
        (90, 76.5, True, True, True),
        (90, 76.6, True, True, False),
        (90, 76.5, None, True, None),
        (90, 76.5, False, None, False),
        (90, 76.5, True, None, None),
        (95, 80, True, True, False),
        (90, 85, None, None, False),
        (0, 70, True, True, None),
        (90, math.nan, True, True, None),
    ],
)
def test_the_lung_declines_by_a_share_of_its_baseline(
    *,
    before: float,
    after: float,
    is_confirmed: bool | None,
    has_ild: bool | None,
    expected: bool | None,
) -> None:
    """15 % of 90 is 13.5 points; and it must end below 80, be confirmed and be the disease."""
    found = assess_lung_decline(
        baseline_percent=before,
        follow_up_percent=after,
        is_confirmed=is_confirmed,
        has_interstitial_disease=has_ild,
    )

    assert found is expected


def activity(**changed: float) -> float | None:
    quiet = {
        "is_skin_worse": False,
        "has_digital_ulcers": False,
        "mrss": 0,
        "has_friction_rubs": False,
        "crp_mg_l": 2,
        "dlco_percent": 90,
    }
    return derive_eustar_activity_2017(**{**quiet, **changed})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "bad",
    [
        {"mrss": 52},
        {"mrss": -1},
        {"crp_mg_l": -0.1},
        {"crp_mg_l": math.nan},
        {"dlco_percent": math.inf},
    ],
)
def test_activity_is_not_told_from_what_cannot_be(bad: dict[str, float]) -> None:
    """A value outside its scale gives nothing."""
    assert activity(**bad) is None


@given(st.integers(0, 50), st.sets(st.sampled_from([1.5, 1.50001, 2.25, 2.25001, 1.0])))
def test_activity_never_falls_as_the_skin_gets_worse(mrss: int, others: set[float]) -> None:
    """The published step from 0.084 × 18 down to 1.5 is capped, and crosses 2.5 for nobody."""
    here, worse = activity(mrss=mrss), activity(mrss=mrss + 1)

    assert here is not None
    assert worse is not None
    assert here <= worse
    rest = round(sum(others), 1)
    assert (rest + here >= 2.5) == (rest + (1.5 if mrss > 18 else 0.084 * mrss) >= 2.5)
