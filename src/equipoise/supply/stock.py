"""Whether there is enough of every product, said so that the answer tells no arm.

What is really left of a product tells what was given. So this counts as if every infusion had used
up its share of each product: a number that depends on what came in, and on how many people were
randomized and when, never on what anybody got.
"""

import datetime as dt
from collections.abc import Collection, Sequence

from msgspec import Struct


class Receipt(Struct, frozen=True):
    """Bags of one product that can be used until the end of a day."""

    product: str
    n_bags: int
    until_on: dt.date


def count_places(
    receipts: Collection[Receipt],
    *,
    products: Sequence[str],
    bags_each: int,
    infusions: Sequence[dt.date],
    needed_until: dt.date,
) -> int:
    """For how many infusions, whatever they hold, every product is there until a day.

    `infusions` are the days of all infusions so far; each took `bags_each` bags of every product,
    those that expire first. What is left and lasts until `needed_until` is counted.
    """
    return min(
        (
            _left_of(
                sorted((r for r in receipts if r.product == product), key=lambda r: r.until_on),
                bags_each=bags_each,
                infusions=infusions,
                needed_until=needed_until,
            )
            for product in products
        ),
        default=0,
    )


def _left_of(
    lots: Sequence[Receipt],
    *,
    bags_each: int,
    infusions: Sequence[dt.date],
    needed_until: dt.date,
) -> int:
    """Infusions of one product that are left; of its bags those go first that expire first."""
    left = [lot.n_bags for lot in lots]
    for on in sorted(infusions):
        wanted = bags_each
        for i, lot in enumerate(lots):
            taken = min(wanted, left[i]) if lot.until_on >= on else 0
            left[i] -= taken
            wanted -= taken
    lasting = (n for n, lot in zip(left, lots, strict=True) if lot.until_on >= needed_until)
    return sum(lasting) // bags_each
