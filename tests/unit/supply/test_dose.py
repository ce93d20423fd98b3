"""Doses from body weights: worked figures, an independent recomputation, each choice of a study."""

import datetime as dt
import os
import random
from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    Context,
    Decimal,
)
from fractions import Fraction
from typing import Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.problems import Where
from equipoise.study.protocol import Bag, Dose, Rounding
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
MODES: dict[Rounding, str] = {
    "half_even": ROUND_HALF_EVEN,
    "half_up": ROUND_HALF_UP,
    "up": ROUND_CEILING,
    "down": ROUND_FLOOR,
}
RULES: tuple[Rounding, ...] = tuple(MODES)


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


def recompute(
    grams: int, bag: tuple[int, int, int], chosen: tuple[Rounding, int, int, int]
) -> tuple[int, Decimal, int]:
    """The same again, from whole grams, cells, permille and microlitres, as a person would.

    `bag` is cells per mL, permille alive, microlitres; `chosen` the rule, the steps of weight (in
    grams, 0 for none) and volume (in microlitres), and the cap in grams.
    """
    (per_ml, permille, bag_ul), (rule, step_g, step_ul, cap_g) = bag, chosen
    if step_g:
        steps = FIFTY.divide(Decimal(grams), Decimal(step_g))
        grams = int(steps.quantize(Decimal(1), MODES[rule], FIFTY)) * step_g
    cells = 2_000 * min(grams, cap_g)  # two million a kilogram is two thousand a gram
    # volume in microlitres = cells x 1000 x 1000 / (cells per mL x permille)
    top, bottom = cells * 1_000_000, per_ml * permille
    steps = FIFTY.divide(Decimal(top), Decimal(bottom * step_ul))
    ul = steps.quantize(Decimal(1), MODES[rule], FIFTY) * step_ul
    n_bags = -(-top // (bottom * bag_ul))
    return cells, ul / 1000, n_bags


@pytest.mark.requirement("C41", "F25")
def test_every_weight_agrees_with_an_independent_recomputation() -> None:
    """From 30 to 200 kg in grams, over counts and viabilities, by every rule, step and cap: cells,
    volume, bags. Half of the weights are multiples of 250 g, where rules part."""
    draw = random.Random(20260327)
    for _ in range(N_CASES):
        grams = draw.choice((draw.randint(30_000, 200_000), 250 * draw.randint(120, 800)))
        per_ml = draw.choice((5_000_000, 6_680_000, 10_000_000, draw.randint(10**6, 5 * 10**7)))
        permille = draw.choice((1000, draw.randint(500, 1000)))
        bag_ul = draw.choice((3_800, 10_000, 20_000))
        rule = draw.choice(RULES)
        step_g, step_ul = draw.choice((0, 100, 500, 1000)), draw.choice((10, 100, 500, 1000))
        cap_g = draw.choice((100_000, 120_500, 10**9))
        bag = Bag(cells_per_ml=per_ml, volume_ml=bag_ul / 1000, viability=permille / 1000)
        dose = msgspec.structs.replace(
            DOSE,
            rounding=rule,
            weight_step_kg=step_g / 1000,
            volume_step_ml=step_ul / 1000,
            capped_at_kg=None if cap_g == 10**9 else cap_g / 1000,
        )
        plan = plan_preparation(dose, bag, grams / 1000)
        expected = recompute(grams, (per_ml, permille, bag_ul), (rule, step_g, step_ul, cap_g))

        assert (plan.target_cells, Decimal(str(plan.cells_ml)), plan.n_bags) == expected


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


Drawn = tuple[tuple[tuple[str, int], ...], int]
"""Microlitres of each bag, and a thousandth of the cells in them."""


def remix(target: int, bags: list[tuple[int, int]], *, rule: Rounding, step_ul: int) -> Drawn | str:
    """A mixture in whole microlitres and thousandths of a cell, by long division alone.

    `bags` are microlitres and counted cells per mL. Or the code of why there is none.
    """
    left, given, draws = target * 1000, 0, []
    for i, (bag_ul, per_ml) in enumerate(bags):
        n, rest = divmod(left, per_ml * step_ul)
        twice, whole = 2 * rest, per_ml * step_ul
        n += {
            "up": rest > 0,
            "down": False,
            "half_up": twice >= whole,
            "half_even": twice > whole or (twice == whole and n % 2 == 1),
        }[rule]
        if n == 0:
            return "EQ-B013"
        ul = min(n * step_ul, bag_ul)
        draws.append((str(i), ul))
        given += ul * per_ml
        left = 0 if ul == n * step_ul else left - ul * per_ml
    return "EQ-B010" if left > 0 else (tuple(draws), given)


@pytest.mark.requirement("C41", "F25")
@given(
    st.integers(120, 800),
    st.lists(
        st.tuples(
            st.sampled_from([10_000, 3_800, 9_950]), st.integers(50, 100), st.integers(1, 60)
        ).map(lambda b: (b[0], b[1], 5 * b[2])),
        min_size=1,
        max_size=12,
    ),
    st.tuples(
        st.sampled_from(RULES),
        st.sampled_from([10, 100, 500]),
        st.sampled_from(["viable", "total"]),
    ),
)
def test_a_mixture_is_the_one_of_long_division(
    quarters: int,
    counted: list[tuple[int, int, int]],
    chosen: tuple[Rounding, int, Literal["viable", "total"]],
) -> None:
    """Whatever the bags hold and the study chooses: every draw, the medium and the cells, exactly.

    Bags are microlitres, percent alive and hundred thousand cells a mL.
    """
    rule, step_ul, counts = chosen
    dose = msgspec.structs.replace(
        DOSE, rounding=rule, volume_step_ml=step_ul / 1000, counts=counts
    )
    bags = [Thawed(str(i), ul / 1000, m * 1e5, v / 100) for i, (ul, v, m) in enumerate(counted)]
    target = 500_000 * quarters  # a quarter of a kilogram
    mixture, problems = plan_mixture(dose, bags, target_cells=target, volume_ml=500, where=HERE)
    per_ml = [(ul, m * 1000 * (v if counts == "viable" else 100)) for ul, v, m in counted]
    expected = remix(target, per_ml, rule=rule, step_ul=step_ul)

    if isinstance(expected, str):
        assert (mixture, [p.code for p in problems]) == (None, [expected])
        return
    draws, given = expected
    assert mixture is not None
    assert tuple((name, Fraction(repr(ml)) * 1000) for name, ml in mixture.draws) == draws
    drawn = Fraction(sum(ul for _, ul in draws), 1000)
    assert Fraction(repr(mixture.drawn_ml)) == drawn
    assert Fraction(repr(mixture.medium_ml)) == 500 - drawn
    assert mixture.given_cells == round(Fraction(given, 1000))


@pytest.mark.requirement("C41")
@pytest.mark.parametrize(
    ("rule", "ml"), [("half_even", 9.4), ("half_up", 9.5), ("up", 9.5), ("down", 9.4)]
)
def test_how_a_draw_is_rounded_is_the_studys(rule: Rounding, ml: float) -> None:
    """9.45 mL of the second bag would hold the rest of the dose to the cell."""
    dose = msgspec.structs.replace(DOSE, rounding=rule)
    target = 19_450 * 7_200  # 19.45 mL at 7.2 million viable a mL
    mixture, _ = plan_mixture(
        dose, [bag("A"), bag("B")], target_cells=target, volume_ml=50.0, where=HERE
    )

    assert mixture is not None
    assert mixture.draws == (("A", 10.0), ("B", ml))


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
