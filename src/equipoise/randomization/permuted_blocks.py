"""Permuted blocks: in each block every arm occurs as often as the ratio says, in random order."""

from collections.abc import Callable, Iterator
from itertools import cycle

from msgspec import Struct

UNSTRATIFIED = ""
"""The one stratum of a study that has none."""

DrawBelow = Callable[[int], int]


class Specification(Struct, frozen=True, kw_only=True):
    """What a list is drawn from. Each stratum gets a list long enough for all `n_planned`.

    `ratio` has a number for each arm; `blocks` are block sizes, repeated in the order given.
    """

    study: str
    arms: tuple[str, ...]
    ratio: tuple[int, ...]
    blocks: tuple[int, ...]
    n_planned: int
    strata: tuple[str, ...] = (UNSTRATIFIED,)


class Allocation(Struct, frozen=True):
    """The arm of the participant who comes `order`-th (from 1) in a stratum."""

    stratum: str
    order: int
    arm: str


def permuted_blocks(
    specification: Specification, *, draw_below: DrawBelow
) -> tuple[Allocation, ...]:
    """Draw the whole list, stratum after stratum. `draw_below(n)` is uniform on 0..n-1.

    The specification must have passed `check_specification`.
    """
    return tuple(
        Allocation(stratum, order, arm)
        for stratum in specification.strata
        for order, arm in enumerate(_draw_stratum(specification, draw_below), start=1)
    )


def _draw_stratum(specification: Specification, draw_below: DrawBelow) -> Iterator[str]:
    for size in block_sizes(specification.blocks, specification.n_planned):
        yield from _shuffled(_block(specification, size), draw_below)


def block_sizes(blocks: tuple[int, ...], n_planned: int) -> Iterator[int]:
    """The sizes in turn, again from the first, until there is a place for everyone planned."""
    turns, n_places = cycle(blocks), 0
    while n_places < n_planned:
        size = next(turns)
        yield size
        n_places += size


def _block(specification: Specification, size: int) -> list[str]:
    repeats = size // sum(specification.ratio)
    shares = zip(specification.arms, specification.ratio, strict=True)
    return [arm for arm, share in shares for _ in range(share * repeats)]


def _shuffled(items: list[str], draw_below: DrawBelow) -> list[str]:
    """Fisher and Yates: every order is equally likely if `draw_below` is uniform."""
    for last in range(len(items) - 1, 0, -1):
        other = draw_below(last + 1)
        items[last], items[other] = items[other], items[last]
    return items
