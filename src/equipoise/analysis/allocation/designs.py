"""The designs that a study's own is shown beside."""

from collections.abc import Iterator
from fractions import Fraction

from msgspec import Struct

from equipoise.analysis.texts import word
from equipoise.problems import Text
from equipoise.randomization import Specification, Walk, walk_of
from equipoise.randomization.schemes import (
    biased_coin,
    big_stick,
    block_urn,
    blocks_of,
    complete,
)

COIN = Fraction(2, 3)
"""Efron's own choice (1971)."""

MINIMIZED = Fraction("0.8")
"""The chance of the best places where minimization is an alternative: a common one, below 1."""


class Design(Struct, frozen=True, kw_only=True):
    """A scheme with its settings, in words; minimization has no walk, but a probability."""

    name: Text
    walk: Walk | None = None
    probability: Fraction | None = None
    is_own: bool = False


def own_design(told: Specification) -> Design | None:
    """The design of the study itself; none where the list is made elsewhere."""
    match told.scheme:
        case "imported":
            return None
        case "minimization":
            name = word("scheme_minimization", p=told.probability)
            return Design(name=name, probability=Fraction(told.probability), is_own=True)
        case "complete" | "random_allocation_rule":
            name = word(f"scheme_{told.scheme}")
        case "big_stick":
            name = word("scheme_big_stick", n=told.tolerance)
        case "block_urn":
            name = word("scheme_block_urn", n=told.lambda_)
        case "biased_coin":
            name = word("scheme_biased_coin", p=told.probability)
        case _:
            sizes = told.blocks if told.block_order == "in_turn" else tuple(sorted(told.blocks))
            name = _blocks(sizes, is_mixed=told.block_order == "random")
    return Design(name=name, walk=walk_of(told), is_own=True)


def alternatives(ratio: tuple[int, ...], n: int) -> Iterator[Design]:
    """Designs for a ratio and a number of participants, from the strictest to the loosest."""
    unit = sum(ratio)
    for sizes in ((unit,), (2 * unit,), (unit, 2 * unit), (3 * unit,), (2 * unit, 3 * unit)):
        if max(sizes) < n:
            is_mixed = len(sizes) > 1
            walk = blocks_of(ratio, sizes, order="random" if is_mixed else "in_turn")
            yield Design(name=_blocks(sizes, is_mixed=is_mixed), walk=walk)
    size = -(-n // unit) * unit
    yield Design(name=word("scheme_random_allocation_rule"), walk=blocks_of(ratio, (size,)))
    for k in (2, 3):
        yield Design(name=word("scheme_block_urn", n=k), walk=block_urn(ratio, k))
    for k in (2, 3):
        yield Design(name=word("scheme_big_stick", n=k), walk=big_stick(ratio, k))
    yield Design(name=word("scheme_biased_coin", p=str(COIN)), walk=biased_coin(ratio, COIN))
    yield Design(name=word("scheme_complete"), walk=complete(ratio))


def minimized() -> Design:
    """The alternative of a study that is stratified: over the same factors."""
    p = MINIMIZED
    return Design(name=word("scheme_minimization", p=float(p)), probability=p)


def _blocks(sizes: tuple[int, ...], *, is_mixed: bool) -> Text:
    same = len(set(sizes)) == 1
    key = "scheme_mixed_blocks" if is_mixed else "scheme_block" if same else "scheme_blocks"
    listed = ", ".join(str(size) for size in (sizes[:1] if same else sizes))
    return word(key, sizes=listed)
