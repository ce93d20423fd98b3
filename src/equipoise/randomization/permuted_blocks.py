"""Permuted blocks, shuffled a block at a time: how every list was drawn from the first version on.

The chances are those of `schemes.blocks_of`; this order of draws stays, so that an older vault is
drawn again as it was.
"""

from collections.abc import Iterator
from itertools import cycle

from equipoise.randomization.schemes import DrawBelow
from equipoise.randomization.specification import Specification


def shuffled_blocks(specification: Specification, draw_below: DrawBelow) -> Iterator[str]:
    """The arms of one stratum, block after block, until all blocks needed are full."""
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
