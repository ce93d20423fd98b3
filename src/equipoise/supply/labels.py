"""Labels of infusions: digits without structure, drawn by the caller's randomness."""

from collections.abc import Callable, Collection

LABEL_DIGITS = 8
DrawBelow = Callable[[int], int]
"""A uniform number from 0 up to, not including, a bound: `secrets.randbelow`."""


def draw_label(draw_below: DrawBelow, *, used: Collection[str]) -> str:
    """Eight digits that were never used. No part of them is made from anything: no check digit,
    no counter, no prefix, so that nothing about a bag can be read from its label."""
    while True:
        label = f"{draw_below(10**LABEL_DIGITS):0{LABEL_DIGITS}d}"
        if label not in used:
            return label
