"""Doses from body weights: worked figures, an independent recomputation, each choice of a study."""

import datetime as dt
import os
import random
from decimal import ROUND_HALF_EVEN, Context, Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.problems import Where
from equipoise.study.protocol import Bag, Dose
from equipoise.supply import (
    Thawed,
    WeighedOn,
    check_recomputed,
    check_weight,
    derive_dose,
    plan_mixture,
    plan_preparation,
)

DOSE = Dose(per_kg=2e6, unit="viable cells", weight_within_days=0, weight_range=(30.0, 200.0))
BAG = Bag(cells_per_ml=10e6, volume_ml=10.0, viability=0.85)
DAY = dt.date(2026, 3, 27)
HERE = Where(record="01-001 / M0")
N_CASES = 100_000 if os.environ.get("EQUIPOISE_NIGHTLY") else 4_000
FIFTY = Context(prec=60)


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
def test_remestemcel_by_its_label() -> None:
    """The licensed product of the same dose: 25 x 10^6 cells in 3.8 mL; 70 kg needs six vials."""
    vial = Bag(cells_per_ml=25e6 / 3.8, volume_ml=3.8, viability=1.0)
    plan = plan_preparation(DOSE, vial, 70)

    assert (plan.n_bags, round(plan.cells_ml)) == (6, 21)


