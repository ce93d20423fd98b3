"""The blinding indices of James (1996) and of Bang (2004), with their asymptotic errors.

James: over both arms; 1 if nobody knows, 0.5 at chance, 0 if everybody guesses right; those who do
not know count most. Bang: within one arm; 0 at chance, 1 if all guess right, -1 if all wrong.

James KE et al., Stat Med 1996;15:1421; Bang H et al., Control Clin Trials 2004;25:143.
"""

import math

import numpy as np
from msgspec import Struct

Z95 = 1.959963984540054
WRONG = 0.5
"""The weight of a wrong guess in James's index; a right one has 0, who does not know has 1."""


class Guesses(Struct, frozen=True):
    """How many of one arm guessed the active treatment, the placebo, or did not know."""

    active: int
    placebo: int
    unknown: int

    @property
    def total(self) -> int:
        """Everybody of the arm who was asked."""
        return self.active + self.placebo + self.unknown


class Index(Struct, frozen=True):
    """An index with its standard error; None where it cannot be computed."""

    value: float | None
    error: float | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % confidence interval by the normal distribution."""
        if self.value is None or self.error is None:
            return None
        return self.value - Z95 * self.error, self.value + Z95 * self.error


def estimate_bang(right: int, wrong: int, unknown: int) -> Index:
    """The index of one arm: the share of right guesses less that of wrong ones."""
    n = right + wrong + unknown
    if n == 0:
        return Index(None)
    share_right, share_wrong = right / n, wrong / n
    value = share_right - share_wrong
    return Index(value, math.sqrt((share_right + share_wrong - value**2) / n))


def estimate_james(active: Guesses, placebo: Guesses) -> Index:
    """The index of the trial. With q the share of guesses, A the weighted disagreement that was
    seen and B the one that chance would give, it is 1 - q + A q^2 / 2B."""
    seen = np.array(
        [[active.active, placebo.active], [active.placebo, placebo.placebo]], dtype=float
    )
    n = active.total + placebo.total
    weights = np.array([[0.0, WRONG], [WRONG, 0.0]])
    if n == 0:
        return Index(None)
    p = seen / n
    q = p.sum()
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    by_chance = rows @ weights @ columns
    if q == 0:
        return Index(1.0, 0.0)
    if by_chance == 0:
        return Index(None)
    observed = (weights * p).sum()
    value = 1 - q + observed * q**2 / (2 * by_chance)
    # The delta method over the multinomial of all answers; "does not know" has the slope 0.
    slope_chance = (weights @ columns)[:, None] + (rows @ weights)[None, :]
    slope = (
        -1
        + weights * q**2 / (2 * by_chance)
        + observed * q / by_chance
        - observed * q**2 * slope_chance / (2 * by_chance**2)
    )
    variance = ((p * slope**2).sum() - (p * slope).sum() ** 2) / n
    return Index(float(value), math.sqrt(max(0.0, float(variance))))
