"""Dose arithmetic in exact decimals: no binary rounding between a weight and a cell count.

The worked figures: target = 2x10^6 per kg x body weight; volume = target / (cells per mL x
viability); bags = the next whole number. 70 kg gives 1.4x10^8 cells, 16.5 mL at 10x10^6 per mL and
a viability of 0.85.
"""

import datetime as dt
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal

from msgspec import Struct

from equipoise.problems import Problem, Where, problem
from equipoise.study.protocol import Bag, Dose


class WeighedOn(Struct, frozen=True):
    """A body weight in kilograms and the day it was taken."""

    kg: float
    on: dt.date


class Preparation(Struct, frozen=True):
    """What is prepared for one infusion, the same whatever it contains.

    `target_cells` is a count, `volume_ml` is rounded to 0.1 mL, `n_bags` are thawed.
    """

    weight_kg: float
    target_cells: int
    volume_ml: float
    n_bags: int


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
    cells = _decimal(dose.per_kg) * _decimal(weight_kg)
    return int(cells.quantize(Decimal(1), ROUND_HALF_EVEN))


def plan_preparation(dose: Dose, bag: Bag, weight_kg: float) -> Preparation:
    """The dose, the volume that holds it, and the whole bags that hold the volume."""
    target = derive_dose(dose, weight_kg)
    per_ml = _decimal(bag.cells_per_ml) * _decimal(bag.viability)
    volume = Decimal(target) / per_ml
    n_bags = (volume / _decimal(bag.volume_ml)).quantize(Decimal(1), ROUND_CEILING)
    return Preparation(
        weight_kg=weight_kg,
        target_cells=target,
        volume_ml=float(volume.quantize(Decimal("0.1"), ROUND_HALF_EVEN)),
        n_bags=int(n_bags),
    )


def _decimal(value: float) -> Decimal:
    """The decimal that a person wrote, not the binary number nearest to it."""
    return Decimal(repr(value))
