"""What a list is drawn from: the arms and their ratio, the scheme and its settings, the strata."""

from typing import Literal

from msgspec import Struct

UNSTRATIFIED = ""
"""The one stratum of a study that has none."""

SchemeName = Literal[
    "permuted_blocks",
    "complete",
    "random_allocation_rule",
    "big_stick",
    "block_urn",
    "biased_coin",
    "minimization",
    "imported",
]
BlockOrder = Literal["in_turn", "random"]


class Specification(Struct, frozen=True, kw_only=True):
    """What a list is drawn from. Each stratum gets a list long enough for all `n_planned`.

    `ratio` has a number for each arm; `blocks` are block sizes, taken in turn or drawn. What a
    scheme does not need keeps its default, so that an older vault reads as it was made.
    `probability` is a decimal such as `0.8`, kept as text so that it is exact. Minimization counts
    everybody but those whom `leaves_out` names: `withdrawn`, `in_error`.
    """

    study: str
    arms: tuple[str, ...]
    ratio: tuple[int, ...]
    blocks: tuple[int, ...] = ()
    n_planned: int
    strata: tuple[str, ...] = (UNSTRATIFIED,)
    scheme: SchemeName = "permuted_blocks"
    block_order: BlockOrder = "in_turn"
    tolerance: int = 0
    lambda_: int = 0
    probability: str = ""
    floor: str = ""
    digest: str = ""
    leaves_out: tuple[str, ...] = ()


class Allocation(Struct, frozen=True):
    """The arm of the participant who comes `order`-th (from 1) in a stratum."""

    stratum: str
    order: int
    arm: str
