"""Calculators over columns at the edges of what can be measured, against those of the bedside."""

from typing import Any

import pytest

from equipoise.screening.compiler.functions import BUILDERS
from tests.agreement.people import CELLS, frame, known_columns, one_by_one
from tests.agreement.test_polars import disagreements, judged
from tests.unit.eligibility.small_study import only

RULES = [
    "bmi(weight, height) < 16.5 kg/m2",
    "body_surface(weight, height) > 1 m2",
    "unindexed_gfr(60 mL/min/1.73m2, weight, height) > 30 mL/min",
    *(
        f"egfr({value} umol/L, {age} years, sex) > 30 mL/min/1.73m2"
        for value, age in ((1, 50), (7.9, 50), (8, 50), (90, 17), (90, 18), (90, 121), (5001, 50))
    ),
    *(f"dlco_corrected({d} %, {h} g/dL, sex) > 30 %" for d, h in ((50, 12), (50, 120), (301, 12))),
    *(f"spap({v} m/s, {r} mmHg) > 35 mmHg" for v, r in ((2.8, 5), (280, 5), (0, 5), (2.8, 41))),
]
SIZES = [(w, h) for w in (0.1, 0.2, 42.0, 70.0, 700.0, 701.0) for h in (9, 10, 160, 162, 280, 281)]


def people() -> list[dict[str, Any]]:
    empty = dict.fromkeys(CELLS)
    return [
        {**empty, "weight": w, "height": h, "sex": sex}
        for w, h in SIZES
        for sex in ("female", "male", None)
    ]


@pytest.mark.parametrize("rule", RULES)
def test_outside_of_its_domain_a_calculator_gives_nothing_anywhere(rule: str) -> None:
    """A height in metres, a hemoglobin in g/L: unknown here as it is at the bedside."""
    assessed = only(rule)
    table = known_columns(assessed, frame(people()))

    assert disagreements(assessed, judged(assessed, table), one_by_one(assessed, table)) == []


def test_what_is_not_compiled_is_left_to_the_bedside() -> None:
    """A classification decides from some of its findings; no column expression copies that."""
    assert "acr_eular_2013" not in BUILDERS
