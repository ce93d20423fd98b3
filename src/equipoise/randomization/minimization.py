"""Minimization: the next arm depends on who came before, factor by factor (Pocock, Simon 1975).

Imbalance is the range of the counts among those who share a level, summed over the factors. The
places that keep it least have `probability` together, the others the rest. An unequal ratio is kept
by as many equal places an arm as its share, so it holds at every step.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction

from msgspec import Struct

from equipoise.randomization.generator import counter_draws, derive_key
from equipoise.randomization.schemes import place_of
from equipoise.randomization.specification import Specification
from equipoise.randomization.strata import split_levels


class Draw(Struct, frozen=True, kw_only=True):
    """One draw: what it rested on, the chances, the number, and the place it fell on.

    `left_out` has a bit for each earlier draw that did not count, the first the lowest, in
    hexadecimal; empty where all did.
    """

    stratum: str
    place: int
    imbalances: tuple[int, ...] = ()
    weights: tuple[int, ...] = ()
    drawn: int = 0
    left_out: str = ""


def draw_next(
    specification: Specification,
    stratum: str,
    *,
    seed: bytes,
    history: Sequence[Draw],
    left_out: str = "",
) -> Draw:
    """Draw the place of the next participant; everybody in `history` counts, as they came.

    Draw number k (from 1) has a key of its own, so that it can be replayed alone. A place below 0
    is of somebody who is not counted; so are those of the bits of `left_out`.
    """
    mask = int(left_out or "0", 16)
    counted = [before for k, before in enumerate(history) if not mask >> k & 1]
    imbalances = imbalances_after(sum(specification.ratio), stratum, history=counted)
    weights = weights_of(imbalances, Fraction(specification.probability))
    key = derive_key(seed, "minimization", str(len(history) + 1))
    drawn = counter_draws(key)(sum(weights))
    return Draw(
        stratum=stratum,
        place=place_of(drawn, weights),
        imbalances=imbalances,
        weights=weights,
        drawn=drawn,
        left_out=left_out,
    )


def mark_left_out(places: Iterable[int]) -> str:
    """The bits of `Draw.left_out` for these earlier draws, from 0."""
    mask = sum(1 << place for place in set(places))
    return f"{mask:x}" if mask else ""


def arm_of(specification: Specification, place: int) -> str:
    """The arm that a place belongs to."""
    shares = zip(specification.arms, specification.ratio, strict=True)
    return [arm for arm, share in shares for _ in range(share)][place]


def imbalances_after(n_places: int, stratum: str, *, history: Sequence[Draw]) -> tuple[int, ...]:
    """For each place, the imbalance summed over the factors if the next participant came there."""
    counts = [[0] * n_places for _ in split_levels(stratum)]
    for before in history:
        shared = zip(split_levels(stratum), split_levels(before.stratum), counts, strict=True)
        for level, earlier, counted in shared:
            if before.place >= 0:
                counted[before.place] += level == earlier
    return tuple(
        sum(_range_with(counted, place) for counted in counts) for place in range(n_places)
    )


def weights_of(imbalances: tuple[int, ...], probability: Fraction) -> tuple[int, ...]:
    """Whole numbers: the best places have `probability` together, unless all are alike."""
    best = [imbalance == min(imbalances) for imbalance in imbalances]
    n_best, n_others = sum(best), best.count(False)
    if not n_others:
        return (1,) * n_best
    for_best = probability.numerator * n_others
    for_others = (probability.denominator - probability.numerator) * n_best
    return tuple(for_best if is_best else for_others for is_best in best)


def _range_with(counts: list[int], place: int) -> int:
    after = [n + (k == place) for k, n in enumerate(counts)]
    return max(after) - min(after)
