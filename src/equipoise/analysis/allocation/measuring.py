"""What is measured of a simulated allocation: how well it is guessed, how evenly it ends."""

import math
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from msgspec import Struct

Counts = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]
POWER, ALPHA = 0.8, 0.05
"""The power that a pair of arms has when the ratio is met exactly; the two-sided level."""


class Estimate(Struct, frozen=True):
    """A mean over sequences, and its Monte Carlo error (one standard error)."""

    estimate: float
    mc_error: float


class Operating(Struct, frozen=True, kw_only=True):
    """What a scheme does over many sequences; shares of one.

    `guessed`: allocations guessed rightly as the arm that is furthest behind its share among the
    known earlier ones of the stratum. `best_guess`: by who knows the scheme and its state too.
    `certain`: allocations that this person knows before they are made. `unbalanced`: trials that
    end two or more places, for each share of the ratio, apart. `apart`: how far, on average.
    `power`: of a comparison of two arms that has 0.8 at the exact ratio; `power_low`: in the worst
    twentieth of the trials.
    """

    guessed: Estimate
    best_guess: Estimate
    certain: Estimate
    unbalanced: Estimate
    apart: Estimate
    power: Estimate
    power_low: float


class Tally:
    """What is counted while the sequences are walked; one place a sequence."""

    def __init__(self, ratio: tuple[int, ...], n_sequences: int) -> None:
        self._ratio = np.array(ratio)
        self._unit = math.lcm(*ratio)
        self._guessed, self._best, self._certain = (np.zeros(n_sequences) for _ in range(3))

    def add(self, chances: Numbers, counts: Counts) -> None:
        """One allocation of each sequence: the arms' chances, and the stratum's counts before."""
        by_arm = np.ascontiguousarray(chances.T)
        behind = np.ascontiguousarray(counts.T) * (self._unit // self._ratio)[:, None]
        first = behind == behind.min(axis=0)
        share = np.where(first, self._ratio[:, None], 0)
        named = share == share.max(axis=0)
        self._guessed += (by_arm * named).sum(axis=0) / named.sum(axis=0)
        highest = by_arm.max(axis=0)
        self._best += highest
        self._certain += highest == 1

    def finish(self, counts: Counts) -> Operating:
        """The estimates, from the arms' counts at the end, over all strata."""
        n = int(counts[0].sum())
        scaled = counts / self._ratio
        apart = scaled.max(axis=1) - scaled.min(axis=1)
        power = powers(counts, self._ratio)
        return Operating(
            guessed=estimate_mean(self._guessed / n),
            best_guess=estimate_mean(self._best / n),
            certain=estimate_mean(self._certain / n),
            unbalanced=estimate_mean((apart >= 2).astype(float)),
            apart=estimate_mean(apart),
            power=estimate_mean(power),
            power_low=float(np.quantile(power, 0.05)),
        )


def powers(counts: Counts, ratio: Counts) -> Numbers:
    """The power of each sequence, averaged over the pairs of arms.

    The normal approximation with a known variance: what counts is 1 / (1/n1 + 1/n2), against the
    same at the exact ratio, where the power is 0.8. Without anybody in an arm there is only luck.
    """
    normal = NormalDist()
    critical = normal.inv_cdf(1 - ALPHA / 2)
    effect = critical + normal.inv_cdf(POWER)
    planned = counts[0].sum() * ratio / ratio.sum()
    pairs = [(i, j) for i in range(len(ratio)) for j in range(i)]
    total = np.zeros(len(counts))
    for i, j in pairs:
        kept = _information(counts[:, i], counts[:, j]) / _information(planned[i], planned[j])
        values, places = np.unique(kept, return_inverse=True)
        known = [normal.cdf(effect * math.sqrt(v) - critical) for v in values]
        total += np.array(known)[places]
    return total / len(pairs)


def _information(one: Numbers | Counts, other: Numbers | Counts) -> Numbers:
    return np.asarray(one * other / np.maximum(one + other, 1), dtype=float)


def estimate_mean(values: Numbers) -> Estimate:
    """The mean of what each sequence gave, with its standard error."""
    error = float(values.std()) / math.sqrt(len(values))
    return Estimate(float(values.mean()), error)