def recompute(grams: int, per_ml: int, permille: int, bag_ul: int) -> tuple[int, Decimal, int]:
    """The same again, from whole grams, cells, permille and microlitres, as a person would."""
    cells = 2_000 * grams  # two million a kilogram is two thousand a gram
    # volume in microlitres = cells x 1000 x 1000 / (cells per mL x permille)
    top, bottom = cells * 1_000_000, per_ml * permille
    ul = Decimal(top) if bottom == 1 else FIFTY.divide(Decimal(top), Decimal(bottom))
    tenths = FIFTY.divide(ul, Decimal(100)).quantize(Decimal(1), ROUND_HALF_EVEN, FIFTY)
    n_bags = -(-top // (bottom * bag_ul))
    return cells, tenths / 10, n_bags


@pytest.mark.requirement("C41", "F25")
def test_every_weight_agrees_with_an_independent_recomputation() -> None:
    """From 30 to 200 kg in grams, over counts and viabilities: cells, tenths of a mL, bags."""
    draw = random.Random(20260327)
    for _ in range(N_CASES):
        grams = draw.randint(30_000, 200_000)
        per_ml = draw.choice((5_000_000, 6_680_000, 10_000_000, draw.randint(10**6, 5 * 10**7)))
        permille, bag_ul = draw.randint(500, 1000), draw.choice((3_800, 10_000, 20_000))
        bag = Bag(cells_per_ml=per_ml, volume_ml=bag_ul / 1000, viability=permille / 1000)
        plan = plan_preparation(DOSE, bag, grams / 1000)
        cells, ml, n_bags = recompute(grams, per_ml, permille, bag_ul)

        assert (plan.target_cells, Decimal(str(plan.cells_ml)), plan.n_bags) == (cells, ml, n_bags)


@pytest.mark.requirement("C41")
@pytest.mark.parametrize(
    ("choice", "kg", "cells"),
    [
        ({"weight_step_kg": 1.0}, 70.5, 140_000_000),  # half to even: 70
        ({"weight_step_kg": 1.0, "rounding": "half_up"}, 70.5, 142_000_000),
        ({"weight_step_kg": 1.0, "rounding": "up"}, 70.1, 142_000_000),
        ({"weight_step_kg": 1.0, "rounding": "down"}, 70.9, 140_000_000),
        ({"weight_step_kg": 0.5}, 70.3, 141_000_000),
        ({"capped_at_kg": 100.0}, 150.0, 200_000_000),
        ({"capped_at_kg": 100.0}, 99.9, 199_800_000),
        ({}, 70.55, 141_100_000),
    ],
)
def test_how_a_weight_is_rounded_and_capped_is_the_studys(
    choice: dict[str, object], kg: float, cells: int
) -> None:
    assert derive_dose(msgspec.structs.replace(DOSE, **choice), kg) == cells


@pytest.mark.requirement("C41")
def test_viable_or_all_cells_is_the_studys_choice() -> None:
    """70 kg: of all cells 14.0 mL hold the dose, of the viable ones 16.5 mL."""
    total = msgspec.structs.replace(DOSE, counts="total")

    assert plan_preparation(total, BAG, 70).cells_ml == 14.0
    assert plan_preparation(DOSE, BAG, 70).cells_ml == 16.5


@pytest.mark.requirement("F28")
def test_a_final_volume_is_the_same_for_everybody() -> None:
    dose = msgspec.structs.replace(DOSE, final_volume_ml=50.0)

    assert {plan_preparation(dose, BAG, kg).volume_ml for kg in (42, 70, 150)} == {50.0}
    assert plan_preparation(dose, BAG, 70).cells_ml == 16.5


def bag(name: str, *, viability: float = 0.8, volume_ml: float = 10.0) -> Thawed:
    return Thawed(name, volume_ml, 9e6, viability)


@pytest.mark.requirement("C41", "F28")
def test_a_mixture_draws_the_dose_from_real_bags_and_is_made_up() -> None:
    """140 million at 7.2 million viable a mL: all of two bags but for 0.6 mL; then medium."""
    mixture, problems = plan_mixture(
        DOSE, [bag("A"), bag("B")], target_cells=140_000_000, volume_ml=50.0, where=HERE
    )

    assert problems == ()
    assert mixture is not None
    assert mixture.draws == (("A", 10.0), ("B", 9.4))
    assert (mixture.drawn_ml, mixture.medium_ml, mixture.volume_ml) == (19.4, 30.6, 50.0)
    assert mixture.given_cells == 139_680_000  # 19.4 mL x 7.2 million


@pytest.mark.parametrize(
    ("bags", "volume_ml", "code"),
    [
        ([bag("A")], 50.0, "EQ-B010"),
        ([], 50.0, "EQ-B010"),
        ([bag("A"), bag("B")], 19.3, "EQ-B011"),
        ([bag("A"), bag("B"), bag("C")], 50.0, "EQ-B013"),
    ],
)
def test_bags_that_do_not_make_the_dose(bags: list[Thawed], volume_ml: float, code: str) -> None:
    """Too few cells, too much volume, a bag too many."""
    mixture, problems = plan_mixture(
        DOSE, bags, target_cells=140_000_000, volume_ml=volume_ml, where=HERE
    )

    assert mixture is None
    assert [p.code for p in problems] == [code]


@given(
    st.integers(30_000, 200_000),
    st.lists(st.tuples(st.integers(70, 99), st.integers(50, 300)), min_size=1, max_size=12),
)
def test_what_is_drawn_is_the_dose_to_the_last_tenth(
    grams: int, counted: list[tuple[int, int]]
) -> None:
    """Whatever the bags hold, the cells drawn differ from the dose by half a tenth of a mL."""
    bags = [Thawed(str(i), 10.0, m * 1e5, v / 100) for i, (v, m) in enumerate(counted)]
    target = derive_dose(DOSE, grams / 1000)
    mixture, problems = plan_mixture(DOSE, bags, target_cells=target, volume_ml=500, where=HERE)
    if mixture is None:
        assert {p.code for p in problems} <= {"EQ-B010", "EQ-B013"}
        return
    per_ml = [b.cells_per_ml * b.viability for b in bags]

    assert abs(mixture.given_cells - target) <= 0.05 * max(per_ml) + 1
    assert mixture.given_cells == round(sum(ml * per_ml[int(name)] for name, ml in mixture.draws))


@pytest.mark.requirement("C41", "F25")
@pytest.mark.parametrize(
    ("theirs", "n"),
    [
        ((140_000_000, 16.5, 2), 0),
        ((140_000_001, 16.5, 2), 1),
        ((140_000_000, 16.4, 2), 1),
        ((140_000_000, 16.5, 3), 1),
        ((70_000_000, 8.2, 1), 3),
    ],
)
def test_a_second_computation_is_the_same_or_refused(
    theirs: tuple[int, float, int], n: int
) -> None:
    problems = check_recomputed(computed=(140_000_000, 16.5, 2), recomputed=theirs, where=HERE)

    assert [p.code for p in problems] == ["EQ-B012"] * n


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
