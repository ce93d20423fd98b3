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


def symbol_of(label: str, participant: str) -> str:
    """What the two-dimensional symbol of a label holds."""
    return f"{label} {participant}"


def read_scans(label: str, card: str) -> tuple[str, str]:
    """The label and the participant's code out of two fields, as they were scanned.

    The symbol on a label holds both, and gives the label whichever field it was read into. It never
    stands for the card: then the bag would say whose it is, and nobody looked at the person.
    """
    of_label, of_card = label.split(), card.split()
    labels = of_label[:1] or of_card[:-1]
    codes = of_card if len(of_card) == 1 else []
    return "".join(labels), "".join(codes)
