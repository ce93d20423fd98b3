"""Dose arithmetic in exact fractions: no rounding but the one that the study names.

The worked figures: target = 2x10^6 per kg x body weight; volume = target / (cells per mL x
viability); bags = the next whole number. 70 kg gives 1.4x10^8 cells, 16.5 mL at 10x10^6 per mL and
a viability of 0.85.
"""

import datetime as dt
import math
from collections.abc import Sequence
from fractions import Fraction

from msgspec import Struct

from equipoise.problems import Problem, Text, Where, problem
from equipoise.study.protocol import Bag, Dose, Rounding


class WeighedOn(Struct, frozen=True):
    """A body weight in kilograms and the day it was taken."""

    kg: float
    on: dt.date


class Preparation(Struct, frozen=True):
    """What is prepared for one infusion, the same whatever it contains.

    `target_cells` is a count, `volume_ml` is what the participant gets, of which `cells_ml` would
    be suspension as the maker means to deliver it; `n_bags` of it are thawed.
    """

    weight_kg: float
    target_cells: int
    volume_ml: float
    cells_ml: float
    n_bags: int


class Thawed(Struct, frozen=True):
    """A bag after thawing: all its cells per mL, and the fraction of them alive."""

    bag: str
    volume_ml: float
    cells_per_ml: float
    viability: float


class Mixture(Struct, frozen=True):
    """What goes from which bag into the infusion: mL of each, and of medium to make it up.

    `given_cells` are those that the dose counts in what was drawn.
    """

    draws: tuple[tuple[str, float], ...]
    drawn_ml: float
    medium_ml: float
    volume_ml: float
    given_cells: int


def check_weight(
    weight: WeighedOn | None, *, dose: Dose, infusion_on: dt.date, where: Where
) -> tuple[Problem, ...]:
    """Refuse a weight that is missing, too old, from the future, or that no adult has."""
    if weight is None:
        return (problem("EQ-B001", where),)
    problems = []
    age_days = (infusion_on - weight.on).days
    if age_days < 0 or age_days > dose.weight_within_days:
        problems.append(
            problem(
                "EQ-B002", where, on=weight.on, infusion=infusion_on, days=dose.weight_within_days
            )
        )
    low, high = dose.weight_range
    if not low <= weight.kg <= high:
        problems.append(problem("EQ-B003", where, kg=weight.kg, low=low, high=high))
    return tuple(problems)


def derive_dose(dose: Dose, weight_kg: float) -> int:
    """The number of cells for a body weight, to the nearest whole cell."""
    kg = exact(weight_kg)
    if dose.weight_step_kg:
        kg = round_to(kg, exact(dose.weight_step_kg), rule=dose.rounding)
    if dose.capped_at_kg is not None:
        kg = min(kg, exact(dose.capped_at_kg))
    return round(exact(dose.per_kg) * kg)


def plan_preparation(dose: Dose, bag: Bag, weight_kg: float) -> Preparation:
    """The dose, the volume that holds it, and the whole bags that hold that volume."""
    target = derive_dose(dose, weight_kg)
    needed = target / _counted(dose, exact(bag.cells_per_ml), exact(bag.viability))
    cells_ml = float(round_to(needed, exact(dose.volume_step_ml), rule=dose.rounding))
    return Preparation(
        weight_kg=weight_kg,
        target_cells=target,
        volume_ml=cells_ml if dose.final_volume_ml is None else dose.final_volume_ml,
        cells_ml=cells_ml,
        n_bags=math.ceil(needed / exact(bag.volume_ml)),
    )


def plan_mixture(
    dose: Dose, bags: Sequence[Thawed], *, target_cells: int, volume_ml: float, where: Where
) -> tuple[Mixture | None, tuple[Problem, ...]]:
    """What is drawn from each of the bags, in their order, and the medium that makes it up.

    `volume_ml` is what was ordered: the participant gets that, whatever the count after thawing.
    """
    step, left = exact(dose.volume_step_ml), Fraction(target_cells)
    draws: list[tuple[str, float]] = []
    drawn, given = Fraction(0), Fraction(0)
    for bag in bags:
        per_ml = _counted(dose, exact(bag.cells_per_ml), exact(bag.viability))
        wanted = round_to(left / per_ml, step, rule=dose.rounding) if left > 0 else Fraction(0)
        if wanted <= 0:
            return None, (problem("EQ-B013", where, bag=bag.bag),)
        taken = min(wanted, exact(bag.volume_ml))
        draws.append((bag.bag, float(taken)))
        drawn, given, left = drawn + taken, given + taken * per_ml, left - taken * per_ml
        if taken == wanted:
            left = Fraction(0)
    if left > 0 or not bags:
        return None, (problem("EQ-B010", where, target=target_cells, found=int(given)),)
    final = exact(volume_ml)
    if drawn > final:
        return None, (problem("EQ-B011", where, drawn=float(drawn), final=float(final)),)
    return (
        Mixture(tuple(draws), float(drawn), float(final - drawn), float(final), round(given)),
        (),
    )


def check_recomputed(
    *,
    computed: tuple[int, float, int],
    recomputed: tuple[int, float, int],
    where: Where,
) -> tuple[Problem, ...]:
    """Hold the second person's cells, mL drawn and bags against the first figures; equal or no.

    What is told does not tell the first figure: who read it could repeat it.
    """
    return tuple(
        problem("EQ-B012", where, what=what, recomputed=theirs)
        for what, ours, theirs in zip(_COMPUTED, computed, recomputed, strict=True)
        if exact(ours) != exact(theirs)
    )


_COMPUTED = (
    Text("number of cells", "nombre de cellules"),
    Text("volume drawn", "volume prélevé"),
    Text("number of bags", "nombre de poches"),
)


def round_to(value: Fraction, step: Fraction, *, rule: Rounding) -> Fraction:
    """The multiple of `step` that the rule names."""
    steps = value / step
    whole = {
        "half_even": round(steps),
        "half_up": math.floor(steps + Fraction(1, 2)),
        "up": math.ceil(steps),
        "down": math.floor(steps),
    }[rule]
    return whole * step


def exact(value: float) -> Fraction:
    """The decimal that a person wrote, not the binary number nearest to it."""
    return Fraction(repr(value))


def _counted(dose: Dose, cells_per_ml: Fraction, viability: Fraction) -> Fraction:
    """The cells of a mL that the dose counts."""
    return cells_per_ml * viability if dose.counts == "viable" else cells_per_ml
