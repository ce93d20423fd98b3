"""Calculators at their edges: they give nothing rather than a number without meaning."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.clinical import (
    CALCULATORS,
    MRSS_AREAS,
    age_range,
    completed_years,
    derive_bmi,
    derive_body_surface,
    derive_dlco_corrected,
    derive_egfr,
    derive_mrss,
    derive_spap,
    derive_unindexed_gfr,
)

DAY = dt.date(2026, 3, 27)


@pytest.mark.parametrize(
    ("born", "on", "years"),
    [
        (dt.date(1956, 3, 28), DAY, 69),
        (dt.date(1956, 3, 27), DAY, 70),
        (dt.date(1955, 3, 28), DAY, 70),
        (dt.date(2008, 2, 29), dt.date(2026, 2, 28), 17),
        (dt.date(2008, 2, 29), dt.date(2026, 3, 1), 18),
        (dt.date(2026, 3, 28), DAY, -1),
    ],
)
def test_age_is_counted_in_completed_years(born: dt.date, on: dt.date, years: int) -> None:
    """70 years and 364 days is still 70."""
    assert completed_years(born, on) == years


@pytest.mark.parametrize(
    ("month", "on", "ages"),
    [
        ("1956-04", DAY, (69, 69)),
        ("1956-03", DAY, (69, 70)),
        ("1956-03", dt.date(2026, 3, 31), (70, 70)),
        ("1955-12", DAY, (70, 70)),
        ("2008-02", dt.date(2026, 2, 28), (17, 18)),
    ],
)
def test_a_birth_month_leaves_two_ages_only_in_its_own_month(
    month: str, on: dt.date, ages: tuple[int, int]
) -> None:
    """The day of birth is not known, so within that month the age may be either."""
    assert age_range(month, on) == ages


def test_a_month_that_does_not_exist_is_refused() -> None:
    """2026-13 is no month."""
    with pytest.raises(ValueError, match="month"):
        age_range("2026-13", DAY)


@given(st.dates(dt.date(1920, 1, 1), dt.date(2020, 1, 1)), st.dates(dt.date(2020, 1, 2)))
def test_the_age_always_lies_in_the_range_of_its_month(born: dt.date, on: dt.date) -> None:
    """Whatever the day of birth, and the range is at most one year wide."""
    low, high = age_range(f"{born:%Y-%m}", on)

    assert low <= completed_years(born, on) <= high <= low + 1


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


def test_a_grade_that_the_score_does_not_have_is_refused() -> None:
    """Areas are graded 0 to 3, and a wrong grade is told even where another is missing."""
    with pytest.raises(ValueError, match="graded"):
        derive_mrss({"face": 4})


def test_calculators_give_nothing_where_they_are_not_defined() -> None:
    """No number comes of a height of zero, a child's creatinine, or a jet that was not seen."""
    undefined = [
        derive_bmi(0, 170),
        derive_bmi(60, 0),
        derive_body_surface(60, 0),
        derive_body_surface(0, 160),
        derive_unindexed_gfr(60, 0, 160),
        derive_egfr(80, 17, "female"),
        derive_egfr(0, 40, "female"),
        derive_egfr(80, 40, "other"),
        derive_dlco_corrected(60, 0, "male"),
        derive_dlco_corrected(-1, 12, "male"),
        derive_dlco_corrected(60, 12, "other"),
        derive_spap(0, 3),
        derive_spap(2.8, -1),
    ]

    assert undefined == [None] * len(undefined)


def test_boys_are_corrected_like_women() -> None:
    """The constant for men counts from 15 years."""
    boy = derive_dlco_corrected(60, 10, "male", age_years=14)

    assert boy == derive_dlco_corrected(60, 10, "female")
    assert boy != derive_dlco_corrected(60, 10, "male", age_years=15)


def test_gfr_without_indexing_follows_the_body_surface() -> None:
    """A person of 1.73 m² has the same number in both units; a smaller one has less."""
    assert derive_body_surface(70, 170) == pytest.approx(1.81, abs=0.005)
    assert derive_unindexed_gfr(30, 42, 155) == pytest.approx(30 * 1.363 / 1.73, abs=0.05)


def test_the_classification_by_name_knows_its_findings_alone() -> None:
    """Another word for the fingers gives nothing, not zero points."""
    score = CALCULATORS["acr_eular_2013"][0]

    assert score(False, "puffy", "none", False, False, False, True, True) == 8
    assert score(False, "thick", "none", False, False, False, True, True) is None
