"""Predicted lung function against values that other people published or computed."""

import math

import pytest

from equipoise.clinical import Prediction, derive_prediction

FVC_2012, FVC_2022, DLCO = "fvc_gli_2012", "fvc_gli_global_2022", "dlco_gli_2017"


def predict(gli_set: str, sex: str, age: float, height: float, *, value: float = 1.0) -> Prediction:
    found = derive_prediction(
        gli_set=gli_set,
        value=value,
        age_years=age,
        height_cm=height,
        sex=sex,
        group="caucasian" if gli_set == FVC_2012 else "",
    )
    assert found is not None
    return found


@pytest.mark.evidence(
    kind="published",
    source="Quanjer 2012 (Caucasian) and Bowerman 2022: equations and tables, computed apart",
)
@pytest.mark.parametrize(("gli_set", "percent"), [(FVC_2012, 77.3), (FVC_2022, 82.8)])
def test_the_same_woman_is_below_80_percent_by_one_set_and_above_by_the_other(
    gli_set: str, percent: float
) -> None:
    """50 years, 162 cm, FVC 2.65 L: the set decides the criterion."""
    assert round(predict(gli_set, "female", 50, 162, value=2.65).percent, 1) == percent


@pytest.mark.evidence(
    kind="published",
    source="Quanjer 2012, Bowerman 2022, Stanojevic 2017 corrected 2020, computed apart",
)
@pytest.mark.parametrize(
    ("person", "fvc_2012", "fvc_2022", "dlco", "tlco"),
    [
        (("female", 50, 162), (3.4267, 2.6813), (3.2000, 2.3870), (20.508, 16.007), 6.8659),
        (("male", 50, 175), (4.8011, 3.7525), (4.4587, 3.3924), (28.434, 21.739), 9.5194),
        (("female", 48, 160), (3.3808, 2.6590), (3.1428, 2.3557), (20.272, 15.873), 6.7867),
        (("male", 35.3, 180), (5.5073, 4.4108), (5.1694, 4.0021), (32.856, 25.776), 10.9997),
    ],
)
def test_medians_and_lower_limits(
    *,
    person: tuple[str, float, float],
    fvc_2012: tuple[float, float],
    fvc_2022: tuple[float, float],
    dlco: tuple[float, float],
    tlco: float,
) -> None:
    """At whole and at broken ages; DLCO in mL/min/mmHg, TLCO in mmol/min/kPa."""
    for gli_set, expected, digits in (
        (FVC_2012, fvc_2012, 5e-5),
        (FVC_2022, fvc_2022, 5e-5),
        (DLCO, dlco, 6e-4),
    ):
        found = predict(gli_set, *person)
        assert (found.median, found.lower_limit) == pytest.approx(expected, abs=digits)
    assert predict("tlco_gli_2017", *person).median == pytest.approx(tlco, abs=5e-5)


@pytest.mark.evidence(
    kind="published", source="documentation of the R package pft: DLCO of a man of 45 years, 178 cm"
)
def test_the_diffusing_capacity_that_another_program_documents() -> None:
    """Predicted 30.3, limits 23.4 and 38.3 mL/min/mmHg, which lie at z = ±1.645."""
    found = predict(DLCO, "male", 45, 178)

    assert found.median == pytest.approx(30.3, abs=0.05)
    assert found.lower_limit == pytest.approx(23.4, abs=0.05)
    assert found.upper_limit == pytest.approx(38.3, abs=0.06)
    assert predict(DLCO, "male", 45, 178, value=23.4).z == pytest.approx(-1.645, abs=0.01)


@pytest.mark.evidence(
    kind="published",
    source="scalar coefficients of the three papers: difference of the medians by height alone",
)
@pytest.mark.parametrize(
    ("gli_set", "sex", "a1"),
    [
        (FVC_2012, "male", 2.4135),
        (FVC_2012, "female", 2.2633),
        (FVC_2022, "male", 2.727421),
        (FVC_2022, "female", 2.621579),
        (DLCO, "male", 2.018368),
        (DLCO, "female", 1.618697),
    ],
)
def test_the_median_follows_the_published_power_of_height(
    gli_set: str, sex: str, a1: float
) -> None:
    """M = exp(... + a1 ln height ...), which no table takes part in."""
    short, tall = (predict(gli_set, sex, 50, height).median for height in (150, 180))

    assert math.log(tall / short) / math.log(180 / 150) == pytest.approx(a1, abs=1e-9)


@pytest.mark.evidence(kind="published", source="Quanjer 2012: coefficients of the groups")
@pytest.mark.parametrize(
    ("group", "shift"),
    [
        ("african_american", -0.1555),
        ("north_east_asian", -0.0262),
        ("south_east_asian", -0.1516),
        ("other", -0.0833),
    ],
)
def test_a_group_of_2012_shifts_the_median_of_women(group: str, shift: float) -> None:
    """By the published share, which GLI Global 2022 no longer has."""
    found = derive_prediction(
        gli_set=FVC_2012, value=3, age_years=50, height_cm=162, sex="female", group=group
    )

    assert found is not None
    ratio = found.median / predict(FVC_2012, "female", 50, 162).median
    assert math.log(ratio) == pytest.approx(shift, abs=1e-9)
