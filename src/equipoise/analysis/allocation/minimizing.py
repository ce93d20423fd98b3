"""Many sequences of minimization at once; participants come to the strata at their rates."""

import math

import numpy as np

from equipoise.analysis.allocation.measuring import Counts, Numbers, Operating, Tally
from equipoise.analysis.allocation.walking import Setting


def estimate_minimization(
    probability: float,
    setting: Setting,
    *,
    levels: tuple[int, ...],
    n_sequences: int,
    randomness: np.random.Generator,
) -> Operating:
    """What minimization over factors with so many `levels` each does in a trial.

    The strata of `setting` are the combinations of the levels, the last factor's changing first.
    """
    assert setting.n_strata == math.prod(levels)
    arms = np.repeat(np.arange(len(setting.ratio)), setting.ratio)
    of_arm = np.eye(len(setting.ratio))[arms]
    everyone = np.arange(n_sequences)
    counts = np.zeros((n_sequences, setting.n_strata, len(setting.ratio)), dtype=np.int64)
    used = [np.zeros((n_sequences, n, len(arms)), dtype=np.int64) for n in levels]
    tally = Tally(setting.ratio, n_sequences)
    for _ in range(setting.n):
        stratum = setting.draw_strata(n_sequences, randomness)
        chosen = np.unravel_index(stratum, levels)
        shared = [u[everyone, level] for u, level in zip(used, chosen, strict=True)]
        chances = chances_of(sum_imbalances(shared), probability)
        tally.add(chances @ of_arm, counts[everyone, stratum])
        upto = chances.cumsum(axis=1)
        upto[:, -1] = 1.0
        place = (randomness.random(n_sequences)[:, None] >= upto).sum(axis=1)
        for u, level in zip(used, chosen, strict=True):
            u[everyone, level, place] += 1
        counts[everyone, stratum, arms[place]] += 1
    return tally.finish(counts.sum(axis=1))


def sum_imbalances(shared: list[Counts]) -> Counts:
    """For each sequence and place, the summed ranges if the next participant came there.

    `shared` holds, for each factor, the places' counts among those of the same level.
    """
    total = np.zeros_like(shared[0])
    for place in range(total.shape[1]):
        for counts in shared:
            after = counts.copy()
            after[:, place] += 1
            total[:, place] += after.max(axis=1) - after.min(axis=1)
    return total


def chances_of(imbalances: Counts, probability: float) -> Numbers:
    """The best places have `probability` together, unless all are alike."""
    best = imbalances == imbalances.min(axis=1, keepdims=True)
    n_best = best.sum(axis=1, keepdims=True)
    n_others = imbalances.shape[1] - n_best
    for_others = (1 - probability) / np.maximum(n_others, 1)
    for_best = np.where(n_others == 0, 1 / n_best, probability / n_best)
    return np.asarray(np.where(best, for_best, for_others), dtype=float)
