"""Doses from body weights."""

import datetime as dt
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.problems import Where
from equipoise.study.protocol import Bag, Dose
from equipoise.supply import WeighedOn, check_weight, derive_dose, plan_preparation

DOSE = Dose(per_kg=2e6, unit="viable cells", weight_within_days=0, weight_range=(30.0, 200.0))
BAG = Bag(cells_per_ml=10e6, volume_ml=10.0, viability=0.85)
DAY = dt.date(2026, 3, 27)
HERE = Where(record="01-001 / M0")


@pytest.mark.requirement("C41", "F25")
@pytest.mark.parametrize(
    ("kg", "cells"),
    [(42, 84_000_000), (60, 120_000_000), (70, 140_000_000), (100, 200_000_000)],
)
def test_two_million_cells_for_each_kilogram(kg: float, cells: int) -> None:
    """The worked figures of the protocol: 70 kg gives 1.4 x 10^8 viable cells."""
    assert derive_dose(DOSE, kg) == cells


def test_the_volume_and_the_bags_hold_the_dose() -> None:
    """70 kg at 10 million a mL and 85 % viable: 16.5 mL, so two bags of 10 mL."""
    preparation = plan_preparation(DOSE, BAG, 70)

    assert (preparation.target_cells, preparation.volume_ml, preparation.n_bags) == (
        140_000_000,
        16.5,
        2,
    )


@pytest.mark.requirement("C41")
@given(st.integers(300, 2000))
def test_agrees_with_exact_fractions(tenths_of_kg: int) -> None:
    """For every tenth of a kilogram from 30 to 200 the dose is the exact product, bags suffice."""
    kg = tenths_of_kg / 10
    preparation = plan_preparation(DOSE, BAG, kg)
    exact = Fraction(2_000_000) * Fraction(tenths_of_kg, 10)
    in_a_bag = Fraction(85_000_000)

    assert preparation.target_cells == exact
    assert (preparation.n_bags - 1) * in_a_bag < exact <= preparation.n_bags * in_a_bag


@pytest.mark.requirement("C41", "F25")
@pytest.mark.parametrize(
    ("weight", "code"),
    [
        (None, "EQ-B001"),
        (WeighedOn(70, DAY - dt.timedelta(days=1)), "EQ-B002"),
        (WeighedOn(70, DAY + dt.timedelta(days=1)), "EQ-B002"),
        (WeighedOn(7, DAY), "EQ-B003"),
        (WeighedOn(700, DAY), "EQ-B003"),
    ],
)
def test_a_missing_stale_or_absurd_weight_is_refused(weight: WeighedOn | None, code: str) -> None:
    """No dose without a weight of the day that an adult can have."""
    problems = check_weight(weight, dose=DOSE, infusion_on=DAY, where=HERE)

    assert [p.code for p in problems] == [code]


def test_a_weight_of_the_day_is_accepted() -> None:
    """70 kg on the day of the infusion gives no problem."""
    assert check_weight(WeighedOn(70, DAY), dose=DOSE, infusion_on=DAY, where=HERE) == ()
