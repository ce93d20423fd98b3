"""Lists that are drawn before the first participant, and how they go on after the last planned."""

from collections.abc import Iterator

from equipoise.randomization.generator import counter_draws, derive_key
from equipoise.randomization.permuted_blocks import block_sizes, shuffled_blocks
from equipoise.randomization.schemes import DrawBelow, State, Walk, draw_place, walk_of
from equipoise.randomization.specification import Allocation, Specification

Listed = tuple[tuple[str, ...], State]
"""The arms of one stratum, and the state of its scheme after them."""


def draw_list(specification: Specification, *, draw_below: DrawBelow) -> tuple[Allocation, ...]:
    """Draw the whole list, stratum after stratum. `draw_below(n)` is uniform on 0..n-1.

    The specification must have passed `check_specification`, and its scheme be one that can be
    drawn in advance.
    """
    return tuple(
        Allocation(stratum, order, arm)
        for stratum in specification.strata
        for order, arm in enumerate(_draw_stratum(specification, draw_below)[0], start=1)
    )


def draw_further(
    specification: Specification, stratum: str, *, seed: bytes
) -> Iterator[Allocation]:
    """What follows the planned list of a stratum, without end; the same for the same seed.

    A block that was begun is finished first. Each stratum goes on with a key of its own.
    """
    draw_below, listed = counter_draws(seed), {}
    for name in specification.strata:
        listed[name] = _draw_stratum(specification, draw_below)
    arms, state = listed[stratum]
    order, walk = len(arms), walk_of(specification)
    further = counter_draws(derive_key(seed, "further", stratum))
    while True:
        order += 1
        place, state = draw_place(walk, state, further)
        yield Allocation(stratum, order, specification.arms[walk.arms[place]])


def _draw_stratum(specification: Specification, draw_below: DrawBelow) -> Listed:
    if specification.scheme == "permuted_blocks" and specification.block_order == "in_turn":
        arms = tuple(shuffled_blocks(specification, draw_below))
        n_blocks = sum(1 for _ in block_sizes(specification.blocks, specification.n_planned))
        return arms, (n_blocks % len(specification.blocks), *(0 for _ in specification.ratio))
    return _walked(walk_of(specification), specification, draw_below)


def _walked(walk: Walk, specification: Specification, draw_below: DrawBelow) -> Listed:
    arms, state = [], walk.start
    for _ in range(specification.n_planned):
        place, state = draw_place(walk, state, draw_below)
        arms.append(specification.arms[walk.arms[place]])
    return tuple(arms), state
