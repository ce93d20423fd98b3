"""The schemes, each as a walk: a small state, and the chances of every arm in it.

The chances are whole numbers, so that a draw below their sum is exact and can be replayed. The
live list, the report before sign-off and the tests all take the same walk.
"""

from collections.abc import Callable
from fractions import Fraction

from msgspec import Struct

from equipoise.randomization.specification import BlockOrder, Specification

State = tuple[int, ...]
"""What a scheme remembers of a stratum; the least that it needs."""
DrawBelow = Callable[[int], int]
"""`draw_below(n)` is uniform on 0..n-1."""


class Walk(Struct, frozen=True, kw_only=True):
    """How a scheme goes from one participant of a stratum to the next.

    A scheme draws among `places`; `arms[place]` is the arm that the place belongs to. `openings`
    are the equally likely ways to go on from a state, more than one where a block's size is drawn.
    """

    arms: tuple[int, ...]
    start: State
    openings: Callable[[State], tuple[State, ...]] = lambda state: (state,)
    weights: Callable[[State], tuple[int, ...]]
    advance: Callable[[State, int], State]


def walk_of(specification: Specification) -> Walk:
    """The walk of a list's scheme.

    The specification must have passed `check_specification`; lists made elsewhere and
    minimization have no walk.
    """
    ratio, unit = specification.ratio, sum(specification.ratio)
    match specification.scheme:
        case "complete":
            return complete(ratio)
        case "random_allocation_rule":
            size = -(-specification.n_planned // unit) * unit
            return blocks_of(ratio, (size,))
        case "big_stick":
            return big_stick(ratio, specification.tolerance)
        case "block_urn":
            return block_urn(ratio, specification.lambda_)
        case "biased_coin":
            return biased_coin(ratio, Fraction(specification.probability))
    return blocks_of(ratio, specification.blocks, order=specification.block_order)


def draw_place(walk: Walk, state: State, draw_below: DrawBelow) -> tuple[int, State]:
    """Draw one place, and the state after it."""
    openings = walk.openings(state)
    opened = openings[draw_below(len(openings))] if len(openings) > 1 else openings[0]
    place = pick(walk.weights(opened), draw_below)
    return place, walk.advance(opened, place)


def pick(weights: tuple[int, ...], draw_below: DrawBelow) -> int:
    """A place with a chance in proportion to its weight."""
    return place_of(draw_below(sum(weights)), weights)


def place_of(drawn: int, weights: tuple[int, ...]) -> int:
    """The place that a number below the sum of the weights falls on."""
    for place, weight in enumerate(weights):
        if drawn < weight:
            return place
        drawn -= weight
    raise ValueError(drawn)


def complete(ratio: tuple[int, ...]) -> Walk:
    """Each participant by the ratio, whatever came before."""
    return Walk(
        arms=tuple(range(len(ratio))),
        start=(),
        weights=lambda _: ratio,
        advance=lambda state, _: state,
    )


def blocks_of(
    ratio: tuple[int, ...], sizes: tuple[int, ...], *, order: BlockOrder = "in_turn"
) -> Walk:
    """Permuted blocks: in each, every arm as often as the ratio says (Zelen 1974).

    The state is whose turn it is among the sizes, and what is left of the block for each arm.
    """
    unit = sum(ratio)

    def openings(state: State) -> tuple[State, ...]:
        if any(state[1:]):
            return (state,)
        turns = (state[0],) if order == "in_turn" else range(len(sizes))
        full = (tuple(share * (sizes[turn] // unit) for share in ratio) for turn in turns)
        return tuple((state[0], *left) for left in full)

    def advance(state: State, place: int) -> State:
        turn, *left = state
        left[place] -= 1
        if order == "in_turn" and not any(left):
            turn = (turn + 1) % len(sizes)
        return (turn, *left)

    return Walk(
        arms=tuple(range(len(ratio))),
        start=(0,) * (len(ratio) + 1),
        openings=openings,
        weights=lambda state: state[1:],
        advance=advance,
    )


def big_stick(ratio: tuple[int, ...], tolerance: int) -> Walk:
    """By the ratio, except what would part the most used from the least by more than `tolerance`.

    Soares and Wu 1983, for several arms by the range of their counts.
    """

    def weights(state: State) -> tuple[int, ...]:
        spans = (_add(state, place) for place in range(len(state)))
        return tuple(int(max(after) - min(after) <= tolerance) for after in spans)

    return _even_walk(ratio, weights)


def biased_coin(ratio: tuple[int, ...], probability: Fraction) -> Walk:
    """The least used arms are `probability` against the rest, each (Efron 1971, for two arms)."""
    ahead = probability.denominator - probability.numerator

    def weights(state: State) -> tuple[int, ...]:
        if not any(state):
            return (1,) * len(state)
        return tuple(ahead if used else probability.numerator for used in state)

    return _even_walk(ratio, weights)


def block_urn(ratio: tuple[int, ...], n_sets: int) -> Walk:
    """An urn with `n_sets` balls for each share; a whole set drawn goes back (Zhao, Weng 2011)."""

    def advance(state: State, place: int) -> State:
        used = tuple(n + (place == k) for k, n in enumerate(state))
        if all(n >= share for n, share in zip(used, ratio, strict=True)):
            return tuple(n - share for n, share in zip(used, ratio, strict=True))
        return used

    return Walk(
        arms=tuple(range(len(ratio))),
        start=(0,) * len(ratio),
        weights=lambda state: tuple(
            n_sets * share - n for share, n in zip(ratio, state, strict=True)
        ),
        advance=advance,
    )


def _even_walk(ratio: tuple[int, ...], weights: Callable[[State], tuple[int, ...]]) -> Walk:
    """A scheme for equal arms, over as many equal places an arm as the ratio gives it.

    So an unequal ratio holds at every single place of the list, which a direct weighting loses
    (Kuznetsova and Tymofyeyev 2012). The state is how far each place is ahead of the least used.
    """
    arms = tuple(arm for arm, share in enumerate(ratio) for _ in range(share))
    return Walk(arms=arms, start=(0,) * len(arms), weights=weights, advance=_add)


def _add(state: State, place: int) -> State:
    used = tuple(n + (place == k) for k, n in enumerate(state))
    least = min(used)
    return tuple(n - least for n in used)
