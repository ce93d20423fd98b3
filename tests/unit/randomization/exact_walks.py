"""A scheme along every possible sequence, in exact fractions: the oracle of simulations."""

from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from types import SimpleNamespace

from equipoise.randomization import Walk


def follow(walk: Walk, ratio: tuple[int, ...], n: int) -> SimpleNamespace:
    """The true guessed and certain shares, the share that ends unbalanced, each place's shares."""
    unit = sum(ratio)
    reached = {(walk.start, (0,) * len(ratio)): Fraction(1)}
    guessed, certain, shares = Fraction(0), Fraction(0), []
    for _ in range(n):
        after, share = defaultdict(Fraction), [Fraction(0)] * len(ratio)
        for state, counts, chance in _opened(walk, reached):
            arms = arm_chances(walk, state, len(ratio))
            named = _named(counts, ratio)
            guessed += chance * sum(arms[a] for a in named) / len(named)
            certain += chance * (max(arms) == 1)
            share = [s + chance * a for s, a in zip(share, arms, strict=True)]
            weights = walk.weights(state)
            for place, weight in enumerate(weights):
                if weight:
                    arm = walk.arms[place]
                    then = tuple(c + (k == arm) for k, c in enumerate(counts))
                    followed = chance * Fraction(weight, sum(weights))
                    after[walk.advance(state, place), then] += followed
        reached = after
        shares.append(share)
    ends = defaultdict(Fraction)
    for (_, counts), chance in reached.items():
        ends[counts] += chance
    apart = [(_apart(counts, ratio), chance) for counts, chance in ends.items()]
    return SimpleNamespace(
        guessed=guessed / n,
        certain=certain / n,
        unbalanced=sum(c for d, c in apart if d >= 2),
        apart=sum(d * c for d, c in apart),
        shares=shares,
        ends=dict(ends),
        drift=max(
            abs(s - Fraction(r, unit)) for x in shares for s, r in zip(x, ratio, strict=True)
        ),
    )


def arm_chances(walk: Walk, state: tuple[int, ...], n_arms: int) -> list[Fraction]:
    weights = walk.weights(state)
    chances = [Fraction(0)] * n_arms
    for place, weight in enumerate(weights):
        chances[walk.arms[place]] += Fraction(weight, sum(weights))
    return chances


def _opened(walk: Walk, reached: dict) -> Iterator[tuple]:
    for (state, counts), chance in reached.items():
        openings = walk.openings(state)
        for opening in openings:
            yield opening, counts, chance / len(openings)


def _named(counts: tuple[int, ...], ratio: tuple[int, ...]) -> list[int]:
    """Whom the simple guesser names: furthest behind its share; the larger share among equals."""
    behind = [Fraction(c, r) for c, r in zip(counts, ratio, strict=True)]
    first = [a for a, b in enumerate(behind) if b == min(behind)]
    return [a for a in first if ratio[a] == max(ratio[b] for b in first)]


def _apart(counts: tuple[int, ...], ratio: tuple[int, ...]) -> Fraction:
    scaled = [Fraction(c, r) for c, r in zip(counts, ratio, strict=True)]
    return max(scaled) - min(scaled)
