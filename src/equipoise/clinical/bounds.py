"""What a measured number can be at all: outside of it no calculator gives a result.

The bounds of the calculators are wide: nobody alive lies outside, so that what does is no number,
a unit mistaken or a slip of the hand. They are no judgement on what is plausible in a study, which
the study itself declares.
"""

from typing import TypeGuard

Domain = tuple[float, float]
"""The least and the greatest value, both included."""

WEIGHT_KG: Domain = (0.2, 700)
HEIGHT_CM: Domain = (10, 280)
AGE_YEARS: Domain = (0, 120)
ADULT_AGE_YEARS: Domain = (18, 120)
CREATININE_UMOL_L: Domain = (8, 5000)
GFR: Domain = (0, 300)
HEMOGLOBIN_G_DL: Domain = (2, 30)
TRV_M_S: Domain = (0.1, 8)
RAP_MMHG: Domain = (0, 40)
PERCENT_PREDICTED: Domain = (0, 300)
CRP_MG_L: Domain = (0, 1000)
MRSS: Domain = (0, 51)
RESULT: Domain = (0, 1e9)
"""Of the laboratory, in any unit."""
LIMIT: Domain = (1e-9, 1e9)
"""Of normal, or a baseline, in any unit: something is a multiple of it."""


def is_within(value: float | None, domain: Domain) -> TypeGuard[float]:
    """Whether a number is there and lies in its domain; NaN never does."""
    return value is not None and domain[0] <= value <= domain[1]


def round_off(number: float) -> float:
    """To twelve significant digits: without it 38.1 would be above 3 × 12.7."""
    return float(f"{number:.12g}")
