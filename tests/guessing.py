"""A classifier that looks at what leaves the cell unit, and how much more it is right than luck."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

TOO_GOOD = 1e-4
"""A classifier that guesses at random does as well as we would call a leak once in so many."""


def label_features(label: str) -> list[float]:
    """Its digits, their parities, sums and remainders, and the whole number."""
    digits = [int(c) for c in label]
    whole = int(label)
    rests = [whole % m for m in (3, 4, 7, 9, 11, 97)]
    return [*digits, *(d % 2 for d in digits), sum(digits), *rests, len(label), whole]


def guess_kits(features: Sequence[Sequence[float]], held: Sequence[str]) -> tuple[int, int, float]:
    """Right guesses and all of them in the half not learned from, and the chance of luck.

    A stump: the one feature and threshold that part two contents best in the first half. Luck is to
    name always the commoner one.
    """
    seen, first = np.array(features, dtype=float), sorted(set(held))[0]
    is_first = np.array([h == first for h in held])
    learned = np.arange(len(held)) % 4 < 2  # both contents in each half, in whatever order
    place, threshold, is_above = _best_stump(seen[learned], is_first[learned])
    named = (seen[~learned, place] > threshold) == is_above
    n_right, n = int((named == is_first[~learned]).sum()), int((~learned).sum())
    share = float(is_first[~learned].mean())
    return n_right, n, max(share, 1 - share)


def is_beyond_luck(n_right: int, n: int, luck: float) -> bool:
    """By the exact binomial distribution."""
    ways = (math.comb(n, k) * luck**k * (1 - luck) ** (n - k) for k in range(n_right, n + 1))
    return sum(ways) < TOO_GOOD


def _best_stump(seen: NDArray[np.float64], is_first: NDArray[np.bool_]) -> tuple[int, float, bool]:
    best, found = -1.0, (0, 0.0, True)
    for place in range(seen.shape[1]):
        column = seen[:, place]
        for threshold in np.unique(np.quantile(column, np.linspace(0, 1, 12)[:-1])):
            share = float(((column > threshold) == is_first).mean())
            for is_above, right in ((True, share), (False, 1 - share)):
                if right > best:
                    best, found = right, (place, float(threshold), is_above)
    return found
